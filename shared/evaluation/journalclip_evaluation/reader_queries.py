"""A reader's queries as a figure: made from the records of what is searched, graded, and counted by type.

Right is what the records say, or a list of the society's own. The figure says whether a search finds what structuring
saw, not whether structuring saw rightly. A grade of 1 or more is right; a lesser one is near, and counts for nDCG only.
Intervals are over queries, since queries are what a reader would draw anew. What differs between kinds of source is how
an item becomes `Said`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from journalclip_evaluation.bootstrap import Difference, Doubles, Groups, Ints, difference, interval
from journalclip_evaluation.counting import Floats, Rows
from journalclip_shared.ids import canonical_json, sha256_hex
from journalclip_shared.records import Document
from journalclip_shared.records.caption import Coded
from journalclip_shared.records.pair import Pair
from journalclip_shared.records.report import ReportFinding, WholeFinding
from journalclip_shared.records.study import StructuredStudy

K = 10
ALL = "all"
LOOKED_FOR = ("finding", "scan x finding", "side x site")  # types that a vector alone may answer
_LEAST = 3  # right items that a query of terms needs: with fewer, chance is seen, not search
_AT_ONCE = 65_536  # items scored at a time
_NEAR = 0.5  # the same finding elsewhere


@dataclass(frozen=True)
class Place:
    """A finding that is there, with the sides and sites that it may have."""

    term: str
    sides: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """What one item says: a pair of a figure, or a study. ``scans``: its modality, or its sequences."""

    id: str
    findings: tuple[Place, ...] = ()
    denied: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()


class JudgedQuery(Document):
    """A query and the items that are right for it, with how right each is."""

    type: str
    text: str
    right: dict[str, float] = Field(min_length=1, description="Grades by id of the pair or study, above 0.")


class TypeFigure(Document):
    """One type's means over its queries, each with its 95 % interval."""

    type: str
    queries: int
    precision: float = Field(description="P@10: right hits among the first ten, by ten or by all that are right.")
    precision_ci: tuple[float, float]
    ndcg: float
    ndcg_ci: tuple[float, float]
    reciprocal_rank: float
    reciprocal_rank_ci: tuple[float, float]
    told: float = Field(0.0, description="Share of queries that were told that nothing says it.")


class ReaderQueries(Document):
    """What one model scored on the queries that a split's records give, asked by vectors alone."""

    digest: str = Field(description="Equal for equal lists of queries: only then are two models compared.")
    types: tuple[TypeFigure, ...]
    precision: tuple[float, ...] = Field(description="P@10 of each query, in the order of the list.")

    @property
    def all(self) -> TypeFigure:
        return next(each for each in self.types if each.type == ALL)


def said_of_pair(pair: Pair) -> Said:
    record = pair.record
    sides, sites = _terms(record.laterality), _terms(record.anatomy)
    there = [each for each in record.findings if not each.negated]
    findings = [
        Place(each.term, (each.laterality,) if each.laterality else sides, (each.site,) if each.site else sites)
        for each in there
    ]
    denied = {each.term for each in record.findings if each.negated} - {each.term for each in there}
    scans = () if pair.modality in ("unknown", "other") else (pair.modality,)
    return Said(pair.pair_id, tuple(findings), tuple(sorted(denied)), scans)


def said_of_study(study: StructuredStudy) -> Said:
    record = study.record
    found: Sequence[WholeFinding | ReportFinding] = record.findings or [
        each for said in record.descriptions for each in said.findings
    ]
    there = [each for each in found if not each.negated]
    findings = [
        Place(each.term, (each.laterality,) if each.laterality else (), (each.site,) if each.site else ())
        for each in there
    ]
    denied = {each.term for each in found if each.negated} - {each.term for each in there}
    scans = tuple(each.sequence for each in study.volumes)
    return Said(study.study_id, tuple(findings), tuple(sorted(denied)), scans)


def queries_of(items: Iterable[Said], take: int = 20) -> list[JudgedQuery]:
    """At most ``take`` queries of each type, evenly over those that the items give; the same for the same items."""
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    having: dict[str, set[str]] = defaultdict(set)
    placed: dict[tuple[str, str], str] = {}
    for item in items:
        for place in item.findings:
            having[place.term].add(item.id)
        for kind, text, term in _asked_for(item):
            found[kind, text][item.id] = 1.0
            placed[kind, text] = term
    by_type: dict[str, list[JudgedQuery]] = defaultdict(list)
    for (kind, text), right in sorted(found.items()):
        if len(right) >= _LEAST:
            near = dict.fromkeys(sorted(having[placed[kind, text]] - right.keys()), _NEAR) if kind != "denial" else {}
            by_type[kind].append(JudgedQuery(type=kind, text=text, right={**right, **near}))
    return [each for queries in by_type.values() for each in spread(queries, take)]


def spread(queries: Sequence[JudgedQuery], take: int) -> list[JudgedQuery]:
    """So many of them, evenly."""
    if len(queries) <= take:
        return list(queries)
    return [queries[n * len(queries) // take] for n in range(take)]


def figures(grades: Sequence[float], right: Sequence[float]) -> tuple[float, float, float]:
    """P@10, nDCG@10 (Järvelin and Kekäläinen 2002, linear gain) and the reciprocal rank of the first right hit."""
    shown, wanted = list(grades[:K]), sum(grade >= 1 for grade in right)
    ideal = sorted(right, reverse=True)[:K]
    gain, best = (sum(g / math.log2(n + 2) for n, g in enumerate(each)) for each in (shown, ideal))
    first = next((n for n, grade in enumerate(shown) if grade >= 1), None)
    precision = sum(grade >= 1 for grade in shown) / min(K, wanted) if wanted else 0.0
    return precision, gain / best, 0.0 if first is None else 1 / (first + 1)


def summarise_queries(values: Sequence[tuple[str, float, float, float, float]]) -> list[TypeFigure]:
    """``values``: type, P@10, nDCG@10, reciprocal rank, told, of each query. All of them first, then by type."""
    types: dict[str, list[tuple[float, ...]]] = {ALL: []}
    for kind, *rest in values:
        types.setdefault(kind, []).append(tuple(rest))
        types[ALL].append(tuple(rest))
    return [_figure(kind, np.array(each, np.float64)) for kind, each in types.items() if each]


def asked_by_vectors(queries: Sequence[JudgedQuery], vectors: Floats, items: Rows, ids: Sequence[str]) -> ReaderQueries:
    """``vectors`` float32 [Q, D] of the queries' texts, ``items`` float32 [N, D] of what is searched; unit length."""
    values = []
    for query, best in zip(queries, _best(vectors, items), strict=True):
        grades = [query.right.get(ids[row], 0.0) for row in best.tolist()]
        values.append((query.type, *figures(grades, list(query.right.values())), 0.0))
    asked = [[query.type, query.text, sorted(query.right.items())] for query in queries]
    return ReaderQueries(
        digest=sha256_hex(canonical_json(asked))[:16],
        types=tuple(summarise_queries(values)),
        precision=tuple(round(value[1], 6) for value in values),
    )


def compare_queries(before: ReaderQueries, after: ReaderQueries) -> Difference | None:
    """Paired over queries; None where they were asked different ones."""
    if before.digest != after.digest:
        return None
    one, other = np.array(before.precision), np.array(after.precision)
    return difference(one, other, Groups.of([f"{n:06d}" for n in range(len(one))]))


def _best(vectors: Floats, items: Rows) -> Ints:
    """int64 [Q, at most K]: rows of the best items for each query, best first, ties by row."""
    scores, rows = np.zeros((len(vectors), 0), np.float32), np.zeros((len(vectors), 0), np.int64)
    for start in range(0, items.shape[0], _AT_ONCE):
        some = vectors @ items[start : start + _AT_ONCE].T
        scores = np.concatenate([scores, some], axis=1)
        rows = np.concatenate([rows, np.broadcast_to(np.arange(start, start + some.shape[1]), some.shape)], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
        scores, rows = np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
    return rows


def _figure(kind: str, values: Doubles) -> TypeFigure:
    cis = interval(values, Groups.of([f"{n:06d}" for n in range(len(values))]))
    means = [round(float(value), 4) for value in values.mean(axis=0)]
    rounded = [(round(low, 4), round(high, 4)) for low, high in cis]
    return TypeFigure(
        type=kind, queries=len(values), precision=means[0], precision_ci=rounded[0], ndcg=means[1], ndcg_ci=rounded[1],
        reciprocal_rank=means[2], reciprocal_rank_ci=rounded[2], told=means[3],
    )  # fmt: skip


def _asked_for(item: Said) -> Iterator[tuple[str, str, str]]:
    """Type, text and term of what a reader could ask to find this item."""
    for place in item.findings:
        yield "finding", place.term, place.term
        for scan in item.scans:
            yield "scan x finding", f"{scan} {place.term}", place.term
        for side in place.sides:
            for site in place.sites:
                yield "side x site", f"{place.term} in the {side} {site}", place.term
    for term in item.denied:
        yield "denial", f"no {term}", term


def _terms(coded: Sequence[Coded]) -> tuple[str, ...]:
    return tuple(sorted({each.term for each in coded}))
