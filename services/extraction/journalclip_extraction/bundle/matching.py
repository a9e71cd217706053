"""Which figure of the pages is which figure of the XML: by number, then by words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from journalclip_extraction.article import ReadFigure
from journalclip_extraction.bundle.likeness import best_likeness
from journalclip_sources.jats.article import XmlFigure
from journalclip_sources.pdf.labels import parse_label, series_key

_ENOUGH = 0.6  # of likeness, where no number says which figure it is
_OF_ONE_NUMBER = 0.3  # a figure of the same number with other words is another series' figure


def numbered(figure: XmlFigure) -> tuple[str, str, str]:
    """Series, number and suffix as the pages' reader has them; its last digits where that knows no such label."""
    label = parse_label(figure.label) if figure.label else None
    if label is None:
        return "", "".join(re.findall(r"\w*\d[\w.\-]*", figure.label)[-1:])[:40].strip(".-"), ""
    return label.series, label.number, label.suffix


def key_of(figure: XmlFigure) -> str:
    """Names the figure in its article, as `ReadFigure.key` does; empty where it has no number."""
    series, number, suffix = numbered(figure)
    return series_key(series, number) + suffix.lower()


def wordings(figure: XmlFigure) -> list[str]:
    """What print may show of its caption: alone, with the line below it, and that line where it is another language."""
    found = [figure.caption, f"{figure.caption} {figure.credit}".strip()]
    label = parse_label(figure.credit)
    if figure.credit:
        found.append(figure.credit[label.end :] if label else figure.credit)
    return [each for each in found if each]


def match(xml: Sequence[XmlFigure], read: Sequence[ReadFigure]) -> list[ReadFigure | None]:
    """For each figure of the XML the figure of the pages, each used once."""
    scores = sorted(
        (
            (_score(figure, other), i, j)
            for i, figure in enumerate(xml)
            for j, other in enumerate(read)
        ),
        key=lambda each: (-each[0], each[1], each[2]),
    )  # fmt: skip
    found: list[ReadFigure | None] = [None] * len(xml)
    used: set[int] = set()
    for score, i, j in scores:
        if score > 0 and found[i] is None and j not in used:
            found[i] = read[j]
            used.add(j)
    return found


def _score(figure: XmlFigure, other: ReadFigure) -> float:
    alike = best_likeness(other.caption, wordings(figure))
    if key_of(figure) and key_of(figure) == other.key:
        return 1.0 + alike if alike >= _OF_ONE_NUMBER or not figure.caption else 0.0
    return alike if alike >= _ENOUGH else 0.0
