"""Where the words of a label stand: behind it, before it, or on both sides within its clause.

A caption follows one habit, which its labels vote on. Single labels may differ: "shown in (b)" within a caption whose
labels lead, "(d) - omission" within one whose labels close.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from journalclip_extraction.panels.labels import DASH, Marker

# After a word or an abbreviation such as MRI; a single capital is an initial.
SENTENCE = re.compile(r"(?:(?<=[a-z0-9)\]%”\"])|(?<=[A-Z]{2}))[.:]\s+(?=[A-Z(“\"])")
_CLAUSE = re.compile(rf"{SENTENCE.pattern}|;\s+")
_EDGE = " \t\n,;:.–—-"
_OF = re.compile(r"(?:of|in|with|from|for|at|on|after|before|during|showing)\b")
_AND = re.compile(r",\s+and\s+|,\s+|\s+and\s+|\s+&\s+")
# "It is shown in (b)", "its copy in (c)".
_SHOWN = re.compile(
    r",?\s+(?:(?:(?:is|are|was|were)\s+)?(?:shown|seen|given|depicted|displayed|illustrated|presented|highlighted)"
    r"\s+)?(?:in|by|at|on|as)$",
    re.IGNORECASE,
)
Side = Literal["before", "behind", "both"]  # where a label's words stand


def is_trailing(markers: Sequence[Marker], caption: str) -> bool:
    """Do labels follow the words they label? Then what comes after them is punctuation, "and" or nothing."""
    return sum(_closes(marker, caption) - _opens(marker, caption) for marker in markers) > 0


@dataclass(frozen=True)
class Said:
    """``lead`` stands before the first label's words, ``parts`` are the words of each marker, ``rest`` stands after."""

    lead: str
    parts: tuple[str, ...]
    rest: str


def words_of(markers: Sequence[Marker], caption: str, *, trailing: bool, mixed: bool) -> Said:
    """Every word of the caption once; ``mixed``: labels of this kind may stand on either side of their words."""
    starts = [0, *(marker.end for marker in markers)]
    ends = [*(marker.start for marker in markers), len(caption)]
    gaps = _unwrapped([caption[start:end] for start, end in zip(starts, ends, strict=True)])
    sides = [_side(marker, gap, caption, trailing, mixed) for marker, gap in zip(markers, pairwise(gaps), strict=True)]
    behind, before = [], []  # what of each gap belongs to the marker before it, and to the one after it
    for at, (side, gap) in enumerate(zip(sides, gaps, strict=False)):
        cut = _cut(gap, side, markers[at - 1] if at else None, markers[at], caption)
        behind.append(gap[:cut])
        before.append(gap[cut:])
    rest = ""
    end = gaps[-1]
    if trailing and sides[-1] == "before":
        end, rest = "", end
    elif trailing and (first := SENTENCE.search(end)):
        end, rest = end[: first.start()], end[first.end() :]
    behind.append(end)
    parts = (_part(side, one, other) for side, one, other in zip(sides, before, behind[1:], strict=True))
    return Said(behind[0].strip(), tuple(parts), cleaned(rest))


def _side(marker: Marker, gaps: tuple[str, str], caption: str, trailing: bool, mixed: bool) -> Side:
    if not mixed:
        return "before" if trailing else "behind"
    if _alone(marker, *gaps, caption):
        return "both"
    if trailing:
        return "behind" if _introduces(marker, caption) else "before"
    return "before" if _ends(marker, caption) else "behind"


def _cut(gap: str, side: Side, last: Marker | None, marker: Marker, caption: str) -> int:
    """How much of the words between two labels belongs to the first of them."""
    if side == "behind":
        return len(gap)
    edges = list((_CLAUSE if side == "both" else SENTENCE).finditer(gap))
    if edges:
        return edges[-1].end()
    if last is None:
        return 0
    if set(marker.labels) < set(last.labels):  # told apart: "(g)-(i) A lesion: its edge (g); its core (h)"
        return gap.rfind(": ") + 1
    joints = list(_AND.finditer(gap))
    if _OF.match(gap.lstrip()) and joints and ";" not in gap and not _closes(last, caption):
        return joints[-1].end()  # "Slice (A) of a kidney and its mask (B)"
    return 0


def _part(side: Side, before: str, behind: str) -> str:
    if side == "both":
        return cleaned(f"{before.strip()} {behind.strip()}")
    before = _SHOWN.sub("", cleaned(before))
    behind = cleaned(behind)
    if before and behind:
        return f"{before} {behind}" if behind[0].islower() else f"{before}. {behind}"
    return before or behind


def _unwrapped(gaps: Sequence[str]) -> list[str]:
    """Without brackets around labels that have brackets: "((b) and (c))"."""
    bare = list(gaps)
    for at in range(len(bare) - 1):
        if bare[at].rstrip().endswith("(") and bare[at + 1].lstrip().startswith(")"):
            bare[at], bare[at + 1] = bare[at].rstrip()[:-1], bare[at + 1].lstrip()[1:]
    return bare


def cleaned(text: str) -> str:
    """Without the punctuation and the "and" that join it to its neighbours."""
    text = re.sub(r"^[\s,;:.–—-]*(?:and\s+)?", "", text.strip())
    text = re.sub(r"[\s,;]+(?:and|&)?\s*$", "", text)
    return text.strip(_EDGE)


def _alone(marker: Marker, before: str, after: str, caption: str) -> bool:
    """Does the label stand in the midst of a clause that has no other label?"""
    if _closes(marker, caption) or _opens(marker, caption) or _introduces(marker, caption):
        return False
    starts = marker.start == len(before) or bool(_CLAUSE.search(before))
    ends = len(caption) - marker.end == len(after) or bool(_CLAUSE.search(after))
    return starts and ends and bool(_CLAUSE.split(before)[-1].split())


def _closes(marker: Marker, caption: str) -> bool:
    after = caption[marker.end :].lstrip()
    return not after or after[0] in ",;." or caption[marker.end - 1] in ",." or after.startswith(("and ", "& "))


def _ends(marker: Marker, caption: str) -> bool:
    """Does a clause end with the label? Then its words stand before it whatever the others do."""
    after = caption[marker.end :].lstrip()
    return (not after or after[0] in ";." or caption[marker.end - 1] == ".") and not _opens(marker, caption)


def _opens(marker: Marker, caption: str) -> bool:
    before = caption[: marker.start].rstrip(" (")
    return not before or before[-1] in ".;:" or before.endswith((", and", "; and"))


def _introduces(marker: Marker, caption: str) -> bool:
    """ "(d) - omission", "(d): omission"."""
    after = caption[marker.end :].lstrip()
    return caption[marker.end - 1] == ":" or after[:1] in (*DASH, ":", "=")
