"""A search of any kind of collection: the query is planned, ranked, and what is to be told about it is found.

What differs between kinds is the collection (`Searched`) and the words in which a reader is told (`Wording`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from journalclip_inference.analysis import analyzer
from journalclip_inference.errors import QueryInvalid
from journalclip_inference.index.facets import Choices, Filters
from journalclip_inference.index.plan import Plan
from journalclip_inference.index.vectors import Vectors
from journalclip_inference.index.words import Words
from journalclip_inference.search.legs import Legs, Searched
from journalclip_inference.search.planner import Planner, Understood
from journalclip_inference.search.ranker import SAID, Mode, Ranked, Ranking, rank
from journalclip_inference.search.reasons import Beside, Reason, reasons, said_beside
from journalclip_inference.search.vocabulary import Vocabulary
from journalclip_shared.records import Document

MAX_K = 200


@dataclass(frozen=True)
class Asked:
    """A search: words, a vector (of words, of a picture, or of both), or both; at least one of them.

    ``picture``: the vector is of a picture as well. ``by_caption``: compare it with captions' vectors.
    """

    text: str | None = None
    vector: Vectors | None = None
    k: int = 24
    filters: Choices = field(default_factory=Filters)
    mode: Mode = "best"
    by_caption: bool = False
    picture: bool = False


@dataclass(frozen=True)
class Wording:
    """What a reader is told where a collection does not say what was asked."""

    nothing_says: str
    no_words: str
    not_known: str
    no_phrase: str


class Correction(Document):
    """A word that nothing in the collection has, and the one that it was read as."""

    typed: str
    read_as: str


class Expansion(Document):
    """Words of the query that name a thing: all its names were searched for."""

    said: str
    means: str


class Told(Document):
    """What is said of a query beside its hits."""

    mode: Mode = Field("looks", description="The mode that was used: a query without words is ranked by looks.")
    notice: str | None = Field(None, description="Only where the collection does not say what was asked.")
    corrections: tuple[Correction, ...] = ()
    expansions: tuple[Expansion, ...] = ()
    unknown: tuple[str, ...] = Field((), description="Words of the query that nothing in the collection says.")


@dataclass(frozen=True)
class Searching:
    """The rows that were found, the plan by which, what is to be told, and which terms stand outside captions."""

    rows: tuple[Ranked, ...]
    plan: Plan
    told: Told
    beside: Mapping[int, Beside] = field(default_factory=dict)

    def reasons(self, ranked: Ranked, text: str) -> tuple[Reason, ...]:
        """Why a row is a hit; none where looks alone ranked. ``text`` is what the row itself says."""
        return () if self.told.mode == "looks" else reasons(self.plan, text, self.beside.get(ranked.position, {}))


def planner_of(parts: Sequence[Words]) -> Planner:
    """A planner for the vocabulary of a collection's parts."""
    return Planner(analyzer(), Vocabulary(parts, analyzer()))


def search(collection: Searched, planner: Planner, asked: Asked, wording: Wording) -> Searching:
    """The best rows. Raises `QueryInvalid`."""
    if not 1 <= asked.k <= MAX_K:
        raise QueryInvalid(f"k is {asked.k}", f"Choose k between 1 and {MAX_K}.")
    read = planner.lookup if asked.mode == "looks" else planner.plan
    understood = read(asked.text) if asked.text else None
    plan = understood.plan if understood else Plan()
    legs = Legs(collection, asked.filters, asked.by_caption)
    ranking = rank(legs, plan, asked.vector, asked.k, asked.mode, asked.picture)
    mode: Mode = "looks" if plan.empty else asked.mode
    told = _told(understood, mode, _notice(ranking, mode, wording))
    beside = {} if mode == "looks" else said_beside(legs, plan, [row.position for row in ranking.rows])
    return Searching(ranking.rows, plan, told, beside)


def _notice(ranking: Ranking, mode: Mode, wording: Wording) -> str | None:
    if ranking.absent:
        return wording.not_known
    if mode == "looks" or ranking.best_share is None:
        return None
    if ranking.best_share < SAID:
        return wording.nothing_says if mode == "best" and ranking.rows else wording.no_words
    return wording.no_phrase if ranking.phrase_absent else None


def _told(understood: Understood | None, mode: Mode, notice: str | None) -> Told:
    if understood is None:
        return Told(mode=mode, notice=notice)
    return Told(
        mode=mode,
        notice=notice,
        corrections=tuple(Correction(typed=a, read_as=b) for a, b in understood.corrections),
        expansions=tuple(Expansion(said=a, means=b) for a, b in understood.expansions),
        unknown=understood.unknown,
    )
