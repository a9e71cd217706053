"""A compound figure's caption taken apart: what it says of each panel.

The caption's own order of labels is kept. A caption that names fewer than two panels, or whose labels do not run from A
on, has no subcaptions: it is never guessed at, the figure stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from journalclip_extraction.panels.labels import KINDS, PLACE_SETS, Kind, Marker, find_markers, in_order

_SENTENCE = re.compile(r"(?<=[a-z0-9)\]%”\"])[.:]\s+(?=[A-Z(“\"])")
_EDGE = " \t\n,;:.–—-"
SHORTEST = 1  # letters or digits; "(a) 1%" says something, "(A);" does not


@dataclass(frozen=True)
class Subcaptions:
    """``parts`` maps each label to its words, in the caption's order; ``intro`` is what belongs to all of them."""

    parts: dict[str, str]
    intro: str
    style: str

    def text(self, label: str) -> str:
        """What the panel's pair says: the words common to all panels, then its own."""
        return f"{self.intro} {self.parts[label]}".strip()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.parts)


def parse_subcaptions(caption: str) -> Subcaptions | None:
    """The subcaptions of ``caption``, or None where it names no panels."""
    # The kinds stand in the order of how seldom they mean something else; the first that makes sense is right.
    return next((reading for kind in KINDS if (reading := _read(kind, caption)) is not None), None)


def _read(kind: Kind, caption: str) -> Subcaptions | None:
    markers = find_markers(kind, caption)
    markers = _of_places(markers) if kind.name == "place" else in_order(kind, markers, caption)
    if len({label for marker in markers for label in marker.labels}) < 2:
        return None
    trailing = kind.trailing and _is_trailing(markers, caption)
    parts = _trailing(markers, caption) if trailing else _leading(markers, caption)
    if any(sum(map(str.isalnum, text)) < SHORTEST for text in parts.values()):
        return None
    intro = "" if trailing else caption[: markers[0].start].strip()
    return Subcaptions(parts, intro, kind.name)


def _of_places(markers: Sequence[Marker]) -> list[Marker]:
    """The first marker of each place, if together they are one of the sets that make sense."""
    first: dict[str, Marker] = {}
    for marker in markers:
        first.setdefault(marker.labels[0], marker)
    known = set(first)
    return list(first.values()) if any(known == set(places) for places in PLACE_SETS) else []


def _is_trailing(markers: Sequence[Marker], caption: str) -> bool:
    """Do labels follow the words they label? Then what comes after them is punctuation, "and" or nothing."""
    votes = 0
    for marker in markers:
        after = caption[marker.end :].lstrip()
        closed = not after or after[0] in ",;." or caption[marker.end - 1] in ",." or after.startswith(("and ", "& "))
        before = caption[: marker.start].rstrip()
        fresh = not before or before[-1] in ".;:" or before.endswith((", and", "; and"))
        votes += int(closed) - int(fresh)
    return votes > 0


def _leading(markers: Sequence[Marker], caption: str) -> dict[str, str]:
    ends = [marker.start for marker in markers[1:]] + [len(caption)]
    parts: dict[str, str] = {}
    for marker, end in zip(markers, ends, strict=True):
        text = _clean(caption[marker.end : end])
        for label in marker.labels:
            parts[label] = f"{parts[label]}. {text}" if label in parts else text
    return parts


def _trailing(markers: Sequence[Marker], caption: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    start = 0
    for marker in markers:
        text = _SENTENCE.split(caption[start : marker.start])[-1]
        for label in marker.labels:
            parts.setdefault(label, _clean(text))
        start = marker.end
    return parts


def _clean(text: str) -> str:
    text = re.sub(r"^[\s,;:.–—-]*(?:and\s+)?", "", text.strip())
    text = re.sub(r"[\s,;]+(?:and|&)?\s*$", "", text)
    return text.strip(_EDGE)
