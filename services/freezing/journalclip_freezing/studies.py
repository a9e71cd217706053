"""Freezing studies: the newest document of each study in, a dataset version out that will never change.

Split by patient: all studies of a patient, and all patients that share a volume (one scan under two numbers), stand on
one side, by a hash of the smallest pseudonym. Studies without a pair are left out and counted. Reports repeat each
other by nature ("no abnormality"), so equal texts join nothing; the leak report counts patients and volumes.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import nibabel
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from journalclip_freezing.splits import SPLITS, SplitShares, components, sides
from journalclip_modeling.studies.data import packed
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import DatasetFrozen
from journalclip_shared.ids import canonical_json, make_id, sha256_hex
from journalclip_shared.records.caption import RecordFlag
from journalclip_shared.records.dataset import DatasetManifest, LeakReport, Split, SplitPart
from journalclip_shared.records.study import StructuredStudy

STUDIES_A_SHARD = 200  # of seven sequences at a megabyte each: about a gigabyte at most
_SCHEMA = pa.schema([(name, pa.string()) for name in ("study_id", "patient", "study")])


@dataclass(frozen=True)
class StudyFreezeOptions:
    """What goes into the digest besides the studies."""

    shares: SplitShares = field(default_factory=SplitShares)
    seed: int = 0
    leave_out: tuple[RecordFlag, ...] = ("hidden-instruction", "low-read-share")  # studies whose record has such a flag


def freeze_studies(
    store: ArtifactStore,
    documents: Iterable[ArtifactRef],
    options: StudyFreezeOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DatasetFrozen | None:
    """None where no study has a pair. Raises `PermanentError` ``dataset-leaks``, ``study-grids-differ``."""
    options = options or StudyFreezeOptions()
    every = sorted(
        (StructuredStudy.model_validate_json(store.get(ref)) for ref in documents), key=lambda each: each.study_id
    )
    reasons = {study.study_id: _left_out(study, options) for study in every}
    kept = [study for study in every if not reasons[study.study_id]]
    if not kept:
        return None
    if len({study.grid for study in kept}) > 1:
        raise PermanentError(
            "study-grids-differ", "studies were extracted on different grids", "Extract all of them with one setting."
        )
    splits = split_studies(kept, options)
    digest = _digest(splits, options)
    dataset_id = make_id("ds", digest)
    found = store.find_manifest("datasets", f"frozen/{dataset_id}")
    if found is None:
        dropped = Counter(reason for reason in reasons.values() if reason)
        manifest = _write(store, splits, digest, options, dict(sorted(dropped.items())), progress)
        if manifest.leaks.total:
            raise PermanentError("dataset-leaks", f"splits share content: {manifest.leaks}", "Report this as a bug.")
        members: dict[str, list[str]] = {
            split: [study.study_id for study in studies] for split, studies in splits.items()
        }
        store.put_manifest("datasets", f"members/{dataset_id}", canonical_json(members))
        found = store.put_manifest("datasets", f"frozen/{dataset_id}", manifest.canonical())
    pairs = sum(len(study.pairs) for study in kept)
    return DatasetFrozen(dataset_id=dataset_id, manifest=found, pairs=pairs, kind="studies")


def _left_out(study: StructuredStudy, options: StudyFreezeOptions) -> str:
    """Why a study is in no dataset; empty for one that is."""
    if not study.pairs:
        return "study-without-pair"
    return next((f"flag-{flag}" for flag in study.record.flags if flag in options.leave_out), "")


def split_studies(
    studies: Sequence[StructuredStudy], options: StudyFreezeOptions
) -> dict[Split, list[StructuredStudy]]:
    """Deterministic in the set of studies."""
    first: dict[str, str] = {}
    links = [
        (study.patient, first.setdefault(volume.volume.sha256, study.patient))
        for study in studies
        for volume in study.volumes
    ]
    groups = components({study.patient for study in studies}, links)
    side = sides(groups, options.shares, options.seed)
    return {split: [study for study in studies if side[study.patient] == split] for split in SPLITS}


def leaks_of(splits: dict[Split, list[StructuredStudy]]) -> LeakReport:
    """Patients and volumes in more than one split."""

    def shared(keys: Callable[[StructuredStudy], Iterable[str]]) -> int:
        where: dict[str, set[Split]] = {}
        for split, studies in splits.items():
            for study in studies:
                for key in keys(study):
                    where.setdefault(key, set()).add(split)
        return sum(len(each) > 1 for each in where.values())

    return LeakReport(
        articles=shared(lambda study: [study.patient]),
        image_digests=shared(lambda study: [volume.volume.sha256 for volume in study.volumes]),
    )


def _digest(splits: dict[Split, list[StructuredStudy]], options: StudyFreezeOptions) -> str:
    rows = sorted(
        (study.study_id, split, sha256_hex(study.canonical())) for split, studies in splits.items() for study in studies
    )
    return sha256_hex(canonical_json({"studies": rows, "seed": options.seed}))


def _write(
    store: ArtifactStore,
    splits: dict[Split, list[StructuredStudy]],
    digest: str,
    options: StudyFreezeOptions,
    dropped: dict[str, int],
    progress: Callable[[int, int], None] | None,
) -> DatasetManifest:
    kept, done = [study for split in SPLITS for study in splits[split]], Counter[str]()

    def tick() -> None:
        done["studies"] += 1
        if progress is not None:
            progress(done["studies"], len(kept))

    return DatasetManifest(
        dataset_id=make_id("ds", digest),
        digest=digest,
        splits={split: _part(store, splits[split], tick) for split in SPLITS},
        leaks=leaks_of(splits),
        dropped=dropped,
        modalities=dict(Counter(pair.sequence for study in kept for pair in study.pairs)),
        structurers=tuple(sorted({study.structurer for study in kept})),
        extractors=tuple(sorted({study.extractor for study in kept})),
        image_size=max(kept[0].grid[1:]),
        seed=options.seed,
        kind="studies",
    )  # fmt: skip


def _part(store: ArtifactStore, studies: Sequence[StructuredStudy], tick: Callable[[], None]) -> SplitPart:
    rows = [{"study_id": e.study_id, "patient": e.patient, "study": e.canonical().decode()} for e in studies]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), out, compression="zstd")
    shards = []
    for start in range(0, len(studies), STUDIES_A_SHARD):
        shard = _shard(store, studies[start : start + STUDIES_A_SHARD], tick)
        shards.append(store.put("datasets", shard, "application/x-tar"))
    return SplitPart(
        pairs=sum(len(study.pairs) for study in studies),
        articles=len({study.patient for study in studies}),
        records=store.put("datasets", out.getvalue(), "application/vnd.apache.parquet"),
        shards=tuple(shards),
    )


def _shard(store: ArtifactStore, studies: Sequence[StructuredStudy], tick: Callable[[], None]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for study in studies:
            for volume in sorted(study.volumes, key=lambda each: each.sequence):
                image = nibabel.Nifti1Image.from_bytes(gzip.decompress(store.get(volume.volume)))
                data = packed(np.asarray(image.dataobj, np.uint8))
                member = tarfile.TarInfo(f"{study.study_id}.{volume.sequence}.npy.gz")  # time 0, owner 0
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            tick()
    return out.getvalue()
