"""The same promise for studies: what comes after the dataset is a segment, under every champion, or has its reason."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import nibabel
import numpy as np
import pytest

from journalclip_freezing import freeze
from journalclip_freezing.studies import StudyFreezeOptions
from journalclip_inference.errors import CoverageBehind
from journalclip_inference.handler import IndexHandler, SegmentHandler
from journalclip_inference.index.coverage import Change, frozen_sources, unsearchable
from journalclip_inference.studies.index import StudyCollection, StudyIndexer
from journalclip_modeling.studies.data import FrozenStudies, Volumes
from journalclip_modeling.studies.encoder import StudyEncoder, StudyVectors
from journalclip_pipelines.operations.copies import Copies
from journalclip_promotion.withdrawn import withdrawn_in
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.events import Event, ModelPromoted, StudyStructured
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.report import ReportRecord, SequenceDescription
from journalclip_shared.records.study import ExtractedVolume, StructuredStudy, StudyPair
from journalclip_shared.records.withdrawal import Tombstone, Withdrawal
from journalclip_shared.registry import ModelVersion
from journalclip_shared.testing.facts import sample_ref
from journalclip_shared.testing.memory import MemoryArtifacts
from journalclip_shared.withdrawals import write_withdrawal

GRID = (2, 4, 4)


class MeanEncoder:
    """Its vector of a study is the mean of its voxels and one."""

    dim, grid = 2, GRID

    def embed_studies(self, studies: Sequence[Volumes]) -> list[StudyVectors]:
        means = [np.array([float(np.mean(each["FLAIR"])), 1.0], np.float32) for each in studies]
        return [StudyVectors(mean, {}, {}, {}, mean) for mean in means]


class MeanIndexer(StudyIndexer):
    def _encoder(self, model: ModelManifest) -> StudyEncoder:
        del model
        return cast(StudyEncoder, MeanEncoder())


class Archive:
    """A store with structured studies, and models of the dataset that holds those of one moment."""

    def __init__(self, cache: Path) -> None:
        self.store, self.cache = MemoryArtifacts(), cache
        self.sources: dict[str, tuple[ArtifactRef, ...]] = {}
        self.champion: ModelVersion | None = None

    def add(self, number: int, grid: tuple[int, int, int] = GRID) -> str:
        voxels = np.full(grid, number, np.uint8)
        data = gzip.compress(nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes(), mtime=0)
        volume = self.store.put("studies", data, "application/gzip")
        study_id, patient = f"std_{number}", f"pat_{number}"
        described = SequenceDescription(sequence="FLAIR", normal=True, rendering="normal")
        pair = StudyPair(
            pair_id=f"pair_{number}", study_id=study_id, patient=patient, sequence="FLAIR", volume=volume,
            text=f"study {number}", description=described,
        )  # fmt: skip
        document = StructuredStudy(
            study_id=study_id, patient=patient, extractor="grid/1", structurer="rules/1", source=sample_ref(),
            grid=grid, record=ReportRecord(descriptions=(described,)), pairs=(pair,),
            volumes=(
                ExtractedVolume(
                    series_id=f"ser_{number}", sequence="FLAIR", confidence=1, volume=volume, spacing=(1, 1, 1)
                ),
            ),
        )  # fmt: skip
        self.sources[study_id] = (self.store.put_manifest("studies", f"structured/{number}", document.canonical()),)
        return study_id

    def model(self, name: str) -> ModelVersion:
        frozen = freeze(self.store, [ref for (ref,) in self.sources.values()], StudyFreezeOptions())
        assert frozen is not None
        manifest = ModelManifest(
            model_id=f"mdl_{name}", dataset_id=frozen.dataset_id, dataset=frozen.manifest, recipe="none", config="{}",
            base="none", files=(), kind="studies",
        )  # fmt: skip
        ref = self.store.put_manifest("models", f"trained/{manifest.model_id}", manifest.canonical())
        return ModelVersion(name, manifest.model_id, ref, "", {})

    def manifest(self, version: ModelVersion) -> ModelManifest:
        return ModelManifest.model_validate_json(self.store.get(version.manifest))

    def promote(self, version: ModelVersion) -> None:
        self.champion = version
        model = self.manifest(version)
        fact = ModelPromoted(
            model_id=model.model_id, dataset_id=model.dataset_id, manifest=version.manifest, version=version.version,
            kind="studies",
        )  # fmt: skip
        handler = IndexHandler(self.store, MeanIndexer(self.store, self.cache), lambda: self.sources)
        handler.handle(Event(fact, "test"))

    def searchable(self, version: ModelVersion) -> frozenset[str]:
        return StudyCollection.open(self.store, self.cache, self.manifest(version)).sources


def test_studies_that_come_later_are_searchable_under_every_champion(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for number in range(1, 5):
        archive.add(number)
    first = archive.model("1")
    before_promotion = archive.add(10)
    archive.promote(first)
    assert archive.searchable(first) == frozenset(archive.sources)
    assert before_promotion in archive.searchable(first)

    late = archive.add(20)
    handler = SegmentHandler(archive.store, MeanIndexer(archive.store, tmp_path), lambda: archive.champion)
    (document,) = archive.sources[late]
    handler.handle(Event(StudyStructured(study_id=late, document=document, pairs=1), "test"))
    assert late in archive.searchable(first)
    second = archive.model("2")
    last = archive.add(30)
    archive.promote(second)
    assert archive.searchable(second) == frozenset(archive.sources)
    archive.promote(first)
    assert last in archive.searchable(first)
    collection = StudyCollection.open(archive.store, archive.cache, archive.manifest(first))
    assert len(collection.rows) == len(archive.sources) == len(collection)
    row = collection.row(late)
    assert row is not None
    assert row.split is None
    (best, _), *_ = collection.nearest(np.array([20.0, -400.0], np.float32), 1)
    assert best.study_id == last, "the dot product is largest for the brightest study"


def test_a_study_that_cannot_be_shown_has_a_reason_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for number in range(1, 5):
        archive.add(number)
    first = archive.model("1")
    archive.promote(first)
    other_grid, lost = archive.add(50, grid=(3, 4, 4)), archive.add(60)
    document = StructuredStudy.model_validate_json(archive.store.get(archive.sources[lost][0]))
    archive.store.damage(document.volumes[0].volume, None)
    archive.promote(first)
    found = unsearchable(archive.store, archive.manifest(first), archive.sources)
    assert dict(found.missing) == {}
    assert dict(found.left_out) == {other_grid: "study-grid-differs", lost: "artifact-missing"}
    model = archive.manifest(first)
    change = Change("studies", model.model_id, model.dataset_id, frozenset(archive.sources), archive.searchable(first))
    change.check(archive.store)
    with pytest.raises(CoverageBehind, match="1 sources"):
        Change("studies", model.model_id, model.dataset_id, frozenset({"std_x"}), frozenset()).check(archive.store)


def test_an_erased_patient_is_in_no_dataset_index_or_segment(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for number in range(1, 6):
        archive.add(number)
    first = archive.model("1")
    late = archive.add(20)
    archive.promote(first)
    everything = archive.searchable(first)
    model = archive.manifest(first)
    dataset = DatasetManifest.model_validate_json(archive.store.get(model.dataset))
    for subject, reason in (("pat_2", "erasure-request"), ("pat_20", "erasure-request"), ("pat_4", "licence")):
        wanted = Withdrawal.model_validate({
            "scope": "patient", "subject": subject, "sequence": 1, "action": "withdraw", "reason": reason,
            "who": "test", "time": "2026-01-01T00:00:00.000Z", "erase": True,
        })  # fmt: skip
        word, _ = write_withdrawal(archive.store, wanted)

        def delete(ref: ArtifactRef, left: Tombstone | None) -> None:
            if left is not None:
                archive.store.put_manifest("quarantine", names.tombstone(left.uri), left.canonical())
            archive.store.erase(ref)

        copies = Copies(archive.store, word, delete)
        copies.rewrite_datasets()
        copies.rewrite_indexes()
        assert copies.rewritten()
        assert not any(copies.unreadable().values())
    rest = FrozenStudies(archive.store, dataset)
    left = {study.study_id for split in dataset.splits for study in rest.studies(split)}
    assert left == {"std_1", "std_3", "std_5"}
    assert {study for split in dataset.splits for study, _ in rest.volumes(split)} == left
    assert archive.searchable(first) == everything - {"std_2", "std_4", late} == left
    assert frozen_sources(archive.store, model) == left
    assert withdrawn_in(archive.store, dataset) == {"patient pat_2 (erasure-request)": 1, "patient pat_4 (licence)": 1}
    stored = [archive.store.get(ref) for bucket in ("datasets", "models") for ref in archive.store.list_blobs(bucket)]
    assert not any(text in data for data in stored for text in (b"study 2", b"study 4"))
