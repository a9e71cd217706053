"""Panel labels in a caption: where it says "(A)", "B:", "c)", "A-C" or "Left:", before anyone asks what follows.

A `Marker` names one or more panels at a place of the caption. Markers of one kind of printing are collected together;
a caption uses one kind, and `subcaptions` decides which. Letters are normalised to capitals, places to one word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

LAST = "T"  # figures with more than 20 panels are plates; their letters are too often something else
DASH = "-–—‐‑"

_ONE = rf"[A-{LAST}a-{LAST.lower()}]"
_JOIN = rf"\s*(?:,\s*and|,\s*&|,|;|and|&|to|[{DASH}])\s*"
_LIST = rf"{_ONE}['′]?(?:{_JOIN}{_ONE})*"
# Words that name a panel by its place, and what each means.
PLACES = {
    "left": "left", "right": "right", "center": "center", "centre": "center", "middle": "center", "upper": "top",
    "top": "top", "lower": "bottom", "bottom": "bottom", "above": "top", "below": "bottom",
}  # fmt: skip
PLACE_SETS = (("left", "right"), ("left", "center", "right"), ("top", "bottom"), ("top", "center", "bottom"))
_WHERE = rf"({'|'.join(PLACES)})(?:\s+(?:panels?|images?|rows?|columns?|side))?"
ROMANS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_CLAUSE = r"(?:^|(?<=[.;:,!?)])\s+|\band\s+|\bor\s+)"
_START = r"(?:^|(?<=[.;:!?])\s+|(?<=[.;:!?\)])\s+(?:and\s+)?)"  # of a sentence, or of a clause after a semicolon


# What a lettered part of a figure is called: "Column A shows".
_PARTS = r"(?:sub-?)?(?:panels?|columns?|rows?|figures?|figs?\.?|images?|plots?|parts?)"


@dataclass(frozen=True)
class Marker:
    """``labels`` named at caption[start:end]; ``head`` tells whether it stands where a sentence begins."""

    start: int
    end: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A way of printing labels."""

    name: str
    pattern: re.Pattern[str]
    read: Callable[[str], tuple[str, ...]]
    trailing: bool = True  # may also stand after the words it labels
    follow: Callable[[Sequence[str]], Sequence[str]] | None = None  # labels that may come next; None: letters


def expand(text: str) -> tuple[str, ...]:
    """ "A-C, e" as ("A", "B", "C", "E"); empty if a range runs backwards."""
    labels: list[str] = []
    for part in re.split(r"\s*(?:,\s*and\b|,\s*&|,|;|\band\b|&)\s*", text.replace("′", "").replace("'", "")):
        ends = [end.strip().upper() for end in re.split(rf"\s*(?:[{DASH}]|\bto\b)\s*", part.strip())]
        if len(ends) == 1:
            labels.append(ends[0])
        elif len(ends) == 2 and len(ends[0]) == len(ends[1]) == 1 and ends[0] < ends[1]:
            labels += [chr(code) for code in range(ord(ends[0]), ord(ends[1]) + 1)]
        else:
            return ()
    return tuple(labels)


def _place(text: str) -> tuple[str, ...]:
    return (PLACES[text.lower()],)


def _plain(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in re.split(r",|&|\band\b", text))


def _next_digit(known: Sequence[str]) -> Sequence[str]:
    return (str(len(known) + 1),)


def _next_roman(known: Sequence[str]) -> Sequence[str]:
    return ROMANS[len(known) : len(known) + 1]


def _next_indexed(known: Sequence[str]) -> Sequence[str]:
    """A1, then A2 or B1."""
    if not known:
        return ("A1", "a1")
    letter, digit = known[-1][0], int(known[-1][1:])
    return f"{letter}{digit + 1}", f"{chr(ord(letter) + 1)}1"


KINDS = (
    Kind("brackets", re.compile(rf"[(\[]\s*({_LIST})\s*[)\]][:.,]?"), expand),
    Kind("colon", re.compile(rf"(?<![\w(\-])({_LIST})\s*:(?=\s)"), expand, trailing=False),
    Kind("bracket", re.compile(rf"(?<![\w(\[])({_LIST})\)[:.,]?(?=\s)"), expand, trailing=False),
    Kind("comma", re.compile(rf"{_START}({_LIST})\s*[,.](?=\s)"), expand, trailing=False),
    # Nature's way: a lone lower-case letter, bold in print, before a capital.
    Kind("bare", re.compile(rf"{_START}([a-{LAST.lower()}](?:\s*[,{DASH}]\s*[a-{LAST.lower()}])*)\s+(?=[A-Z])"), expand,
         trailing=False),
    Kind("indexed", re.compile(r"\(\s*([A-Ha-h]\d(?:\s*(?:,|&|and)\s*[A-Ha-h]\d)*)\s*\)"), _plain,
         follow=_next_indexed),
    Kind("roman", re.compile(rf"{_CLAUSE}\(({'|'.join(sorted(ROMANS, key=len, reverse=True))})\)"), _plain,
         trailing=False, follow=_next_roman),
    Kind("numbered", re.compile(rf"{_CLAUSE}\((\d{{1,2}})\)"), _plain, trailing=False, follow=_next_digit),
    Kind("worded", re.compile(rf"{_START}(?:{_PARTS})\s+(?-i:({_LIST}))(?:[:.,]|(?=\s))", re.IGNORECASE), expand,
         trailing=False),
    Kind("place", re.compile(rf"\(\s*{_WHERE}\s*\)|{_START}{_WHERE}\s*[:,]", re.IGNORECASE), _place),
)  # fmt: skip


def find_markers(kind: Kind, caption: str) -> list[Marker]:
    """All markers of one kind, in order; neighbours with only "and" between them are one."""
    found: list[Marker] = []
    for match in kind.pattern.finditer(caption):
        group = next(g for g in match.groups() if g is not None)
        labels = kind.read(group)
        if labels:
            start = match.start() + len(match.group()) - len(match.group().lstrip())
            found.append(Marker(start, match.end(), labels))
    return _joined(found, caption)


def _joined(markers: list[Marker], caption: str) -> list[Marker]:
    """ "(A) and (B)" as one marker of two labels, "(A)-(C)" of three."""
    joined: list[Marker] = []
    for marker in markers:
        last = joined[-1] if joined else None
        link = caption[last.end : marker.start].strip() if last else ""
        if last and link in ("and", "&", ",", ", and"):
            joined[-1] = Marker(last.start, marker.end, last.labels + marker.labels)
        elif last and link in ("to", *DASH) and link and (span := expand(f"{last.labels[-1]}-{marker.labels[0]}")):
            joined[-1] = Marker(last.start, marker.end, last.labels[:-1] + span)
        else:
            joined.append(marker)
    return joined


def of_one_case(markers: Iterable[Marker], caption: str) -> list[Marker]:
    """Only the markers printed as the first A is: "(a)" beside "(A)" means something else."""
    markers = list(markers)
    first = next((m for m in markers if m.labels[0] == "A"), None)
    if first is None:
        return []
    lower = _letter(caption, first).islower()
    return [marker for marker in markers if _letter(caption, marker).islower() == lower]


def _letter(caption: str, marker: Marker) -> str:
    """The first label as printed."""
    return next(c for c in caption[marker.start : marker.end] if c.upper() == marker.labels[0])


def in_order(kind: Kind, markers: Iterable[Marker], caption: str) -> list[Marker]:
    """The markers of ``kind`` that introduce its labels in turn."""
    if kind.follow is None:
        return in_sequence(of_one_case(markers, caption))
    kept: list[Marker] = []
    known: list[str] = []
    for marker in markers:
        grown = list(known)
        for label in marker.labels:
            if label in kind.follow(grown):
                grown.append(label)
        if len(grown) == len(known) + len(marker.labels):
            known = grown
            kept.append(marker)
    return kept


def in_sequence(markers: Iterable[Marker]) -> list[Marker]:
    """The markers that introduce A, B, C ... in turn; others refer back or mean something else.

    A marker also stays when it says more about labels that a group introduced ("(A, B) Axial images. (A) Before ...").
    """
    kept: list[Marker] = []
    known: list[str] = []
    singled: set[str] = set()
    grouped: set[str] = set()
    markers = _spelt(list(markers))
    for marker in markers:
        expected = [chr(ord("A") + len(known) + i) for i in range(len(marker.labels))]
        if list(marker.labels) == expected:
            known += expected
            (grouped if len(expected) > 1 else singled).update(expected)
            kept.append(marker)
        elif len(marker.labels) == 1 and marker.labels[0] in grouped - singled:
            singled.add(marker.labels[0])
            kept.append(marker)
    return kept


def _spelt(markers: list[Marker]) -> list[Marker]:
    """A, B, B, D with its misprint mended: the second B is C."""
    singles = [marker.labels[0] if len(marker.labels) == 1 else "" for marker in markers]
    mended = list(markers)
    for at in range(1, len(markers) - 1):
        before, here, after = singles[at - 1 : at + 2]
        if before and here == before and after and ord(after) == ord(here) + 2 and chr(ord(here) + 1) not in singles:
            mended[at] = replace(markers[at], labels=(chr(ord(here) + 1),))
    return mended


def among(markers: Iterable[Marker], names: Sequence[str]) -> list[Marker]:
    """The markers of labels that the picture shows, each label once, in rising order: a caption that speaks of some."""
    kept: list[Marker] = []
    last = ""
    for marker in markers:
        if set(marker.labels) <= set(names) and marker.labels[0] > last:
            kept.append(marker)
            last = marker.labels[-1]
    return kept
