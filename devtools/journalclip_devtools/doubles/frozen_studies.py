"""A frozen dataset of drawn studies: a bright box on one side of a dim head, and texts that say so.

``repeat`` lists every study of the training split as many times, over the same shards: a manifest of any length on a
small disk.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from journalclip_modeling.studies.data import Voxels, packed
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, blob_ref
from journalclip_shared.events import DatasetFrozen
from journalclip_shared.ids import make_id
from journalclip_shared.records.dataset import DatasetManifest, LeakReport, SplitPart
from journalclip_shared.records.report import ReportFinding, ReportRecord, SequenceDescription, SequenceName
from journalclip_shared.records.study import ExtractedVolume, StructuredStudy, StudyPair

SEQUENCES: tuple[SequenceName, ...] = ("FLAIR", "DWI")
_NONE = blob_ref("studies", "0" * 64, 1, "application/octet-stream")
_TERMS = ("glioma", "infarct", "abscess")


def freeze_studies(
    store: ArtifactStore,
    grid: tuple[int, int, int],
    train: int = 12,
    test: int = 0,
    repeat: int = 1,
    shard: int = 5,
    sequences: Sequence[SequenceName] = SEQUENCES,
) -> DatasetFrozen:
    """``train`` and ``test`` studies; validation takes the test studies."""  # fmt: skip
    splits = {
        "train": _part(store, range(train), grid, repeat, shard, sequences),
        "val": _part(store, range(train, train + test), grid, 1, shard, sequences),
        "test": _part(store, range(train, train + test), grid, 1, shard, sequences),
    }
    dataset_id = make_id("ds", "studies", str(grid), str(train), str(test), str(repeat))
    manifest = DatasetManifest(
        dataset_id=dataset_id, digest="0" * 64, splits=splits, leaks=LeakReport(), image_size=max(grid[1:]),
        kind="studies",
    )  # fmt: skip
    ref = store.put_manifest("datasets", f"frozen/{dataset_id}", manifest.canonical())
    return DatasetFrozen(dataset_id=dataset_id, manifest=ref, pairs=splits["train"].pairs, kind="studies")


def voxels_of(number: int, sequence: SequenceName, grid: tuple[int, int, int]) -> Voxels:
    """A noisy head, and on all sequences but DWI a bright box: on the right of the patient where ``number`` is even."""
    rng = np.random.default_rng((number, SEQUENCES.index(sequence) if sequence in SEQUENCES else len(sequence)))
    slices, rows, columns = grid
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    head = (y**2 + x**2 < 0.8)[None] * rng.normal(100, 12, grid)
    if sequence != "DWI":
        left = columns // 8 if number % 2 == 0 else columns - columns // 8 - columns // 4
        head[slices // 3 : 2 * slices // 3 + 1, rows // 3 : rows // 2, left : left + columns // 4] = 240
    return np.asarray(head.clip(0, 255), np.uint8)


def described(number: int, sequence: SequenceName) -> SequenceDescription:
    """What the report says of one sequence."""
    side, term = ("left" if number % 2 else "right"), _TERMS[number // 2 % len(_TERMS)]
    if sequence == "DWI":
        return SequenceDescription(sequence=sequence, rendering=f"{sequence}: no abnormality, case {number // 6}.")
    found = ReportFinding(term=term, laterality=side, site="frontal lobe", signal="hyperintense")
    said = f"{sequence}: hyperintense {term} in the {side} frontal lobe, case {number // 6}."
    return SequenceDescription(sequence=sequence, findings=(found,), rendering=said)


def _study(number: int, grid: tuple[int, int, int], sequences: Sequence[SequenceName]) -> StructuredStudy:
    study, patient = f"std_{number:08d}", f"pat_{number // 2:08d}"
    descriptions = tuple(described(number, name) for name in sequences)
    volumes = tuple(
        ExtractedVolume(series_id=f"ser_{name}", sequence=name, confidence=1.0, volume=_NONE, spacing=(1.0, 1.0, 1.0))
        for name in sequences
    )
    pairs = tuple(
        StudyPair(
            pair_id=f"pair_{number}_{each.sequence}", study_id=study, patient=patient, sequence=each.sequence,
            volume=_NONE, text=each.rendering, description=each,
        )
        for each in descriptions
    )  # fmt: skip
    return StructuredStudy(
        study_id=study, patient=patient, extractor="double", structurer="double", source=_NONE, grid=grid,
        volumes=volumes, record=ReportRecord(descriptions=descriptions), pairs=pairs,
    )  # fmt: skip


def _part(
    store: ArtifactStore, numbers: range, grid: tuple[int, int, int], repeat: int, shard: int,
    sequences: Sequence[SequenceName],
) -> SplitPart:  # fmt: skip
    studies = [_study(number, grid, sequences) for number in numbers]
    rows = sorted(each.model_dump_json() for each in studies * repeat)
    out = io.BytesIO()
    pq.write_table(pa.table({"study": pa.array(rows, pa.string())}), out)
    shards = [_shard(store, numbers[start : start + shard], grid, sequences) for start in range(0, len(numbers), shard)]
    return SplitPart(
        pairs=repeat * sum(len(each.pairs) for each in studies),
        articles=len({each.patient for each in studies}),
        records=store.put("datasets", out.getvalue(), "application/vnd.apache.parquet"),
        shards=tuple(shards) * repeat,
    )


def _shard(
    store: ArtifactStore, numbers: range, grid: tuple[int, int, int], sequences: Sequence[SequenceName]
) -> ArtifactRef:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in numbers:
            for name in sequences:
                data = packed(voxels_of(number, name, grid))
                member = tarfile.TarInfo(f"std_{number:08d}.{name}.npy.gz")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return store.put("datasets", out.getvalue(), "application/x-tar")
