from dataclasses import replace
from pathlib import Path

import pytest

from journalclip_devtools.doubles.readers import article, delivery
from journalclip_extraction.article import ExtractOptions, ReadArticle, ReadDelivery, ReadPanel
from journalclip_extraction.documents import identify
from journalclip_extraction.handler import ExtractionHandler
from journalclip_extraction.version import slug
from journalclip_shared.artifacts import ArtifactMissing
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import (
    ArticleSubmitted,
    Event,
    Fact,
    FiguresExtracted,
    PairsStructured,
    SourceQuarantined,
)
from journalclip_shared.ids import article_id
from journalclip_shared.records.article import Box, ExtractedArticle
from journalclip_shared.records.withdrawal import Withdrawal
from journalclip_shared.withdrawals import write_withdrawal


class Reads:
    """Counts readings and returns what it was given: a delivery of one article, of several, or an error."""

    def __init__(self, *result: ReadArticle | PermanentError) -> None:
        self.result = result
        self.calls = 0

    def read(self, data: bytes, options: ExtractOptions) -> ReadDelivery:
        self.calls += 1
        for each in self.result:
            if isinstance(each, PermanentError):
                raise each
        return delivery(*(each for each in self.result if isinstance(each, ReadArticle)))


@pytest.fixture
def store(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(tmp_path)


def submit(store: LocalArtifacts, name: str = "a.pdf") -> Event:
    pdf = store.put("articles", b"%PDF-", "application/pdf")
    return Event(ArticleSubmitted(article_id=article_id(pdf.sha256), pdf=pdf, name=name), "test")


def handle(handler: ExtractionHandler, event: Event) -> FiguresExtracted:
    (fact,) = handler.handle(event)
    assert isinstance(fact, FiguresExtracted)
    return fact


def document(store: LocalArtifacts, fact: FiguresExtracted) -> ExtractedArticle:
    return ExtractedArticle.model_validate_json(store.get(fact.document))


def test_figures_are_stored_and_announced(store: LocalArtifacts) -> None:
    box = Box(x0=0, y0=0, x1=1, y1=1)
    read = article("T")
    crop = read.figures[0].crop
    panels = (ReadPanel("A", 1, box, "left", crop), ReadPanel("B", 1, box))
    read = replace(read, figures=(replace(read.figures[0], panels=panels, tier="panels"),))
    handler = ExtractionHandler(store, Reads(read), ExtractOptions())
    fact = handle(handler, submit(store))
    assert (fact.figures, fact.panels) == (1, 2)
    found = document(store, fact)
    (figure,) = found.figures
    assert figure.image is not None
    assert store.get(figure.image) == (crop.data if crop else None)
    assert figure.pixels == (1, 1)
    assert [panel.letter for panel in figure.panels] == ["A", "B"]
    assert figure.panels[1].image is None
    assert len({panel.panel_id for panel in figure.panels}) == 2
    assert found.extractor == handler.extractor
    assert sorted(store.list_manifests("figures")) == [
        f"delivered/{handler.extractor}/{fact.delivery_id}",
        f"extracted/{handler.extractor}/{fact.article_id}",
    ]


def test_a_second_delivery_reads_nothing_and_says_the_same(store: LocalArtifacts) -> None:
    reads = Reads(article("T"))
    handler = ExtractionHandler(store, reads, ExtractOptions())
    first = handle(handler, submit(store))
    assert handle(handler, submit(store, "a copy.pdf")) == first
    assert reads.calls == 1


def test_a_delivery_that_died_before_the_manifest_is_done_again_with_the_same_ids(
    store: LocalArtifacts, tmp_path: Path
) -> None:
    def undisturbed(where: LocalArtifacts) -> FiguresExtracted:
        return handle(ExtractionHandler(where, Reads(article("T")), ExtractOptions()), submit(where))

    first = undisturbed(store)
    store.path(first.document).unlink()
    assert undisturbed(store) == first
    assert undisturbed(LocalArtifacts(tmp_path / "elsewhere")) == first


def test_two_figures_of_one_number_have_two_ids(store: LocalArtifacts) -> None:
    read = article("T")
    twice = replace(read, figures=read.figures * 2)
    fact = handle(ExtractionHandler(store, Reads(twice), ExtractOptions()), submit(store))
    assert len({figure.figure_id for figure in document(store, fact).figures}) == 2


def test_a_figure_without_a_crop_is_listed_without_an_image(store: LocalArtifacts) -> None:
    read = article("T")
    bare = replace(read, figures=(replace(read.figures[0], crop=None),))
    (figure,) = document(store, handle(ExtractionHandler(store, Reads(bare), ExtractOptions()), submit(store))).figures
    assert figure.image is None
    assert figure.pixels is None


def test_no_figures_is_an_end_with_a_code(store: LocalArtifacts) -> None:
    handler = ExtractionHandler(store, Reads(replace(article("T"), figures=())), ExtractOptions())
    with pytest.raises(PermanentError) as caught:
        handle(handler, submit(store))
    assert caught.value.code == "no-figures"
    assert list(store.list_manifests("figures")) == []


def test_the_parsers_code_goes_through(store: LocalArtifacts) -> None:
    error = PermanentError("pdf-encrypted", "locked")
    with pytest.raises(PermanentError) as caught:
        handle(ExtractionHandler(store, Reads(error), ExtractOptions()), submit(store))
    assert caught.value is error


def test_a_missing_pdf_is_permanent(store: LocalArtifacts) -> None:
    event = submit(store)
    assert isinstance(event.fact, ArticleSubmitted)
    store.path(event.fact.pdf).unlink()
    with pytest.raises(ArtifactMissing):
        handle(ExtractionHandler(store, Reads(article("T")), ExtractOptions()), event)


def test_an_event_of_another_kind_is_a_bug(store: LocalArtifacts) -> None:
    ref = store.put("figures", b"{}", "application/json")
    fact: Fact = PairsStructured(article_id="art_x", document=ref, pairs=0)
    with pytest.raises(TypeError):
        list(ExtractionHandler(store, Reads(article("T")), ExtractOptions()).handle(Event(fact, "test")))


def test_other_options_or_versions_have_other_slugs() -> None:
    slugs = {slug(ExtractOptions()), slug(ExtractOptions(dpi=100)), slug(ExtractOptions(), "other")}
    assert len(slugs) == 3
    assert slug(ExtractOptions()) == slug(ExtractOptions(dpi=200))


def say(store: LocalArtifacts, article: str, action: str) -> None:
    known = {
        "scope": "article",
        "subject": article,
        "sequence": 1,
        "action": action,
        "who": "ada",
        "time": "2026-11-30",
    }
    reason = {"reason": "retraction"} if action == "withdraw" else {}
    write_withdrawal(store, Withdrawal.model_validate({**known, **reason}))


def test_a_withdrawn_article_is_left_out_of_its_delivery_until_it_is_reinstated(store: LocalArtifacts) -> None:
    kept, gone = article("One"), article("Two")
    withdrawn = identify(gone)
    say(store, withdrawn, "withdraw")
    facts = list(ExtractionHandler(store, Reads(kept, gone), ExtractOptions()).handle(submit(store)))
    assert [fact.article_id for fact in facts if isinstance(fact, FiguresExtracted)] == [identify(kept)]
    (told,) = (fact for fact in facts if isinstance(fact, SourceQuarantined))
    assert (told.source_id, told.code) == (withdrawn, "source-withdrawn")
    assert not [name for name in store.list_manifests("figures", "extracted/") if name.endswith(withdrawn)]
    say(store, withdrawn, "reinstate")
    facts = list(ExtractionHandler(store, Reads(kept, gone), ExtractOptions()).handle(submit(store)))
    assert {fact.article_id for fact in facts if isinstance(fact, FiguresExtracted)} == {identify(kept), withdrawn}


def test_an_article_that_comes_in_other_bytes_is_refused_by_what_it_is(store: LocalArtifacts) -> None:
    read = article("T")
    handler = ExtractionHandler(store, Reads(read), ExtractOptions())
    handle(handler, submit(store))
    say(store, identify(read), "withdraw")
    for reads in (Reads(read), Reads(PermanentError("pdf-invalid", "is read no more", ""))):
        with pytest.raises(PermanentError, match="source-withdrawn"):
            list(ExtractionHandler(store, reads, ExtractOptions()).handle(submit(store, "other.pdf")))
