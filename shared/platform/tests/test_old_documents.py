"""Manifests that the release before kinds were a type wrote: they are read, and written again byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_shared.records import Document
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest

DOCUMENTS = Path(__file__).parent / "documents"


@pytest.mark.parametrize("kind", ["articles", "studies"])
@pytest.mark.parametrize(("name", "model"), [("dataset", DatasetManifest), ("model", ModelManifest)])
def test_a_manifest_of_an_older_release_is_read_and_keeps_its_bytes(
    name: str, model: type[DatasetManifest] | type[ModelManifest], kind: str
) -> None:
    stored = (DOCUMENTS / f"{name}-{kind}.json").read_bytes()
    found = model.model_validate_json(stored)
    assert found.kind == kind
    assert isinstance(found, Document)
    assert found.canonical() == stored
