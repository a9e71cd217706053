"""Where numbers of figures begin again: "Figure 1" after figures that were counted already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from journalclip_extraction.captions.candidates import THRESHOLD, find_candidates
from journalclip_sources.pdf.content import Page
from journalclip_sources.pdf.typography import learn


@dataclass(frozen=True, slots=True)
class Restart:
    """``after`` is the page of the last figure before, ``page`` that of the new Figure 1 (1-based)."""

    after: int
    page: int


def find_restarts(pages: Sequence[Page]) -> list[Restart]:
    """In page order. Only plain numbers count; series ("S1") and chapters ("2.1") have counts of their own."""
    found: list[Restart] = []
    last: int | None = None
    for candidate in find_candidates(pages, learn(pages)):
        label = candidate.label
        if label.kind != "figure" or candidate.score < THRESHOLD or label.continued or not label.number.isdigit():
            continue
        here = candidate.page.number
        if label.number == "1" and not label.suffix and last is not None and here > last:
            found.append(Restart(last, here))
        last = here
    return found
