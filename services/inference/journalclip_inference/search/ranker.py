"""One ranking of a collection for one query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from journalclip_inference.index.plan import Plan
from journalclip_inference.index.vectors import Vectors
from journalclip_inference.search.fusion import fused, gate, scaled
from journalclip_inference.search.legs import Legs

Mode = Literal["best", "words", "looks"]
Exact = Literal["id", "caption", "title", "phrase"]

_WORDS = 400  # rows that the words' leg hands over at least; ties among them are broken by looks
_LOOKS = 100
_TITLE_SHARE = 0.8  # of the query's words that a title must have to be meant; of several, those that have most
_EQUAL = 1e-6
_ADDS: dict[Exact, float] = {"caption": 2.0, "title": 1.0, "phrase": 0.0, "id": 0.0}
# Below this share of the query no caption says it: the reader is told.
SAID = 0.35


@dataclass(frozen=True)
class Ranked:
    """A row with what it is ranked by. ``similarity`` is a cosine, None where no vector was asked with."""

    position: int
    score: float
    share: float = 0.0
    similarity: float | None = None
    exact: Exact | None = None


@dataclass(frozen=True)
class Ranking:
    """Rows, best first, and how much of the query the best caption says (None: no words were asked)."""

    rows: tuple[Ranked, ...] = ()
    best_share: float | None = None
    phrase_absent: bool = False
    absent: bool = False  # an exact look-up that found nothing


@dataclass
class _Candidates:
    shares: dict[int, float]
    exact: dict[int, tuple[Exact, float]] = field(default_factory=dict)
    phrase_absent: bool = False


def rank(legs: Legs, plan: Plan, vector: Vectors | None, k: int, mode: Mode, picture: bool = False) -> Ranking:
    """The ``k`` best rows. ``picture``: the vector is of a picture as well, so looks count in full."""
    if plan.known and plan.known[0]:
        return _looked_up(legs, plan, vector, k)
    if mode == "looks" or plan.empty:
        return Ranking(tuple(_by_looks(legs, plan, vector, k)))
    found = _by_words(legs, plan, max(_WORDS, 2 * k))
    if mode == "words" or vector is None:
        return _ranking(found, [_words_only(found, position) for position in found.shares], k)
    return _ranking(found, _joined(legs, plan, vector, found, max(_LOOKS, 2 * k), picture), k)


def _looked_up(legs: Legs, plan: Plan, vector: Vectors | None, k: int) -> Ranking:
    """What the query names, and nothing beside it."""
    positions = legs.known(plan.known[0])[:k]
    cosines = legs.cosines(vector, positions) if vector is not None else {}
    rows = tuple(Ranked(each, 1.0, 1.0, cosines.get(each), "id") for each in positions)
    return Ranking(rows, 1.0, absent=not rows)


def _by_looks(legs: Legs, plan: Plan, vector: Vectors | None, k: int) -> list[Ranked]:
    if vector is None:
        return []
    cosines = legs.alike(vector, k)
    out = legs.excluded(plan.without, list(cosines))
    return [Ranked(each, score, 0.0, score) for each, score in cosines.items() if each not in out]


def _by_words(legs: Legs, plan: Plan, limit: int) -> _Candidates:
    wanted = plan
    absent = False
    if plan.phrases:
        together = set.intersection(*(set(legs.phrase(phrase)) for phrase in plan.phrases))
        absent = not together
        wanted = replace(plan, phrases=()) if absent else plan
    found = _Candidates(legs.said(wanted, limit) if wanted.total else {}, phrase_absent=absent)
    if plan.phrases and not absent:
        found.exact |= dict.fromkeys(found.shares, ("phrase", _ADDS["phrase"]))
        return found
    kinds: tuple[Exact, ...] = ("caption", "title")
    for kind, keys in zip(kinds, plan.known[1:], strict=False):
        found.exact |= {each: (kind, _ADDS[kind]) for each in legs.known(keys) if each not in found.exact}
    if plan.title and not found.exact:
        titled = legs.titled(plan.title)
        bar = max(_TITLE_SHARE, max(titled.values(), default=0.0) - _EQUAL)
        found.exact |= {each: ("title", _ADDS["title"]) for each, share in titled.items() if share >= bar}
    missing = [each for each in found.exact if each not in found.shares]
    found.shares |= legs.shares(wanted, missing) if wanted.total else dict.fromkeys(missing, 0.0)
    out = legs.excluded(plan.without, missing)
    found.shares = {each: share for each, share in found.shares.items() if each not in out}
    return found


def _words_only(found: _Candidates, position: int) -> Ranked:
    kind, adds = found.exact.get(position, (None, 0.0))
    share = found.shares[position]
    return Ranked(position, share + adds, share, None, kind)


def _joined(legs: Legs, plan: Plan, vector: Vectors, found: _Candidates, limit: int, picture: bool) -> list[Ranked]:
    cosines = legs.alike(vector, limit)
    lowest, highest = legs.lowest(vector), max(cosines.values(), default=0.0)
    best = max(found.shares.values(), default=0.0)
    if plan.phrases and not found.phrase_absent:
        cosines = {}
    new = [each for each in cosines if each not in found.shares]
    out = legs.excluded(plan.without, new)
    new = [each for each in new if each not in out]
    shares = {**found.shares, **(legs.shares(plan, new) if plan.total else dict.fromkeys(new, 0.0))}
    positions = list(shares)
    cosines |= legs.cosines(vector, [each for each in positions if each not in cosines])
    similarity = np.array([cosines[each] for each in positions], np.float32)
    share = np.array([shares[each] for each in positions], np.float32)
    adds = np.array([found.exact.get(each, (None, 0.0))[1] for each in positions], np.float32)
    total = fused(share, scaled(similarity, lowest, highest), adds, gate(best, picture))
    return [
        Ranked(each, float(total[n]), float(share[n]), float(similarity[n]), found.exact.get(each, (None, 0.0))[0])
        for n, each in enumerate(positions)
    ]


def _ranking(found: _Candidates, rows: Iterable[Ranked], k: int) -> Ranking:
    best = sorted(rows, key=lambda row: (-row.score, row.position))[:k]
    said = 1.0 if found.exact else max(found.shares.values(), default=0.0)
    return Ranking(tuple(best), said, found.phrase_absent)
