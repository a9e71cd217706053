"""Why a hit is a hit: which of the query's terms its caption, its record or its article says, and where in the
caption."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Literal

from pydantic import Field

from journalclip_inference.analysis import analyzer
from journalclip_inference.index.plan import Leaf, Plan, Term
from journalclip_inference.index.words import RowWords
from journalclip_shared.records import Document

Where = Literal["caption", "record", "article"]
_WHERE: dict[str, Where] = {"caption": "caption", "figure": "caption", "record": "record", "around": "article"}
Places = dict[str, list[tuple[int, int]]]


class Reason(Document):
    """A term of the query that a hit has."""

    said: str = Field(description="The query's words.")
    where: Where
    share: float = Field(description="How much of the term it earns: 1 where the caption says it itself.")
    spans: tuple[tuple[int, int], ...] = Field((), description="Start and end characters in the caption.")


def reasons(plan: Plan, text: str, words: Callable[[], RowWords]) -> tuple[Reason, ...]:
    """One for each term that a row has, in the query's order. ``text`` is what the row itself says; ``words``, all that
    is indexed of it, are asked for only where a term stands outside it."""
    if not plan.terms:
        return ()
    places = _places(text)
    found: list[Reason] = []
    beside: dict[str, set[str]] | None = None
    for term in plan.terms:
        said = list(_in_caption(term, places))
        if not said:
            if beside is None:
                tokens = words().panels[0]
                beside = {"record": set(tokens["record"]), "around": set(tokens["around"])}
            said = [leaf for leaf in term.leaves if leaf.token in beside.get(leaf.field, ())]
        if said:
            best = max(said, key=lambda leaf: leaf.share)
            spans = tuple(sorted(set(places.get(best.token, ())))) if best.field == "caption" else ()
            found.append(Reason(said=term.said, where=_WHERE[best.field], share=round(best.share, 3), spans=spans))
    return tuple(found)


def _in_caption(term: Term, places: Places) -> Iterator[Leaf]:
    """Leaves of a term, or of its parts, that the caption has."""
    found = [leaf for leaf in term.leaves if leaf.field == "caption" and leaf.token in places]
    yield from found
    if not found and term.parts:
        total = sum(part.weight for part in term.parts)
        for part in term.parts:
            for leaf in _in_caption(part, places):
                yield Leaf(leaf.field, leaf.token, leaf.share * term.whole * part.weight / total)


@lru_cache(maxsize=4096)
def _places(caption: str) -> Places:
    found: Places = {}
    reader = analyzer()
    for start, end, token in reader.placed(reader.read(caption)):
        found.setdefault(token, []).append((start, end))
    return found
