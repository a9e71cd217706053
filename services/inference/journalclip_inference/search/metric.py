"""A reader's queries as a figure: made from a collection's own records and articles, asked, and counted by type.

Right is what the records say (or a list of the society's own): the figure says whether search finds what structuring
saw, not whether structuring saw rightly. Intervals are percentiles of 1,000 samples of the queries, since queries are
what a reader would draw anew.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from journalclip_inference.analysis import analyzer
from journalclip_inference.hits import Answer
from journalclip_inference.index.rows import Row
from journalclip_shared.records import Document

Ask = Callable[[str, int], Answer]
_K = 10
_SAMPLES = 1_000
_LEAST = 3  # right pairs that a query of terms needs: with fewer, chance is seen, not search
_SPELLINGS = (("haem", "hem"), ("oedema", "edema"), ("tumour", "tumor"), ("ischaem", "ischem"), ("fibre", "fiber"))


class JudgedQuery(Document):
    """A query and the pairs that are right for it, with how right each is."""

    type: str
    text: str
    right: dict[str, float] = Field(min_length=1, description="Grades by pair id, above 0.")


class TypeFigure(Document):
    """One type's means over its queries, with the 95 % interval of P@10."""

    type: str
    queries: int
    precision: float = Field(description="P@10: right hits among the first ten, by ten or by all that are right.")
    low: float
    high: float
    ndcg: float
    reciprocal_rank: float
    told: float = Field(description="Share of queries that were told that no caption says it.")


def made_from(rows: Sequence[Row], take: int = 20) -> list[JudgedQuery]:
    """At most ``take`` queries of each type, evenly over those that the rows give; the same for the same rows."""
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        for kind, text in _queries_of(row):
            found[kind][text][row.pair.pair_id] = 1.0
    made: list[JudgedQuery] = []
    for kind, texts in found.items():
        least = 1 if kind in ("title", "doi", "caption") else _LEAST
        queries = [
            JudgedQuery(type=kind, text=text, right=right) for text, right in texts.items() if len(right) >= least
        ]
        made += _spread(queries, take)
    return [*made, *(each for query in made if query.type == "finding" for each in _variants(query))]


def measure(queries: Iterable[JudgedQuery], ask: Ask) -> list[TypeFigure]:
    """One figure a type, and one over all. ``ask`` answers a text with so many hits."""
    values: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for query in queries:
        answer = ask(query.text, _K)
        grades = [query.right.get(hit.pair_id, 0.0) for hit in answer.hits]
        one = (*figures(grades, list(query.right.values())), float(answer.notice is not None))
        values[query.type].append(one)
        values["all"].append(one)
    return [_figure(kind, np.array(each)) for kind, each in values.items()]


def figures(grades: Sequence[float], right: Sequence[float]) -> tuple[float, float, float]:
    """P@10, nDCG@10 (Järvelin and Kekäläinen 2002, linear gain) and the reciprocal rank of the first right hit."""
    shown = list(grades[:_K])
    ideal = sorted(right, reverse=True)[:_K]
    gain, best = (sum(g / math.log2(n + 2) for n, g in enumerate(each)) for each in (shown, ideal))
    first = next((n for n, grade in enumerate(shown) if grade > 0), None)
    precision = sum(grade > 0 for grade in shown) / min(_K, len(right))
    return precision, gain / best, 0.0 if first is None else 1 / (first + 1)


def _figure(kind: str, values: NDArray[np.float64]) -> TypeFigure:
    rng = np.random.default_rng(0)
    samples = values[rng.integers(len(values), size=(_SAMPLES, len(values))), 0].mean(axis=1)
    low, high = np.percentile(samples, (2.5, 97.5))
    means = [round(float(value), 4) for value in values.mean(axis=0)]
    return TypeFigure(
        type=kind,
        queries=len(values),
        precision=means[0],
        low=round(float(low), 4),
        high=round(float(high), 4),
        ndcg=means[1],
        reciprocal_rank=means[2],
        told=means[3],
    )


def _queries_of(row: Row) -> Iterator[tuple[str, str]]:
    """What a reader could ask to find this row, each with its type."""
    pair = row.pair
    said = sorted({finding.term for finding in pair.record.findings if not finding.negated})
    for term in said:
        yield "finding", term
        if pair.modality not in ("unknown", "other"):
            yield "modality x finding", f"{pair.modality} {term}"
        for side in sorted({coded.term for coded in pair.record.laterality}):
            for site in sorted({coded.term for coded in pair.record.anatomy}):
                yield "side x site", f"{term} in the {side} {site}"
    for term in sorted({finding.term for finding in pair.record.findings if finding.negated}):
        yield "denial", f"no {term}"
    if row.title:
        yield "title", row.title
    if row.doi:
        yield "doi", row.doi
    yield "caption", pair.text


def _variants(query: JudgedQuery) -> Iterator[JudgedQuery]:
    """The same thing asked for otherwise: the right pairs stay."""
    reader = analyzer()
    for british, american in _SPELLINGS:
        if british in query.text:
            yield query.model_copy(update={"type": "spelling", "text": query.text.replace(british, american)})
    word = max(query.text.split(), key=len)
    middle = len(word) // 2
    if len(word) >= 7 and word[middle] != word[middle - 1]:
        swapped = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
        yield query.model_copy(update={"type": "misspelling", "text": query.text.replace(word, swapped)})
    plural = query.text + ("es" if query.text.endswith(("s", "x")) else "s")
    reading = reader.read(query.text)
    if reader.read(plural).stems == reading.stems:
        yield query.model_copy(update={"type": "plural", "text": plural})
    for found in reading.concepts[:1]:
        names = [name for name in found.concept.names if name.isascii() and name.lower() != query.text.lower()]
        if names and found.end - found.first == len(reading.words):
            yield query.model_copy(update={"type": "synonym", "text": names[len(names) // 2]})


def _spread(queries: Sequence[JudgedQuery], take: int) -> list[JudgedQuery]:
    if len(queries) <= take:
        return list(queries)
    return [queries[n * len(queries) // take] for n in range(take)]
