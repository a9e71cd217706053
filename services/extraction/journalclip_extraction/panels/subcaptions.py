"""A compound figure's caption taken apart: what it says of each panel.

The caption's own order of labels is kept. A caption that names fewer than two panels, or whose labels do not run from A
on, has no subcaptions: it is never guessed at, the figure stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from journalclip_extraction.panels.labels import KINDS, PLACE_SETS, Kind, Marker, find_markers, in_order

# After a word or an abbreviation such as MRI; a single capital is an initial.
_SENTENCE = re.compile(r"(?:(?<=[a-z0-9)\]%”\"])|(?<=[A-Z]{2}))[.:]\s+(?=[A-Z(“\"])")
_EDGE = " \t\n,;:.–—-"
SHORTEST = 1  # letters or digits; "(a) 1%" says something, "(A);" does not


@dataclass(frozen=True)
class Subcaptions:
    """``parts`` maps each label to its own words, in the caption's order; ``intro`` is what belongs to all of them.

    ``shared`` holds what is said of several panels that are then told apart; ``closing`` stands after the last panel's
    words and speaks of all.
    """

    parts: dict[str, str]
    intro: str
    style: str
    shared: dict[str, str] = field(default_factory=dict)
    closing: str = ""

    def text(self, label: str) -> str:
        """What the panel's pair says: the words common to all panels, then its own."""
        own = ". ".join(each for each in (self.shared.get(label, ""), self.parts[label]) if each)
        closing = f". {self.closing}" if self.closing and own else self.closing
        return f"{self.intro} {own}{closing}".strip()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.parts)


def parse_subcaptions(caption: str) -> Subcaptions | None:
    """The subcaptions of ``caption``, or None where it names no panels."""
    # The kinds stand in the order of how seldom they mean something else; the first that makes sense is right.
    return next((reading for kind in KINDS if (reading := _read(kind, caption)) is not None), None)


def without_words(labels: Iterable[str], caption: str) -> Subcaptions:
    """Panels that the picture names and the caption does not: all of the caption belongs to each."""
    return Subcaptions(dict.fromkeys(labels, ""), caption, "picture")


def _read(kind: Kind, caption: str) -> Subcaptions | None:
    markers = find_markers(kind, caption)
    markers = _of_places(markers) if kind.name == "place" else in_order(kind, markers, caption)
    if len({label for marker in markers for label in marker.labels}) < 2:
        return None
    trailing = kind.trailing and _is_trailing(markers, caption)
    said = _trailing(markers, caption) if trailing else _leading(markers, caption)
    parts, shared = _own(markers, said)
    if any(sum(map(str.isalnum, text)) < SHORTEST for text in parts.values()):
        return None
    intro = "" if trailing else caption[: markers[0].start].strip()
    if trailing:
        return Subcaptions(parts, intro, kind.name, shared)
    last = markers[-1].labels[0]
    own, closing = _closed(parts[last], [text for label, text in parts.items() if label not in markers[-1].labels])
    parts = {label: own if label in markers[-1].labels else text for label, text in parts.items()}
    return Subcaptions(parts, intro, kind.name, shared, closing)


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


def _leading(markers: Sequence[Marker], caption: str) -> list[str]:
    """The words after each marker, up to the next."""
    ends = [marker.start for marker in markers[1:]] + [len(caption)]
    return [_clean(caption[marker.end : end]) for marker, end in zip(markers, ends, strict=True)]


def _own(markers: Sequence[Marker], said: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Label -> own words, and label -> words of the group that it was told apart from afterwards."""
    parts: dict[str, str] = {}
    shared: dict[str, str] = {}
    for marker, text in zip(markers, said, strict=True):
        for label in marker.labels:
            if label in parts:
                shared[label] = parts[label]
            parts[label] = text
    return parts, shared


def _closed(last: str, others: Sequence[str]) -> tuple[str, str]:
    """The last panel's words, and the sentences after them that speak of all: where no other panel has several."""
    if any(_SENTENCE.search(text) for text in others):
        return last, ""
    first = _SENTENCE.search(last)
    return (last[: first.start()], last[first.end() :]) if first else (last, "")


def _trailing(markers: Sequence[Marker], caption: str) -> list[str]:
    """The words before each marker, from the last sentence's end or the marker before."""
    said = []
    start = 0
    for marker in markers:
        said.append(_clean(_SENTENCE.split(caption[start : marker.start])[-1]))
        start = marker.end
    return said


def _clean(text: str) -> str:
    text = re.sub(r"^[\s,;:.–—-]*(?:and\s+)?", "", text.strip())
    text = re.sub(r"[\s,;]+(?:and|&)?\s*$", "", text)
    return text.strip(_EDGE)
