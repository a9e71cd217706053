"""A compound figure's caption taken apart: what it says of each panel.

The caption's own order of labels is kept. A caption that names fewer than two panels, or whose labels do not run from A
on, has no subcaptions: it is never guessed at, the figure stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from journalclip_extraction.panels.labels import KINDS, PLACE_SETS, Kind, Marker, among, find_markers, in_order
from journalclip_extraction.panels.placing import SENTENCE, cleaned, is_trailing, words_of

_COUNTED = re.compile(r"[,;.]?\s*\(\d\)")
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
        link = " " if self.closing[:1].islower() else ". "  # "(A) and (B) in water" goes on with its sentence
        closing = f"{link}{self.closing}" if self.closing and own else self.closing
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


def of_some(labels: Iterable[str], caption: str) -> Subcaptions:
    """Panels that the picture names: each with what the caption says of it, which may be nothing."""
    labels = tuple(labels)
    markers = among(find_markers(KINDS[0], caption), labels)
    if not markers:
        return without_words(labels, caption)
    parts, shared, intro, closing = _said(KINDS[0], markers, caption)
    return Subcaptions({label: parts.get(label, "") for label in labels}, intro, "picture", shared, closing)


def _read(kind: Kind, caption: str) -> Subcaptions | None:
    markers = find_markers(kind, caption)
    markers = _of_places(markers) if kind.name == "place" else in_order(kind, markers, caption)
    if len({label for marker in markers for label in marker.labels}) < 2:
        return None
    parts, shared, intro, closing = _said(kind, markers, caption)
    if any(sum(map(str.isalnum, text)) < SHORTEST for text in parts.values()):
        return None
    return Subcaptions(parts, intro, kind.name, shared, closing)


def _said(kind: Kind, markers: Sequence[Marker], caption: str) -> tuple[dict[str, str], dict[str, str], str, str]:
    """Own words and words of the group by label, the lead, and the last sentences, which speak of all."""
    trailing = kind.trailing and is_trailing(markers, caption)
    said = words_of(markers, caption, trailing=trailing, mixed=kind.trailing)
    parts, shared = _own(markers, said.parts)
    if trailing:
        return parts, shared, said.lead, said.rest
    if _COUNTED.search(said.lead):  # "(1) images of (a) one and (b) two, (2) labels": the count goes on behind them
        parts = {label: cleaned(_COUNTED.split(text)[0]) or text for label, text in parts.items()}
    last = markers[-1].labels[0]
    own, closing = _closed(parts[last], [text for label, text in parts.items() if label not in markers[-1].labels])
    parts = {label: own if label in markers[-1].labels else text for label, text in parts.items()}
    return parts, shared, said.lead, closing


def _of_places(markers: Sequence[Marker]) -> list[Marker]:
    """The first marker of each place, if together they are one of the sets that make sense."""
    first: dict[str, Marker] = {}
    for marker in markers:
        first.setdefault(marker.labels[0], marker)
    known = set(first)
    return list(first.values()) if any(known == set(places) for places in PLACE_SETS) else []


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
    if any(SENTENCE.search(text) for text in others):
        return last, ""
    first = SENTENCE.search(last)
    return (last[: first.start()], last[first.end() :]) if first else (last, "")
