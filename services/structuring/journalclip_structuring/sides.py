"""Left and right: which of them are sides of the patient, and which finding has which.

"Left" is no side in "left panel", "left ventricle", "left-handed", "left the hospital" and many more; the vocabulary
`side_context` lists what stands around it there. Single letters are sides only before a place ("L frontal").
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from typing import Final

from journalclip_structuring.reach import words_of
from journalclip_structuring.vocabulary import Match, source_text, vocabulary

_HEAD: Final = re.compile(
    r"lateral ventricle|hydrocephal|intraventricular|shunt|choroid plexus|\bbrain|cerebr|\bCSF\b|ventriculo"
    r"|frontal|occipital",
    re.IGNORECASE,
)
_HEART: Final = re.compile(r"\s+ventric", re.IGNORECASE)
_LETTER: Final = re.compile(r"(?<![\w.-])\(?([LR]|[Ll]t|[Rr]t|LT|RT)\b[.)]?(?=\s*[A-Za-z])")
_BOTH: Final = re.compile(r"\bboth\b", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[.;:](?=\s)|\b(?:while|whereas|but)\b", re.IGNORECASE)
_NEXT: Final = re.compile(r"[\s-]+([A-Za-z]+)")
_NO_NOUN: Final = ("stop", "preposition", "conjunction", "definite", "indefinite")
_JOINED: Final = re.compile(r"\s*(?:and|,|/|or|&)\s*(?:the\s+)?", re.IGNORECASE)
_ATTACHED: Final = 3  # words from a side to the place or finding that it belongs to ("left inferior frontal gyrus")


def sides(text: str, sites: Sequence[Match], taken: Sequence[Match]) -> list[Match]:
    """The sides that the text gives to what it shows; ``taken`` are terms that a side's word is part of."""
    named = vocabulary("laterality").find(text) + _letters(text, sites, taken) + _both(text, sites)
    found = [each for each in named if not _within(each, taken) and not _is_none(each, text, (*sites, *taken))]
    found.sort(key=lambda each: each.start)
    return [each for n, each in enumerate(found) if not any(each.start < before.end for before in found[:n])]


def compares(side: Match, text: str) -> bool:
    """Does it only say where there is more ("larger on the left")?"""
    before = text[max(0, side.start - 60) : side.start]
    return bool(_pattern("comparing").search(before) or _pattern("compared").match(text, side.end))


def opposites(text: str) -> list[tuple[int, int]]:
    """Where the text says "contralateral" and the like."""
    return [found.span() for found in _pattern("opposite").finditer(text)]


def joined(found: Sequence[Match], text: str) -> list[Match]:
    """ "Right and left" is one side, bilateral."""
    merged: list[Match] = []
    for side in found:
        last = merged[-1] if merged else None
        pair = last is not None and {last.term, side.term} == {"left", "right"}
        if last is not None and pair and _JOINED.fullmatch(text[last.end : side.start]):
            merged[-1] = Match("bilateral", text[last.start : side.end], last.start, side.end)
        else:
            merged.append(side)
    return merged


def _letters(text: str, sites: Sequence[Match], taken: Sequence[Match]) -> list[Match]:
    return [
        Match("left" if found.group(1)[0] in "lL" else "right", found.group(1), *found.span(1))
        for found in _LETTER.finditer(text)
        if any(0 < place.start - found.end() <= 2 for place in (*sites, *taken))
    ]


def _both(text: str, sites: Sequence[Match]) -> list[Match]:
    """ "Both frontal lobes", where a place follows within three words."""
    return [
        Match("bilateral", found.group(), *found.span())
        for found in _BOTH.finditer(text)
        if any(place.start >= found.end() and _near(text[found.end() : place.end]) for place in sites)
    ]


def _near(between: str) -> bool:
    words = between.split()
    return len(words) <= 3 and words[-1].endswith(("s", "i", "es")) and not {"and", "or"} & set(words)


def _within(side: Match, taken: Sequence[Match]) -> bool:
    return any(each.start <= side.start and side.end <= each.end for each in taken)


def _is_none(side: Match, text: str, places: Sequence[Match]) -> bool:
    """Is it a word of the page, of the heart, of the course of a patient?"""
    if side.term not in {"left", "right"} or len(side.text) <= len("Rt"):
        return False
    if _HEART.match(text, side.end):
        return not _HEAD.search(text)
    before = text[max(0, side.start - 60) : side.start]
    if _pattern("after").match(text, side.end) or _pattern("before").search(before):
        return True
    if any(found.start("side") == side.start for each in _around() for found in each.finditer(text)):
        return True
    if any(0 <= place.start - side.end <= 2 for place in places):
        return False
    if side.text.lower() == "left" and _pattern("verb").search(before):
        return True
    return not _has_place(side, text, places)


def _has_place(side: Match, text: str, places: Sequence[Match]) -> bool:
    """Is there something that it is the side of: a place or finding soon after it, or before it in its clause?"""
    for place in places:
        if place.start >= side.end and len(text[side.end : place.start].split()) <= _ATTACHED:
            return True
        if place.end <= side.start and not _CLAUSE.search(text[place.end : side.start]):
            return True
    following = _NEXT.match(text, side.end)
    return following is not None and not any(following.group(1).lower() in words_of(name) for name in _NO_NOUN)


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """Of a list of `side_context`; what is looked for before a side ends where the side begins."""
    lead, end = (r"(?<![^\W_])", "$") if name in {"before", "verb"} else ("", "")
    return re.compile(f"{lead}(?:{'|'.join(_listed(name))}){end}", re.IGNORECASE)


@cache
def _around() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(each, re.IGNORECASE) for each in _listed("around"))


def _listed(name: str) -> list[str]:
    listed: list[str] = tomllib.loads(source_text("side_context"))["not_a_side"][name]
    return listed
