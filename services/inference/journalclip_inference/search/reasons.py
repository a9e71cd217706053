"""Why a hit is a hit: which of the query's terms its caption, its record or its article says, and where in the
caption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from pydantic import Field

from journalclip_inference.analysis import analyzer
from journalclip_inference.index.plan import Field as Place
from journalclip_inference.index.plan import Leaf, Plan, Term
from journalclip_inference.search.legs import Legs
from journalclip_shared.records import Document

Where = Literal["caption", "record", "article"]
_WHERE: dict[str, Where] = {"caption": "caption", "figure": "caption", "record": "record", "around": "article"}
Places = dict[str, list[tuple[int, int]]]
Beside = Mapping[int, tuple[Place, float]]  # terms of a plan by number: the field that says one, and the share it earns
_BESIDE: tuple[Place, ...] = ("record", "around")


class Reason(Document):
    """A term of the query that a hit has."""

    said: str = Field(description="The query's words.")
    where: Where
    share: float = Field(description="How much of the term it earns: 1 where the caption says it itself.")
    spans: tuple[tuple[int, int], ...] = Field((), description="Start and end characters in the caption.")


def reasons(plan: Plan, text: str, beside: Beside) -> tuple[Reason, ...]:
    """One for each term that a row has, in the query's order. ``text`` is what the row itself says; ``beside`` as
    `said_beside` finds it."""
    if not plan.terms:
        return ()
    places = _places(text)
    found: list[Reason] = []
    for number, term in enumerate(plan.terms):
        said = list(_in_caption(term, places))
        if said:
            best = max(said, key=lambda leaf: leaf.share)
            spans = tuple(sorted(set(places.get(best.token, ()))))
            found.append(Reason(said=term.said, where="caption", share=round(best.share, 3), spans=spans))
        elif number in beside:
            field, share = beside[number]
            found.append(Reason(said=term.said, where=_WHERE[field], share=round(share, 3)))
    return tuple(found)


def said_beside(legs: Legs, plan: Plan, positions: Sequence[int]) -> dict[int, Beside]:
    """For each position which terms its record or its article says: asked of the index, so that no text is read."""
    found: dict[int, dict[int, tuple[Place, float]]] = {position: {} for position in positions}
    for number, term in enumerate(plan.terms):
        for place in _BESIDE:
            leaves = tuple(leaf for leaf in term.leaves if leaf.field == place)
            if not leaves:
                continue
            shares = legs.shares(Plan(terms=(Term(term.said, 1.0, leaves),)), positions)
            for position, share in shares.items():
                if share > found[position].get(number, (place, 0.0))[1]:
                    found[position][number] = (place, share)
    return dict(found)


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
