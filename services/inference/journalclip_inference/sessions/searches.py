"""Saved searches: what a person asked, kept by name, and which figures it found since when.

A feed's address holds a key, since programs that read feeds do not sign in; only the key's digest is kept. What a
search finds is noted when its feed is read, so a figure that comes later is new on the day the feed first shows it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from pydantic import Field
from sqlalchemy import Engine, Row, delete, func, insert, select

from journalclip_inference.errors import NotFound, QueryInvalid
from journalclip_inference.index.facets import Filters
from journalclip_inference.sessions.database import transaction
from journalclip_inference.sessions.tables import FOUND, SEARCH
from journalclip_shared.records import Document

MOST = 100  # searches a person
SHOWN = 50  # figures a feed lists


class SavedQuery(Document):
    """What is looked for: words, filters, or both."""

    text: str = Field("", max_length=2_000)
    filters: Filters = Filters()


class SavedSearch(Document):
    """A search as its owner sees it."""

    search_id: str
    name: str
    query: SavedQuery
    made: float
    found: int = 0


class FoundFigure(Document):
    """A figure that a search found, and when first."""

    figure_id: str
    pair_id: str
    at: float


class SavedSearches:
    """Safe to call from many threads."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def save(self, owner: str, name: str, query: SavedQuery) -> tuple[SavedSearch, str]:
        """The search, and the key of its feed: the only time it is seen. Raises `QueryInvalid` where there are many."""
        key, made = secrets.token_urlsafe(24), self._clock()
        search = SavedSearch(search_id=f"srch_{secrets.token_hex(8)}", name=name, query=query, made=made)
        with transaction(self._engine) as connection:
            held = connection.execute(select(func.count()).select_from(SEARCH).where(SEARCH.c.owner == owner)).scalar()
            if held is not None and held >= MOST:
                raise QueryInvalid(f"{MOST} searches are saved already", "Delete one.")
            connection.execute(
                insert(SEARCH).values(
                    search_id=search.search_id, owner=owner, name=name, query=query.canonical().decode(),
                    feed=_digest(key), made=made,
                )
            )  # fmt: skip
        return search, key

    def of(self, owner: str) -> list[SavedSearch]:
        """By name."""
        count = select(func.count()).select_from(FOUND).where(FOUND.c.search_id == SEARCH.c.search_id).scalar_subquery()
        query = select(SEARCH, count.label("figures")).where(SEARCH.c.owner == owner).order_by(SEARCH.c.name)
        with transaction(self._engine) as connection:
            return [_search(row, int(row.figures)) for row in connection.execute(query.order_by(SEARCH.c.search_id))]

    def delete(self, owner: str, search_id: str) -> None:
        """With its feed. Raises `NotFound`."""
        mine = (SEARCH.c.owner == owner) & (SEARCH.c.search_id == search_id)
        with transaction(self._engine) as connection:
            if not connection.execute(delete(SEARCH).where(mine)).rowcount:
                raise NotFound("saved search of yours", search_id, "`GET /v1/searches` lists them.")
            connection.execute(delete(FOUND).where(FOUND.c.search_id == search_id))

    def by_key(self, key: str) -> SavedSearch:
        """Raises `NotFound`."""
        with transaction(self._engine) as connection:
            row = connection.execute(select(SEARCH).where(SEARCH.c.feed == _digest(key))).first()
        if row is None:
            raise NotFound("feed", "of that address", "Save the search again.")
        return _search(row)

    def note(self, search_id: str, pairs: Mapping[str, str]) -> list[FoundFigure]:
        """Note what a search finds now (pairs by figure); the newest figures that it ever found and still finds."""
        now = self._clock()
        with transaction(self._engine) as connection:
            rows = connection.execute(select(FOUND).where(FOUND.c.search_id == search_id)).all()
            known = {row.figure_id: float(row.at) for row in rows}
            new = [
                {"search_id": search_id, "figure_id": figure, "pair_id": pair, "at": now}
                for figure, pair in pairs.items()
                if figure not in known
            ]
            if new:
                connection.execute(insert(FOUND), new)
        found = [
            FoundFigure(figure_id=figure, pair_id=pair, at=known.get(figure, now)) for figure, pair in pairs.items()
        ]
        return sorted(found, key=lambda each: (-each.at, each.figure_id))[:SHOWN]


def _search(row: Row[Any], found: int = 0) -> SavedSearch:
    query = SavedQuery.model_validate_json(row.query)
    return SavedSearch(search_id=row.search_id, name=row.name, query=query, made=row.made, found=found)


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()
