"""A report's text cut into sentences. Offsets are those of the report, whatever its characters are written as."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from journalclip_structuring.reports.language import Language

# Full-width signs, letters and digits, one for one, so that offsets stay.
_NARROW: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord(wide): ord(narrow)
    for wide, narrow in zip(
        "\u3000\u00a0\t\r\u201c\u201d\u2018\u2019\ufe61\u2217\u204e\u2014\u3010\u3011", "    \"\"''***,[]", strict=True
    )
}
_END: Final = {
    "en": re.compile(
        r"(?:(?<!\bvs)(?<!\b[LRlr]t)(?<!\bFig)(?<!\bapprox)(?<!\bca)(?<!\bDr)(?<!\be\.g)(?<!\bi\.e)(?<!\bincl)(?<!\bno)(?<!^\d)(?<![\n.:;,)]\s\d)(?<![\n.:;,)]\s\d\d)(?<!\n\d)(?<!\n\d\d)(?<!:\d)"
        r"\.(?=\s|$|[A-Z][a-z])|[!;](?=\s|$)|(?<=[\w)%])\?(?=\s+[A-Z]|\s*$))|\n(?=\s*\n)|\n(?=\s*(?:[A-Z0-9(\[*•#-]))|(?<=[.:;])\n"
    ),
    "zh": re.compile(
        r"[。;!?]|\n|(?<=[\u4e00-\u9fff)])\.(?=\D|$)|(?<=[\u4e00-\u9fffmc])\s?(?=\d{1,2}[.、)]\s*[\u4e00-\u9fff])"
    ),
}
_MARKER: Final = re.compile(r"\s*(?:[-•*·>]+\s*)?(?:\(?\d{1,2}\s*[.)、](?!\d)\s*)?(?:[-•*·]\s*)?")


def narrowed(text: str) -> str:
    """The same length with narrow signs."""
    return text.translate(_NARROW)


def sentences(text: str, start: int, end: int, language: Language) -> list[tuple[int, int]]:
    """Spans within [start, end) without list markers; empty ones are left out."""
    bounds = [start]
    for found in _END[language].finditer(text, start, end):
        if found.end() > bounds[-1]:
            bounds.append(found.end())
    if bounds[-1] < end:
        bounds.append(end)
    spans = []
    for first, last in pairwise(bounds):
        marker = _MARKER.match(text, first, last)
        first = marker.end() if marker else first
        while last > first and text[last - 1].isspace():
            last -= 1
        if any(char.isalnum() for char in text[first:last]):
            spans.append((first, last))
    return spans
