"""Freezing studies: the newest document of each study in, a dataset version out that will never change.

Split by patient: all studies of a patient, and all patients that share a volume (one scan under two numbers), stand on
one side, by a hash of the smallest pseudonym. Studies without a pair are left out and counted. Reports repeat each
other by nature ("no abnormality"), so equal texts join nothing; the leak report counts patients and volumes.
"""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.parquet as pq

from journalclip_freezing.blocks import TIER, Former, FormerBlock, blocks_of, digest_of
from journalclip_freezing.lost import BlobsUnreadable, Lost, LostBlob
from journalclip_freezing.splits import SPLITS, SplitShares, sides
from journalclip_modeling.studies.data import packed
from journalclip_modeling.studies.stored import voxels_of
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.components import components
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import StudyStructured
from journalclip_shared.ids import canonical_json, make_id, sha256_hex
from journalclip_shared.kinds import Kind
from journalclip_shared.leaks import study_leaks
from journalclip_shared.records.caption import RecordFlag
from journalclip_shared.records.dataset import Block, DatasetManifest, LeakReport, Split, SplitPart
from journalclip_shared.records.study import StructuredStudy
from journalclip_shared.reviews import LEFT_OUT, Verdict, read_study_decisions, study_verdicts
from journalclip_shared.withdrawals import Withdrawals, Withdrawn

STUDIES_A_SHARD = 200  # of seven sequences at a megabyte each: about a gigabyte at most
_SCHEMA = pa.schema([(name, pa.string()) for name in ("study_id", "patient", "study")])


@dataclass(frozen=True)
class StudyFreezeOptions:
    """`Layout` of studies: what goes into the digest besides the studies."""

    shares: SplitShares = field(default_factory=SplitShares)
    seed: int = 0
    leave_out: tuple[RecordFlag, ...] = ("hidden-instruction", "low-read-share")  # until a reviewer keeps the study
    kind: Kind = field(default="studies", init=False)

    @property
    def consumes(self) -> type[StudyStructured]:
        return StudyStructured

    def leaving_out(self, flags: Iterable[RecordFlag] | None) -> StudyFreezeOptions:
        """With these flags in place of the usual ones; None changes nothing."""
        return self if flags is None else replace(self, leave_out=tuple(flags))

    def plan(self, store: ArtifactStore, documents: Iterable[ArtifactRef], lost: Lost) -> StudyPlan | None:
        """Raises `PermanentError` ``study-grids-differ``."""
        read = sorted(
            (each for _, each in lost.read(store, documents, StructuredStudy)), key=lambda each: each.study_id
        )
        every = [study for study in read if study.study_id not in lost.blobs]
        taken = Withdrawals(store).fresh()
        decided = study_verdicts(read_study_decisions(store))
        reasons = {each.study_id: _left_out(each, self, taken, decided.get(each.study_id)) for each in every}
        kept = [study for study in every if not reasons[study.study_id]]
        if not kept:
            return None
        if len({study.grid for study in kept}) > 1:
            raise PermanentError(
                "study-grids-differ",
                "studies were extracted on different grids",
                "Extract all of them with one setting.",
            )
        dropped = Counter(reason for reason in reasons.values() if reason)
        return StudyPlan(split_studies(kept, self), dict(sorted(dropped.items())), self, lost)


@dataclass(frozen=True)
class StudyPlan:
    """`Plan` of studies."""

    splits: Mapping[Split, Sequence[StructuredStudy]]
    dropped: Mapping[str, int]
    options: StudyFreezeOptions
    lost: Lost

    @property
    def digest(self) -> str:
        rows = sorted(
            (study.study_id, split, sha256_hex(study.canonical()))
            for split, studies in self.splits.items()
            for study in studies
        )
        return sha256_hex(canonical_json({"studies": rows, "seed": self.options.seed}))

    @property
    def pairs(self) -> int:
        return sum(len(study.pairs) for study in self._kept)

    @property
    def leaks(self) -> LeakReport:
        return study_leaks(self.splits)

    @property
    def members(self) -> Mapping[Split, Sequence[str]]:
        return {split: [study.study_id for study in studies] for split, studies in self.splits.items()}

    @property
    def _kept(self) -> list[StructuredStudy]:
        return [study for split in SPLITS for study in self.splits[split]]

    def write(
        self, store: ArtifactStore, progress: Callable[[int, int], None], former: DatasetManifest | None
    ) -> DatasetManifest:
        kept, done = self._kept, Counter[str]()

        def tick() -> None:
            done["studies"] += 1
            progress(done["studies"], len(kept))

        before = len(self.lost.blobs)
        there = Former(store, former)
        written = {split: _part(store, self.splits[split], there.held(split), tick, self.lost) for split in SPLITS}
        if found := len(self.lost.blobs) - before:
            raise BlobsUnreadable(found)
        digest = self.digest
        return DatasetManifest(
            dataset_id=make_id("ds", digest),
            digest=digest,
            splits=written,
            leaks=self.leaks,
            dropped=dict(self.dropped) | self.lost.counts,
            modalities=dict(Counter(pair.sequence for study in kept for pair in study.pairs)),
            structurers=tuple(sorted({study.structurer for study in kept})),
            extractors=tuple(sorted({study.extractor for study in kept})),
            image_size=max(kept[0].grid[1:]),
            seed=self.options.seed,
            kind="studies",
        )


def _left_out(study: StructuredStudy, options: StudyFreezeOptions, taken: Withdrawn, verdict: Verdict | None) -> str:
    """Why a study is in no dataset; empty for one that is."""
    if (found := taken.of_study(study.study_id, study.patient)) is not None:
        return f"withdrawn-{found.reason}"
    if not study.pairs:
        return "study-without-pair"
    if verdict is not None:
        return "" if verdict.standing == "keep" else LEFT_OUT[verdict.standing]
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


def _part(
    store: ArtifactStore,
    studies: Sequence[StructuredStudy],
    held: Iterable[FormerBlock],
    tick: Callable[[], None],
    lost: Lost,
) -> SplitPart:
    by_id = {study.study_id: study for study in studies}
    wanted = {study.study_id: digest_of(_row(study)) for study in studies}

    def write(ids: Sequence[str]) -> list[Block]:
        return [_block(store, [by_id[each] for each in ids], tick, lost)]

    blocks = blocks_of(held, wanted, STUDIES_A_SHARD // TIER, write)
    return SplitPart.of(blocks, sum(len(each.pairs) for each in studies), len({each.patient for each in studies}))


def _row(study: StructuredStudy) -> dict[str, str]:
    return {"study_id": study.study_id, "patient": study.patient, "study": study.canonical().decode()}


def _block(store: ArtifactStore, studies: Sequence[StructuredStudy], tick: Callable[[], None], lost: Lost) -> Block:
    rows = [_row(study) for study in studies]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), out, compression="zstd")
    shards = []
    for start in range(0, len(studies), STUDIES_A_SHARD):
        shard = _shard(store, studies[start : start + STUDIES_A_SHARD], tick, lost)
        shards.append(store.put("datasets", shard, "application/x-tar"))
    return Block(
        members=len(studies),
        records=store.put("datasets", out.getvalue(), "application/vnd.apache.parquet"),
        shards=tuple(shards),
    )


def _shard(store: ArtifactStore, studies: Sequence[StructuredStudy], tick: Callable[[], None], lost: Lost) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for study in studies:
            for volume in sorted(study.volumes, key=lambda each: each.sequence):
                try:
                    data = packed(voxels_of(store.get(volume.volume), volume.volume.uri))
                except PermanentError as error:
                    lost.blobs[study.study_id] = LostBlob(study.study_id, "", volume.volume, error)
                    continue
                member = tarfile.TarInfo(f"{study.study_id}.{volume.sequence}.npy.gz")  # time 0, owner 0
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            tick()
    return out.getvalue()
