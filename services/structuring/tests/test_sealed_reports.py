"""A report's text: sealed until its record is stored, then gone; kept only where somebody chose so."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from journalclip_shared.artifacts import ArtifactMissing, ArtifactRef, blob_ref
from journalclip_shared.errors import ConfigurationError, PermanentError
from journalclip_shared.events import Event, StudyStructured, VolumesExtracted
from journalclip_shared.records.study import ExtractedStudy, ExtractedVolume, SealedReport, StructuredStudy
from journalclip_shared.sealed import KEY_BYTES, ReportTexts, SealedTexts
from journalclip_shared.testing.memory import MemoryArtifacts
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.studies.handler import StudyStructuringHandler

REPORT = "FLAIR: hyperintense glioma in the left frontal lobe."
OWNER = "rep_1"


class OtherRules(RuleStructurer):
    """The rules under another version, as after an upgrade."""

    def __init__(self) -> None:
        super().__init__()
        self.version = "next"


@pytest.fixture
def store() -> MemoryArtifacts:
    return MemoryArtifacts()


@pytest.fixture
def texts(store: MemoryArtifacts) -> ReportTexts:
    return ReportTexts(SealedTexts(store, secrets.token_bytes(KEY_BYTES)))


@pytest.fixture
def kept(store: MemoryArtifacts, texts: ReportTexts) -> ReportTexts:
    return ReportTexts(texts.reports, SealedTexts(store, secrets.token_bytes(KEY_BYTES), "vault"))


def announced(store: MemoryArtifacts, texts: ReportTexts) -> tuple[Event, ArtifactRef]:
    vault = texts.vault.seal(REPORT, OWNER) if texts.vault else None
    sealed = SealedReport(text=texts.reports.seal(REPORT, OWNER), vault=vault, owner=OWNER)
    volume = ExtractedVolume(
        series_id="ser_1", sequence="FLAIR", confidence=0.9, spacing=(1, 1, 1),
        volume=blob_ref("studies", "1" * 64, 1, "application/gzip"),
    )  # fmt: skip
    study = ExtractedStudy(
        study_id="std_x", patient="pat_x", extractor="volumes-1", grid=(4, 8, 8), volumes=(volume,), sealed=sealed,
        source=blob_ref("studies", "0" * 64, 1, "application/json"),
    )  # fmt: skip
    document = store.put_manifest("studies", "extracted/std_x", study.canonical())
    return Event(VolumesExtracted(study_id="std_x", document=document, volumes=1), "test"), sealed.text


def test_the_store_never_holds_the_text_in_the_clear(store: MemoryArtifacts, kept: ReportTexts) -> None:
    announced(store, kept)
    assert not [uri for uri, data in store.contents().items() if b"glioma" in data]


def test_the_text_goes_when_its_record_is_stored_and_a_second_delivery_does_not_need_it(
    store: MemoryArtifacts, texts: ReportTexts
) -> None:
    event, text = announced(store, texts)
    handler = StudyStructuringHandler(store, RuleStructurer(), texts=texts)
    (fact,) = handler.handle(event)
    assert isinstance(fact, StudyStructured)
    assert "glioma" in StructuredStudy.model_validate_json(store.get(fact.document)).pairs[0].text
    with pytest.raises(ArtifactMissing):
        store.get(text)
    assert list(handler.handle(event)) == [fact]


def test_a_further_record_needs_the_vault_and_says_so_without_a_quote(
    store: MemoryArtifacts, texts: ReportTexts, kept: ReportTexts
) -> None:
    event, _ = announced(store, kept)
    list(StudyStructuringHandler(store, RuleStructurer(), texts=kept).handle(event))
    again = StudyStructuringHandler(store, OtherRules(), texts=kept)
    assert [fact.pairs for fact in again.handle(event) if isinstance(fact, StudyStructured)] == [1]

    event, text = announced(MemoryArtifacts(), texts)
    texts.reports.erase(text)
    with pytest.raises(PermanentError) as refused:
        texts.read(text, None, OWNER)
    assert refused.value.code == "report-text-gone"
    assert text.uri in refused.value.reason
    assert "glioma" not in str(refused.value)
    assert "--vault" in refused.value.remedy


@pytest.mark.parametrize(
    ("other", "code"),
    [
        (lambda _: None, "report-key-missing"),
        (lambda store: ReportTexts(SealedTexts(store, bytes(KEY_BYTES))), "report-key-wrong"),
    ],
)
def test_a_wrong_or_missing_key_is_no_fault_of_the_report(
    store: MemoryArtifacts, texts: ReportTexts, other: Callable[[MemoryArtifacts], ReportTexts | None], code: str
) -> None:
    event, text = announced(store, texts)
    with pytest.raises(ConfigurationError) as wrong:
        list(StudyStructuringHandler(store, RuleStructurer(), texts=other(store)).handle(event))
    assert wrong.value.code == code
    assert store.get(text), "the text stays for the right key"


def test_a_text_opens_for_its_owner_only(texts: ReportTexts) -> None:
    ref = texts.reports.seal(REPORT, OWNER)
    assert texts.reports.seal(REPORT, OWNER) == ref, "a submit can be repeated"
    assert texts.reports.seal(REPORT, "rep_2") != ref
    with pytest.raises(ConfigurationError):
        texts.reports.open(ref, "rep_2")
