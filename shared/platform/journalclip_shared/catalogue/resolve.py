"""One resolver of ids: what a person typed, whatever version or delivery it comes from, as the ids that hold now.

An article may have been known by another id: before its DOI was found, or as the delivery that it came in. A figure,
panel, series or pair of such an article, or one that a later extractor or structurer named anew, is found by its key
(see the table `alias`). DOI, PMCID, a journal's name and a patient's pseudonym are taken as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, and_, func, select

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.catalogue.engine import reached
from journalclip_shared.catalogue.tables import ALIAS, BELONGS, DOCUMENT, PAIR, PARENT, WITHDRAWN, ref_of
from journalclip_shared.ids import identify_article, normalise_doi, normalise_pmcid
from journalclip_shared.records.withdrawal import Scope
from journalclip_shared.withdrawals import collection_key

_CHUNK = 400


@dataclass(frozen=True)
class Thing:
    """What an id names now. ``within`` is the article or study of a part; ``part`` the panel or figure of a pair."""

    scope: Scope
    id: str
    within: str = ""
    part: str = ""


class Resolver:
    """Asks one catalogue. Raises `TransientError`, `ConfigurationError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def present(self, asked: str) -> tuple[Thing, ...]:
        """The things that ``asked`` names now; several for a delivery of several articles; empty where unknown."""
        with reached(), self._engine.connect() as connection:
            return _present(connection, asked)

    def submissions(self, child: str) -> tuple[str, ...]:
        """Submissions that an article or study came in."""
        with reached(), self._engine.connect() as connection:
            return tuple(_submissions(connection, child))

    def children(self, submission: str) -> tuple[str, ...]:
        """Articles or studies that came in a submission."""
        with reached(), self._engine.connect() as connection:
            return tuple(_children(connection, submission))

    def members(self, scope: Scope, subject: str) -> tuple[str, ...]:
        """Articles of a collection, studies of a patient."""
        query = select(BELONGS.c.child_id).where(and_(BELONGS.c.scope == scope, BELONGS.c.subject == subject))
        with reached(), self._engine.connect() as connection:
            return tuple(str(row.child_id) for row in connection.execute(query.order_by(BELONGS.c.child_id)))

    def pictures(self, within: str, part: str) -> tuple[tuple[str, str], ...]:
        """SHA-256 and perceptual hash of the pairs of a figure or panel."""
        mine = and_(PAIR.c.source_id == within, (PAIR.c.parent_id == part) | (PAIR.c.part_id == part))
        with reached(), self._engine.connect() as connection:
            found = connection.execute(select(PAIR.c.image, PAIR.c.phash).where(mine).order_by(PAIR.c.pair_id))
            return tuple((str(row.image), str(row.phash)) for row in found)

    def documents(self, within: str) -> tuple[tuple[str, ArtifactRef, int], ...]:
        """Every document of an article or study: its stage, itself, how many items it counts."""
        query = select(DOCUMENT).where(DOCUMENT.c.source_id == within).order_by(DOCUMENT.c.document_id)
        with reached(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return tuple(
            (
                str(row.stage),
                ref_of(row),
                int(row._mapping["items"]),
            )
            for row in rows
        )

    def shared(self, digests: Sequence[str], within: Sequence[str]) -> frozenset[str]:
        """Those of the digests that a pair of any other article or study shows."""
        found = set[str]()
        for at in range(0, len(digests), _CHUNK):
            mine = and_(PAIR.c.image.in_(digests[at : at + _CHUNK]), PAIR.c.source_id.not_in(within))
            with reached(), self._engine.connect() as connection:
                found |= {str(row.image) for row in connection.execute(select(PAIR.c.image).where(mine))}
        return frozenset(found)

    def withdrawn(self) -> list[dict[str, str]]:
        """Every subject that is withdrawn now."""
        query = select(WITHDRAWN).where(WITHDRAWN.c.action == "withdraw").order_by(WITHDRAWN.c.scope)
        with reached(), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(WITHDRAWN.c.subject)).all()
        return [{name: str(row._mapping[name]) for name in ("scope", "subject", "reason", "who", "at")} for row in rows]


def _present(connection: Connection, asked: str) -> tuple[Thing, ...]:
    found = _articles(connection, _identified(asked))
    if found:
        return tuple(Thing("study" if each.startswith("std_") else "article", each) for each in found)
    part = _part(connection, asked)
    if part is not None:
        return (part,)
    for scope, subject in (("patient", asked), ("collection", collection_key(asked))):
        member = connection.execute(
            select(BELONGS.c.child_id).where(and_(BELONGS.c.scope == scope, BELONGS.c.subject == subject)).limit(1)
        ).first()
        if member is not None:
            return (Thing("patient" if scope == "patient" else "collection", subject),)
    return ()


def _identified(asked: str) -> str:
    """A DOI or PMCID as the id of its article; anything else as it is."""
    if (doi := normalise_doi(asked)) is not None:
        return identify_article(doi, None, "")
    if asked.upper().startswith("PMC") and (number := normalise_pmcid(asked)) is not None:
        return identify_article(None, number, "")
    return asked


def _articles(connection: Connection, asked: str) -> list[str]:
    """The articles or studies that ``asked`` is an id of: itself, the one that it is called now, or a delivery's."""
    within = _children(connection, asked)
    if within == [asked]:
        return _renamed(connection, asked)
    if within:
        # The delivery may itself have been an article's id, of before deliveries had ids of their own.
        return [each for each in within if each != asked and _renamed(connection, each) == [each]] or [asked]
    return _renamed(connection, asked) if _submissions(connection, asked) else []


def _renamed(connection: Connection, article: str) -> list[str]:
    """What stands now on the same page of the same submission, read by a later version; else the article itself."""
    own = connection.execute(select(ALIAS.c.within, ALIAS.c.key).where(ALIAS.c.id == article)).all()
    rank = _rank(connection, article)
    for row in own:
        if not row.key.startswith("page "):
            continue
        same = and_(ALIAS.c.within == row.within, ALIAS.c.key == row.key, ALIAS.c.id != article)
        others = [str(each.id) for each in connection.execute(select(ALIAS.c.id).where(same))]
        later = [(_rank(connection, each), each) for each in others]
        best = max((each for each in later if each[0] > rank), default=None)
        if best is not None:
            return [best[1]]
    return [article]


def _part(connection: Connection, asked: str) -> Thing | None:
    """A figure, panel, series or pair by any id that it ever had. A study's parts stand for the study."""
    row = connection.execute(select(ALIAS).where(ALIAS.c.id == asked).order_by(ALIAS.c.within).limit(1)).first()
    if row is None or row.key.startswith("page "):
        return None
    within = _articles(connection, row.within) or [row.within]
    if row.within.startswith("std_"):
        return Thing("study", within[0])
    if row.key.startswith("pair "):
        _, parent, part = row.key.split(" ", 2)
        here = _part(connection, part or parent)
        found = _pair(connection, here.within, here.part) if here else None
        return found or Thing("pair", asked, within[0], part or parent)
    for article in within:
        mine = and_(ALIAS.c.within == article, ALIAS.c.key == row.key)
        query = select(ALIAS.c.id, ALIAS.c.rank).where(mine).order_by(ALIAS.c.rank.desc(), ALIAS.c.id)
        now = connection.execute(query).all()
        if now:
            ids = [str(each.id) for each in now if each.rank == now[0].rank]
            held = asked if asked in ids else ids[0]
            return Thing("pair" if " panel " in row.key else "figure", held, article, held)
    return None


def _pair(connection: Connection, within: str, part: str) -> Thing | None:
    """The pair of a panel, or of a figure that is one whole, in the newest document."""
    mine = ((PAIR.c.parent_id == part) & (PAIR.c.part_id == "")) | (PAIR.c.part_id == part)
    found = connection.execute(select(PAIR.c.pair_id).where(and_(PAIR.c.source_id == within, mine)).limit(1)).first()
    return None if found is None else Thing("pair", str(found.pair_id), within, part)


def _children(connection: Connection, submission: str) -> list[str]:
    query = select(PARENT.c.child_id).where(PARENT.c.source_id == submission).order_by(PARENT.c.child_id)
    return [str(row.child_id) for row in connection.execute(query)]


def _submissions(connection: Connection, child: str) -> list[str]:
    query = select(PARENT.c.source_id).where(PARENT.c.child_id == child).order_by(PARENT.c.source_id)
    return [str(row.source_id) for row in connection.execute(query)]


def _rank(connection: Connection, article: str) -> int:
    mine = and_(DOCUMENT.c.source_id == article, DOCUMENT.c.stage == "extraction")
    return int(connection.execute(select(func.coalesce(func.max(DOCUMENT.c.rank), -1)).where(mine)).scalar_one())
