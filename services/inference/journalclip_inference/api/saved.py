"""Saved searches over HTTP, and the feed (Atom, RFC 4287) of what each finds anew.

A feed follows words and filters, not looks: what is like a picture changes with the model, and a reader of a feed wants
to hear of new figures alone. Of words, the larger part must be said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from xml.etree import ElementTree

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from journalclip_inference.api.schemas import Message
from journalclip_inference.api.serving import REFUSALS, Parts, Serving, Viewer
from journalclip_inference.errors import QueryInvalid
from journalclip_inference.hits import Hit
from journalclip_inference.index.facets import Filters
from journalclip_inference.reader import Reader
from journalclip_inference.search.asking import MAX_K, Asked
from journalclip_inference.sessions.searches import FoundFigure, SavedQuery, SavedSearch

router = APIRouter(prefix="/v1", responses=REFUSALS, tags=["search"])
_SAID = 0.6  # the share of a query's words that a figure of its feed says
_ATOM = "http://www.w3.org/2005/Atom"
_FEED: dict[int | str, dict[str, object]] = {200: {"content": {"application/atom+xml": {}}}}


class SaveRequest(Message):
    """A search to keep."""

    name: str = Field(min_length=1, max_length=200)
    text: str = Field("", max_length=2_000)
    filters: Filters = Filters()


class Saved(BaseModel):
    """The address of the feed is shown this once."""

    search: SavedSearch
    feed: str


@router.post("/searches", status_code=201)
async def save(wanted: SaveRequest, request: Request, parts: Parts, who: Viewer) -> Saved:
    """Keep a search; what it finds now is the beginning of its feed."""
    query = SavedQuery(text=wanted.text.strip(), filters=wanted.filters)
    if not query.text and query.filters.empty:
        raise QueryInvalid("nothing is looked for", "Give words, filters, or both.")
    search, key = await asyncio.to_thread(parts.searches.save, who.owner, wanted.name, query)
    found, _ = await _found(parts, search)
    return Saved(
        search=search.model_copy(update={"found": len(found)}), feed=f"{_base(request, parts)}/v1/feeds/{key}"
    )  # fmt: skip


@router.get("/searches")
async def searches(parts: Parts, who: Viewer) -> list[SavedSearch]:
    """The caller's own, by name."""
    return await asyncio.to_thread(parts.searches.of, who.owner)


@router.delete("/searches/{search_id}", status_code=204)
async def delete(search_id: Annotated[str, Path(max_length=64)], parts: Parts, who: Viewer) -> None:
    """With its feed, whose address is unknown from then on."""
    await asyncio.to_thread(parts.searches.delete, who.owner, search_id)


@router.get("/feeds/{key}", response_class=Response, responses=_FEED)
async def feed(key: Annotated[str, Path(max_length=64)], request: Request, parts: Parts) -> Response:
    """The newest figures of a saved search, for programs that read feeds: who has the address may read it."""
    search = await asyncio.to_thread(parts.searches.by_key, key)
    found, hits = await _found(parts, search)
    written = _atom(search, found, hits, _base(request, parts))
    return Response(written, media_type="application/atom+xml", headers={"Cache-Control": "private, max-age=300"})


async def _found(parts: Serving, search: SavedSearch) -> tuple[list[FoundFigure], dict[str, Hit]]:
    hits = await parts.backend.read(partial(_hits, query=search.query))
    by_figure: dict[str, Hit] = {}
    for hit in hits:
        by_figure.setdefault(hit.figure_id, hit)
    pairs = {figure: hit.pair_id for figure, hit in by_figure.items()}
    return await asyncio.to_thread(parts.searches.note, search.search_id, pairs), by_figure


def _hits(reader: Reader, query: SavedQuery) -> Sequence[Hit]:
    if not query.text:
        return reader.browse(query.filters, "newest", MAX_K).hits
    found = reader.search(Asked(query.text, None, MAX_K, query.filters, mode="words")).hits
    return [hit for hit in found if hit.exact or (hit.share or 0.0) >= _SAID]


def _atom(search: SavedSearch, found: Sequence[FoundFigure], hits: dict[str, Hit], base: str) -> bytes:
    ElementTree.register_namespace("", _ATOM)
    root = ElementTree.Element(f"{{{_ATOM}}}feed")
    _add(root, "id", f"urn:journalclip:search:{search.search_id}")
    _add(root, "title", search.name)
    _add(root, "updated", _time(max((each.at for each in found), default=search.made)))
    _add(_add(root, "author"), "name", "journalclip")
    for each in found:
        hit = hits[each.figure_id]
        entry = _add(root, "entry")
        _add(entry, "id", f"urn:journalclip:figure:{each.figure_id}")
        _add(entry, "title", f"{hit.label.rstrip('. ')}: {hit.title or hit.name}")
        _add(entry, "updated", _time(each.at))
        _add(entry, "link").set("href", f"{base}/figures/{each.figure_id}#{hit.pair_id}")
        _add(entry, "summary", f"{hit.caption} ({hit.citation})")
    written: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return written


def _add(parent: ElementTree.Element, name: str, text: str = "") -> ElementTree.Element:
    made = ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}")
    if text:
        made.text = "".join(char for char in text if char >= " " or char in "\t\n")  # XML 1.0 has no other controls
    return made


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _base(request: Request, parts: Serving) -> str:
    return parts.public_url or str(request.base_url).rstrip("/")
