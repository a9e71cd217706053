"""What was found so far in a report, and when two readings are the same finding.

The impression says again what the findings say: a finding of one term, or a diagnosis of what was seen, at a place that
fits, is one finding.
"""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_structuring.reports.entity import GLOBAL, Entity, refines


class Discourse:
    """The findings of a report in the order of their first mention."""

    def __init__(self) -> None:
        self.entities: list[Entity] = []
        self.last: list[Entity] = []  # the affirmed findings that a next sentence may speak of
        self._number = 0

    def sentence_begins(self) -> int:
        self._number += 1
        return self._number

    def add(self, entity: Entity) -> None:
        self.entities.append(entity)

    def sentence_ends(self, opened: Sequence[Entity], main: Sequence[Entity], section: str) -> None:
        """Merge what the sentence says again, and keep what the next may speak of."""
        merged: dict[int, Entity] = {}
        for each in opened:
            first = self._same(each, opened, section)
            if first is not None:
                merged[id(each)] = first
                _merge(first, each)
                self.entities = [other for other in self.entities if other is not each]
        kept = [merged.get(id(each), each) for each in main if each.term not in GLOBAL]
        if kept:
            self.last = list(dict.fromkeys(kept))

    def _same(self, new: Entity, opened: Sequence[Entity], section: str) -> Entity | None:
        earlier = [each for each in self.entities if not any(each is other for other in opened)]
        if new.negated:
            same = [each for each in earlier if each.negated and each.term == new.term and each.fits(new.site, new.side)]
            same = [each for each in same if (each.site, each.side) == (new.site, new.side) or section == "impression"]
            return same[0] if same and not (new.on and same[0].on and new.on != same[0].on) else None
        if new.term in GLOBAL:
            return next((each for each in earlier if each.term == new.term and not each.negated and each.fits(new.site, new.side)), None)
        if section != "impression":
            return None
        alike = [each for each in earlier if not each.negated and each.fits(new.site, new.side)]
        exact = [each for each in alike if each.term == new.term]
        seen = [each for each in alike if refines(each.term, new.term)]
        vaguer = [each for each in alike if refines(new.term, each.term)]
        ranked = sorted(exact, key=lambda each: -_agreement(each, new)) or sorted(seen, key=lambda each: -_agreement(each, new)) or vaguer
        return ranked[0] if ranked else None


def _agreement(a: Entity, b: Entity) -> int:
    return (a.site == b.site is not None) + (a.side == b.side is not None)


def _merge(first: Entity, again: Entity) -> None:
    if first.term != again.term and refines(first.term, again.term):
        first.term, first.certainty = again.term, again.certainty
        first.start, first.end, first.text, first.sign = again.start, again.end, again.text, again.sign
    first.absorb(again)
