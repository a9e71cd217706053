"""Documents and facts of a newer version: what this one does not know is ignored and counted, all else is refused."""

from __future__ import annotations

import json
import logging

import pytest
from pydantic import ValidationError

from journalclip_shared.events import Event as Announced
from journalclip_shared.events import PairsStructured, decode, encode
from journalclip_shared.records import UNKNOWN_FIELDS
from journalclip_shared.records.article import Box, Figure
from journalclip_shared.records.dataset import DatasetManifest, LeakReport
from journalclip_shared.testing.facts import sample_ref

MANIFEST = DatasetManifest(
    dataset_id="ds_1", digest="0" * 64, splits={}, leaks=LeakReport(), image_size=8, kind="articles"
)


def counted(name: str) -> float:
    return float(UNKNOWN_FIELDS.labels(name)._value.get())


def newer() -> dict[str, object]:
    stored: dict[str, object] = json.loads(MANIFEST.canonical())
    return {**stored, "blocks": [1], "leaks": {**MANIFEST.leaks.model_dump(), "sounds": 2}}


def test_new_fields_of_a_stored_document_are_ignored_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Seen failing before: one new field ended every service that read the document."""
    before = counted("DatasetManifest")
    with caplog.at_level(logging.WARNING):
        assert DatasetManifest.model_validate_json(json.dumps(newer())) == MANIFEST
    assert counted("DatasetManifest") - before == 2
    assert "DatasetManifest has fields that this version ignores: blocks, sounds" in caplog.text


def test_what_this_version_needs_is_still_demanded() -> None:
    before = counted("DatasetManifest")
    lacking = {key: value for key, value in newer().items() if key != "digest"}
    with pytest.raises(ValidationError, match="digest"):
        DatasetManifest.model_validate_json(json.dumps(lacking))
    assert counted("DatasetManifest") == before


def test_code_and_people_are_told_of_a_field_that_is_none() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        DatasetManifest.model_validate(newer())
    with pytest.raises(ValidationError, match="Extra inputs"):
        Figure(typo=1)  # type: ignore[call-arg]
    assert Box(x0=0, y0=0, x1=1, y1=1)


def test_a_reference_within_a_fact_may_have_new_fields_too() -> None:
    fact = PairsStructured(article_id="art_1", document=sample_ref(), pairs=1)
    headers, body = encode(Announced(fact, "test"))
    said = json.loads(body)
    said["document"]["checksum"] = "crc32c"
    assert decode(headers, json.dumps(said).encode()).fact == fact
