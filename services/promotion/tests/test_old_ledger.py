"""Ledger entries of the release before kinds were a type are read, and written again byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_promotion.decision import Decision

DOCUMENTS = Path(__file__).parent / "documents"


@pytest.mark.parametrize("kind", ["articles", "studies"])
def test_a_decision_of_an_older_release_is_read_and_keeps_its_bytes(kind: str) -> None:
    stored = (DOCUMENTS / f"decision-{kind}.json").read_bytes()
    found = Decision.model_validate_json(stored)
    assert found.candidate.kind == kind
    assert found.fact().kind == kind if found.changed else found.failed
    assert (found.gates, found.canonical()) == ("", stored)
