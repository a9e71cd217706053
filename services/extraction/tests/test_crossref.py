"""Crossref beside an article, asked at a server of our own: what is taken, and whose fault a silence is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from journalclip_devtools.doubles.pdfs import Journal
from journalclip_extraction.article import ExtractOptions, ReadArticle
from journalclip_extraction.crossref import Crossref, completed
from journalclip_extraction.sandbox import Sandbox
from journalclip_shared.errors import ConfigurationError, TransientError
from journalclip_shared.records.article import ArticleFacts, Sourced

TITLE = "A made article about made pictures of heads"
RECORD: dict[str, Any] = {
    "title": ["A made article about <i>made</i> pictures of heads"],
    "author": [{"given": "Ben", "family": "Writer"}, {"name": "The Made Group"}, "no author"],
    "container-title": ["Made Journal"],
    "volume": "7",
    "page": "12-19",
    "issued": {"date-parts": [[2025, 3]]},
    "license": [
        {"URL": "https://creativecommons.org/publicdomain/zero/1.0/", "content-version": "tdm", "delay-in-days": 0},
        {"URL": "https://creativecommons.org/licenses/by/4.0/", "content-version": "vor", "delay-in-days": 0},
    ],
}


def article(**facts: Any) -> ReadArticle:
    known = {"title": Sourced(value=TITLE), "doi": Sourced(value="10.5555/Made.77"), **facts}
    return ReadArticle(1, ArticleFacts(**known), ())


@contextmanager
def served(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives one answer after the other, the last again and again; and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1?mailto=a@b.example", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(**changes: object) -> bytes:
    return json.dumps({"message": {**RECORD, **changes}}).encode()


def no_pause(_: float) -> None:
    """Tests do not wait."""


def test_what_is_open_is_filled_and_says_where_it_is_from() -> None:
    with served((200, answer())) as (address, asked):
        facts = Crossref(address).complete(article()).facts
    assert asked == ["/v1/works/10.5555%2Fmade.77?mailto=a@b.example"]
    assert facts.title == Sourced(value=TITLE)
    assert (facts.authors, facts.authors_where) == (("Ben Writer", "The Made Group"), "Crossref")
    found = [facts.journal, facts.volume, facts.page_range, facts.year]
    assert [each.value for each in found] == ["Made Journal", "7", "12-19", "2025"]
    assert {each.where for each in found} == {"Crossref"}
    assert (facts.licence, facts.licence_version) == ("CC BY", "4.0")
    assert facts.licence_url == "https://creativecommons.org/licenses/by/4.0/"


def test_what_is_printed_stays() -> None:
    printed = {
        "journal": Sourced(value="J. Made"),
        "authors": ("B. Writer",),
        "licence": "CC BY-NC",
        "licence_statement": Sourced(value="CC BY-NC"),
    }
    facts = completed(article(**printed), RECORD).facts
    assert (facts.journal.value, facts.authors, facts.licence) == ("J. Made", ("B. Writer",), "CC BY-NC")


@pytest.mark.parametrize(
    "terms",
    [
        [{"URL": "https://creativecommons.org/licenses/by/4.0/", "content-version": "tdm", "delay-in-days": 0}],
        [{"URL": "https://creativecommons.org/licenses/by/4.0/", "content-version": "vor", "delay-in-days": 365}],
        [{"URL": "https://publisher.example/terms", "content-version": "vor", "delay-in-days": 0}],
        "CC BY",
    ],
)
def test_other_terms_are_no_licence(terms: object) -> None:
    assert completed(article(), {**RECORD, "license": terms}).facts.licence == "unknown"


def test_a_statement_that_nobody_understands_is_not_overruled() -> None:
    facts = completed(article(licence_statement=Sourced(value="Under a licence of ours.")), RECORD).facts
    assert facts.licence == "unknown"


def test_a_record_of_another_article_adds_nothing() -> None:
    other = article(title=Sourced(value="On something else that was never made at all"))
    assert completed(other, RECORD) == other
    nameless = article(title=Sourced())
    assert completed(nameless, RECORD) == nameless
    known = article(title=Sourced(), authors=("B. Writer",))
    assert completed(known, RECORD).facts.title.value == TITLE


def test_notices_and_what_they_retract_are_told() -> None:
    update = {"type": "retraction", "DOI": "10.5555/made.12"}
    assert completed(article(), {**RECORD, "update-to": [update]}).retracts == ("10.5555/made.12",)
    assert completed(article(), {**RECORD, "updated-by": [update]}).retracted
    correction = {**update, "type": "correction"}
    kept = completed(article(), {**RECORD, "update-to": [correction], "updated-by": [correction]})
    assert (kept.retracts, kept.retracted) == ((), False)


def test_without_a_doi_nobody_is_asked_and_an_unknown_one_adds_nothing() -> None:
    with served((404, b"Resource not found.")) as (address, asked):
        unknown, nameless = article(), article(doi=Sourced())
        assert Crossref(address).complete(nameless) == nameless
        assert asked == []
        assert Crossref(address).complete(unknown) == unknown


def test_a_service_that_is_away_is_waited_for() -> None:
    with served((503, b""), (200, b"<html>excuse</html>"), (200, answer())) as (address, asked):
        assert Crossref(address, no_pause).complete(article()).facts.volume.value == "7"
        assert len(asked) == 3
    with served((429, b"")) as (address, asked):
        with pytest.raises(TransientError, match="it answers 429"):
            Crossref(address, no_pause).complete(article())
        assert len(asked) == 3
    with pytest.raises(TransientError, match="Crossref cannot be asked"):
        Crossref(address, no_pause).complete(article())  # nobody listens there any more


def test_a_wrong_address_is_our_fault() -> None:
    with pytest.raises(ConfigurationError, match="no address"):
        Crossref("api.example")
    with served((403, b"")) as (address, _), pytest.raises(ConfigurationError, match="answers 403"):
        Crossref(address).complete(article())


def test_the_sandboxs_answer_is_completed() -> None:
    journal = Journal().text(50, 60, TITLE, size=16, font="hebo").text(50, 80, "doi: 10.5555/made.77", size=7)
    journal.paragraph(50, 100, rows=10).picture((50, 240, 285, 416)).text(50, 430, "Figure 1. Axial CT of the head.")
    with served((200, answer())) as (address, _), Sandbox() as sandbox:
        (found,) = sandbox.read(journal.pdf(), ExtractOptions(crops=False, crossref=address)).articles
    assert found.facts.doi.where == "page 1"
    assert (found.facts.journal.value, found.facts.journal.where) == ("Made Journal", "Crossref")
