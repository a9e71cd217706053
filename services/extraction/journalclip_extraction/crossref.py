"""What the publisher deposited with Crossref, for facts that an article leaves open; asked only where switched on.

The article's own DOI is asked for, never its title, so nobody gets another's record. What the article prints stays as
it is printed; only what it does not say is filled in, and only where title or authors of the record agree with what it
does say. The parent asks, since the parser's child has no network.
"""

from __future__ import annotations

import html
import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from journalclip_extraction.article import ReadArticle
from journalclip_extraction.bundle.likeness import likeness, plain
from journalclip_extraction.licences import address_of, normalise, version_of
from journalclip_shared.errors import ConfigurationError, TransientError
from journalclip_shared.ids import normalise_doi
from journalclip_shared.records.article import ArticleFacts, Sourced
from journalclip_shared.text import clean

WHERE = "Crossref"
_TIMEOUT_S = 20.0
_TRIES = 3
_PAUSE_S = 2.0  # before the second try, twice that before the third
_MOST_BYTES = 4 << 20  # a record with thousands of references has a tenth of it
_SAME_TITLE = 0.9
_ENOUGH = 30  # letters of a title that tell articles apart: a record may lack the subtitle
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_RETRACTIONS = frozenset({"retraction", "partial_retraction", "removal", "withdrawal"})

Record = Mapping[str, Any]


class Crossref:
    """The REST API at ``address``, as in ``https://HOST?mailto=YOU``: its query goes along with every question."""

    def __init__(self, address: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._parts = urllib.parse.urlsplit(address)
        self._pause = pause
        if self._parts.scheme not in ("http", "https") or not self._parts.netloc:
            raise _misconfigured(f"{address!r} is no address of the web")

    def complete(self, article: ReadArticle) -> ReadArticle:
        """The article with what the record adds. Raises `TransientError`, `ConfigurationError`."""
        doi = normalise_doi(article.facts.doi.value or "")
        record = self._record(doi) if doi else None
        return completed(article, record) if record is not None else article

    def _record(self, doi: str) -> Record | None:
        """The record of a DOI; None where Crossref has none, as of DOIs that others register."""
        place = f"{self._parts.path.rstrip('/')}/works/{urllib.parse.quote(doi, safe='')}"
        address = self._parts._replace(path=place).geturl()
        why = ""
        for attempt in range(_TRIES):
            if attempt:
                self._pause(_PAUSE_S * attempt)
            try:
                return _message(_fetch(address))
            except urllib.error.HTTPError as error:
                if error.code in (404, 410):
                    return None
                if error.code not in (408, 429) and error.code < 500:
                    raise _misconfigured(f"Crossref answers {error.code} to {address}") from error
                why = f"it answers {error.code}"
            except (OSError, http.client.HTTPException, ValueError) as error:
                why = str(error) or type(error).__name__
        raise TransientError(f"Crossref cannot be asked: {why}", "crossref")


def _fetch(address: str) -> bytes:
    headers = {"Accept": "application/json", "User-Agent": "journalclip"}
    asked = urllib.request.Request(address, headers=headers)  # noqa: S310 - `Crossref` takes http and https alone
    with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:  # noqa: S310
        return bytes(answer.read(_MOST_BYTES))


def _message(answer: bytes) -> Record:
    """Raises ValueError where it is no answer of Crossref's, as of a proxy's page of excuses."""
    said = json.loads(answer)
    message = said.get("message") if isinstance(said, dict) else None
    if not isinstance(message, dict):
        raise ValueError("the answer is no record")
    return message


def _misconfigured(reason: str) -> ConfigurationError:
    remedy = "Set JOURNALCLIP_EXTRACT__CROSSREF to the API's address, or leave it empty."
    return ConfigurationError("crossref-refused", reason, remedy)


def completed(article: ReadArticle, record: Record) -> ReadArticle:
    """``article`` with facts of ``record`` where it has none of its own; as it was where the two disagree."""
    if not _agrees(article.facts, record):
        return article
    updates = {name: Sourced(value=value, where=WHERE) for name, value in _stated(record) if _is_open(article, name)}
    facts = article.facts.model_copy(update=updates)
    if not facts.authors and (authors := tuple(_authors(record))):
        facts = facts.model_copy(update={"authors": authors, "authors_where": WHERE})
    if facts.licence == "unknown" and not facts.licence_statement.value:
        facts = facts.model_copy(update=_terms(record))
    retracts = article.retracts or tuple(_updates(record, "update-to"))
    retracted = article.retracted or next(_updates(record, "updated-by", own=True), None) is not None
    return replace(article, facts=facts, retracts=retracts, retracted=retracted)


def _is_open(article: ReadArticle, name: str) -> bool:
    fact: Sourced = getattr(article.facts, name)
    return not fact.value


def _agrees(facts: ArticleFacts, record: Record) -> bool:
    """Title, or where the article prints none that was found an author, is the same in both."""
    title = plain(_title(record))
    if facts.title.value and title:
        own = plain(facts.title.value)
        shorter, longer = sorted((own, title), key=len)
        return likeness(own, title) >= _SAME_TITLE or (len(shorter) >= _ENOUGH and longer.startswith(shorter))
    theirs = {plain(str(each.get("family") or each.get("name") or "")) for each in _dicts(record, "author")} - {""}
    return any(plain(name).endswith(family) for name in facts.authors for family in theirs)


def _stated(record: Record) -> Iterator[tuple[str, str]]:
    """Facts of the record by the names of `ArticleFacts`, without those that it lacks."""
    journals = record.get("container-title")
    found = {
        "title": _title(record),
        "journal": _text(journals[0]) if isinstance(journals, list) and journals else "",
        "year": _year(record),
        "volume": _text(record.get("volume")),
        "page_range": _text(record.get("page")) or _text(record.get("article-number")),
    }
    return ((name, value) for name, value in found.items() if value)


def _title(record: Record) -> str:
    titles = record.get("title")
    return _text(titles[0]) if isinstance(titles, list) and titles else ""


def _year(record: Record) -> str:
    issued = record.get("issued")
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    first = parts[0][0] if isinstance(parts, list) and parts and isinstance(parts[0], list) and parts[0] else None
    return str(first) if isinstance(first, int) else ""


def _authors(record: Record) -> Iterator[str]:
    for each in _dicts(record, "author"):
        name = " ".join(filter(None, (_text(each.get("given")), _text(each.get("family"))))) or _text(each.get("name"))
        if name:
            yield name


def _terms(record: Record) -> dict[str, object]:
    """The licence of the version of record that is in force at once; an embargo's end is nobody's business here."""
    for each in _dicts(record, "license"):
        address = _text(each.get("URL"))
        licence = normalise(address)
        if each.get("content-version") == "vor" and not each.get("delay-in-days") and licence.startswith("CC"):
            version = version_of(address)
            return {
                "licence_statement": Sourced(value=address, where=WHERE),
                "licence": licence,
                "licence_version": version,
                "licence_url": address_of(licence, version),
            }
    return {}


def _updates(record: Record, key: str, *, own: bool = False) -> Iterator[str]:
    """DOIs of what the article retracts, or (``own``) of notices that retract it."""
    for each in _dicts(record, key):
        if _text(each.get("type")).lower().replace("-", "_") in _RETRACTIONS:
            doi = normalise_doi(_text(each.get("DOI")))
            if doi is not None or own:
                yield doi or ""


def _dicts(record: Record, key: str) -> Iterator[Mapping[str, Any]]:
    found = record.get(key)
    return (each for each in (found if isinstance(found, list) else ()) if isinstance(each, dict))


def _text(value: object) -> str:
    """Titles hold tags and entities."""
    return clean(html.unescape(_TAG.sub("", value)))[:2000] if isinstance(value, str) else ""
