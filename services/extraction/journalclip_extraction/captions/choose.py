"""One caption a figure: the best of several lines with the same label, and what becomes of the others.

The others of one number are continuations, labels that repeat beside the picture what a list of legends tells, the same
caption in another language, or captions of other figures: case reports under one title each begin with Figure 1. Which
it is, `settle` says where the words decide; where only pictures do, layout does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from journalclip_extraction.captions.candidates import THRESHOLD, Candidate
from journalclip_extraction.captions.gather import Caption

_CLEAR = 2.0  # score of a rival that may be a figure of its own
_NEAR = 0.8  # it is no further behind the best
_ALIKE = 0.9  # of the shorter caption's words, and all its numbers: one says what the other does
_POINTER = re.compile(
    r"^\W*(?:see\s+)?(?:figure\s+)?(?:legend|caption)\s+(?:is\s+)?(?:(?:on|in)\s+(?:the\s+)?)?"
    r"(?:next|following|opposite|facing|overleaf)(?:\s+page)?\W*$",
    re.IGNORECASE,
)


def choose(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Lines that start captions, in page order; of one figure's lines all that may matter."""
    pointed = {c.key for c in candidates if _POINTER.match(c.line.text[c.label.end :])}
    # Where a caption only says that the legend is overleaf, a line that hardly looks like one may be the legend.
    likely = [c for c in candidates if c.score >= THRESHOLD or (c.key in pointed and c.label.separator)]
    _find_own_suffixes(likely)
    groups: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for candidate in likely:
        groups[candidate.label.kind, candidate.key].append(candidate)
    chosen: list[Candidate] = []
    for (kind, _), group in groups.items():
        chosen.extend(_kept(group) if kind == "figure" else group)
    return sorted(chosen, key=lambda c: (c.page.number, c.line.order))


def _find_own_suffixes(likely: Sequence[Candidate]) -> None:
    """Where 2A and 2B have captions of their own, each is a figure."""
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in likely:
        closed = bool(candidate.label.separator) or candidate.score >= _CLEAR
        if candidate.label.kind == "figure" and len(candidate.label.suffix) == 1 and closed:
            groups[candidate.label.key].append(candidate)
    for group in groups.values():
        if len({c.label.suffix.lower() for c in group}) > 1:
            for candidate in group:
                candidate.own = True


def _kept(group: Sequence[Candidate]) -> list[Candidate]:
    first = [c for c in group if not c.label.continued]
    if not first:
        return list(group)
    best = max(first, key=_rank)
    enough = 0.0 if _points_on(best) else max(_CLEAR, best.score - _NEAR)
    rivals = [c for c in first if c is not best and (_points_on(c) or c.score >= enough)]
    return [best, *rivals, *(c for c in group if c.label.continued)]


def _points_on(candidate: Candidate) -> bool:
    """The line holds a label alone, or says where the legend is."""
    return candidate.is_alone or _POINTER.match(candidate.line.text[candidate.label.end :]) is not None


def _rank(candidate: Candidate) -> tuple[float, int]:
    return candidate.score, -candidate.page.number


def is_main(caption: Caption) -> bool:
    """Starts a figure, as far as words tell: no continuation, no rival."""
    label = caption.candidate.label
    return label.kind == "figure" and not label.continued and not caption.rival


def settle(captions: Sequence[Caption]) -> list[Caption]:
    """Every figure's main caption, with its twins and translation; rivals that may be figures of their own stay."""
    groups: dict[str, list[Caption]] = defaultdict(list)
    for caption in captions:
        if caption.candidate.label.kind == "figure" and not caption.candidate.label.continued:
            groups[caption.candidate.key].append(caption)
    dropped: set[int] = set()
    for group in groups.values():
        main = max(group, key=lambda c: (_says_something(c), *_rank(c.candidate)))
        for other in group:
            if other is main:
                continue
            same_page = other.candidate.page is main.candidate.page
            if not _says_something(other) or _same_words(main, other):
                if not same_page:
                    main.twins.append(other)
                dropped.add(id(other))
            elif same_page:
                main.translation = main.translation or other
                dropped.add(id(other))
            else:
                other.rival = True
    return [caption for caption in captions if id(caption) not in dropped]


def _says_something(caption: Caption) -> bool:
    return bool(caption.wording.strip(" .:|")) and not _POINTER.match(caption.wording)


def _same_words(a: Caption, b: Caption) -> bool:
    ours, theirs = (set(re.findall(r"\w+", each.wording.lower())) for each in (a, b))
    numbers = all(word in ours and word in theirs for word in ours ^ theirs if word.isdigit())
    return numbers and len(ours & theirs) >= _ALIKE * min(len(ours), len(theirs))
