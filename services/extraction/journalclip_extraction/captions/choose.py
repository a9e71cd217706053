"""One caption a figure: the best of several lines with the same label, and continued ones put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from journalclip_extraction.captions.candidates import THRESHOLD, Candidate


def choose(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Captions in page order: of figures one a number (and its continuations), of tables and others all likely ones."""
    likely = [c for c in candidates if c.score >= THRESHOLD]
    groups: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for candidate in likely:
        groups[candidate.label.kind, candidate.label.number].append(candidate)
    chosen: list[Candidate] = []
    for (kind, _), group in groups.items():
        chosen.extend(_best(group) if kind == "figure" else group)
    return sorted(chosen, key=lambda c: (c.page.number, c.line.order))


def _best(group: Sequence[Candidate]) -> list[Candidate]:
    first = [c for c in group if not c.label.continued]
    if not first:
        return list(group)
    best = max(first, key=lambda c: (c.score, -c.page.number))
    return [best, *(c for c in group if c.label.continued)]
