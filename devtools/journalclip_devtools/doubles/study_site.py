"""The real API and page over an archive of phantoms' reports: words find, looks are those of an untrained model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI

from journalclip_devtools.doubles.studies import DIM, Archive
from journalclip_inference.api.app import create_app
from journalclip_inference.audit import AuditFile
from journalclip_inference.backend import LocalBackend
from journalclip_inference.batching import BatchLimits
from journalclip_inference.reload import CurrentSnapshot
from journalclip_inference.service import Clients, serving_of
from journalclip_inference.settings import InferenceSettings
from journalclip_inference.studies.shelf import Champion, StudyShelf
from journalclip_modeling.studies.config import StudyModelConfig, TextTowerConfig, tiny_resnet
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_modeling.studies.folder import scratch_study_model
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.testing.facts import sample_ref
from journalclip_shared.testing.memory import MemoryRegistry

_MODEL = StudyModelConfig(
    grid=(1, 16, 16), tower=tiny_resnet((8, 16)), hidden=16, pool_heads=2, dim=DIM,
    text=TextTowerConfig(width=16, layers=1, heads=2, context=32, vocabulary=300),
)  # fmt: skip


class _ShelfOfArchive(StudyShelf):
    """Its champion is given; all else is the real shelf's."""

    def __init__(self, champion: Champion, store: LocalArtifacts, cache: Path) -> None:
        super().__init__(store, MemoryRegistry(), cache, None)
        self._given = champion

    def champion(self) -> Champion:
        return self._given


def study_site(studies: Archive, folder: Path) -> FastAPI:
    """The app, open to everybody on this machine."""
    store = LocalArtifacts(folder / "artifacts")
    said = [" ".join(row.said) for row in studies.collection.rows]
    manifest = ModelManifest(
        model_id="mdl_double", dataset_id="ds_double", dataset=sample_ref(), recipe="double", config="{}",
        base="scratch:0", files=(), kind="studies",
    )  # fmt: skip
    encoder = StudyEncoder(scratch_study_model(said, _MODEL, 0))
    champion = Champion("1", manifest, encoder, studies.collection, studies.reader)
    clients = Clients(
        store, SqliteBus(folder / "bus.db"), folder / "cache", AuditFile(folder / "audit"),
        study_registry=MemoryRegistry(),
    )  # fmt: skip
    settings = InferenceSettings(workdir=folder, anonymous=True)
    parts = serving_of(settings, clients, LocalBackend(CurrentSnapshot(), BatchLimits()))
    shelf = _ShelfOfArchive(champion, store, folder / "cache")
    return create_app(replace(parts, studies=shelf), settings.max_body_bytes)
