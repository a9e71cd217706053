"""Which figures a text refers to: "Figs. 2 and 3", "Figures 2-4", "Fig. 2A", "(Fig. S1)", "Figure 1a, b and 3".

Numbers are whole tokens, so "Fig 1" never matches "Fig 10". A list after a singular word counts only where it cannot be
anything else: in "Fig. 2, 3 patients" the 3 counts patients.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from journalclip_extraction.paragraphs import Paragraph
from journalclip_shared.records.article import Mention
from journalclip_sources.pdf.labels import roman_value

_WORD = (
    r"(?P<word>figures|figure|figs|fig|abbildungen|abbildung|abb|figuras|figura|figuur|рисунок|рис|[şs]ekil|"
    r"illustrations|illustration|plates|plate|图|圖|図|그림)"
)
_START = re.compile(
    rf"(?<![^\W\d_])(?P<extra>(?:supplementa(?:ry|l)|suppl|supplement|extended\s+data)[\s.\-]*|e)?{_WORD}"
    r"(?:\.|\b)?\s*(?:n[o°]\.?\s*)?(?=[\dIVXLSABCE(])",
    re.IGNORECASE,
)
_LETTERS = r"(?:\s?\(?[a-z](?:\s?[\-–,/&]\s?(?:[a-z](?!\w)))*\)?(?!\w))"
_ITEM = re.compile(
    r"(?P<series>[SABCE][\s.\-]?(?=\d))?(?P<digits>\d{1,3})(?P<sub>\.\d{1,2}(?!\d))?(?![\d%])"
    r"(?P<letters>[a-zA-Z](?![\w])|\s?\([a-zA-Z](?:\s?[\-–,]\s?[a-zA-Z])*\)|[a-zA-Z](?:[\-–,]\s?[a-zA-Z](?!\w))+)?(?![a-zA-Z\d])"
    r"|(?P<roman>[IVXL]{1,6})(?![\w])(?P<roman_letters>)",
)
_MORE_LETTERS = re.compile(r"\s?(?:,|&|and|[\-–])\s?\(?[a-zA-Z]\)?(?![\w'’])")
_BETWEEN = re.compile(
    r"\s*(?:(?P<range>-|–|—|−|\bto\b|\bthrough\b)|(?:,|;|/)?\s*(?:and|&|und|et|y|e|or|,|;|/))\s*", re.IGNORECASE
)
_REPEATED = re.compile(r"(?:supplementa(?:ry|l)\s+)?(?:figures?|figs?|abb|figuras?)\.?\s*", re.IGNORECASE)
_CLOSES = re.compile(r"\s*(?:[).;:\]]|,\s|$|\s(?:and|&)\s\d)")
_PLURAL = {"figures", "figs", "abbildungen", "figuras", "illustrations", "plates"}
_MAX_RANGE = 40  # figures; a wider "range" is a page number or a year


def mentioned(text: str) -> frozenset[str]:
    """The normalised numbers of all figures that ``text`` refers to."""
    found: set[str] = set()
    for start in _START.finditer(text):
        found.update(_numbers(text, start))
    return frozenset(found)


def _numbers(text: str, start: re.Match[str]) -> Iterable[str]:
    plural = start["word"].lower() in _PLURAL
    extra = bool(start["extra"])
    position = start.end()
    while position < len(text) and text[position] == "(":
        position += 1
    item = _ITEM.match(text, position)
    last: tuple[str, int] | None = None
    ranged = False
    while item is not None:
        series, value, whole = _value(item, extra, last)
        if ranged and last is not None and last[1] < value <= last[1] + _MAX_RANGE:
            yield from (f"{series}{number}" for number in range(last[1] + 1, value))
        yield whole
        last = (series, value)
        position = _skip_letters(text, item.end())
        between = _BETWEEN.match(text, position)
        if between is None:
            return
        ranged = bool(between["range"])
        item = _ITEM.match(text, between.end())
        if item is not None and not plural and not ranged and not _closed(text, item):
            return


def _closed(text: str, item: re.Match[str]) -> bool:
    return bool(item["letters"]) or bool(item["series"]) or _CLOSES.match(text, item.end()) is not None


def _skip_letters(text: str, position: int) -> int:
    while (more := _MORE_LETTERS.match(text, position)) is not None:
        position = more.end()
    return position


def _value(item: re.Match[str], extra: bool, last: tuple[str, int] | None) -> tuple[str, int, str]:
    """Series, value and whole number of one item; in "S1-3" the 3 is of the S series as well."""
    if item["roman"]:
        value = roman_value(item["roman"])
        return "", value, str(value)
    series = re.sub(r"[\s.\-]", "", item["series"] or "").upper()
    if not series and extra:
        series = "S"
    if not series and last is not None and last[0] == "S":
        series = "S"
    value = int(item["digits"])
    return series, value, f"{series}{value}{item['sub'] or ''}"


def find_mentions(paragraphs: Sequence[Paragraph]) -> dict[str, tuple[Mention, ...]]:
    """For each figure number the paragraphs that refer to it, in reading order."""
    found: dict[str, list[Mention]] = {}
    for paragraph in paragraphs:
        text = paragraph.text
        for number in sorted(mentioned(text)):
            found.setdefault(number, []).append(Mention(page=paragraph.page, text=text))
    return {number: tuple(mentions) for number, mentions in found.items()}
