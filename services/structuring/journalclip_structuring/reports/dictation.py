"""Signs that a speaker said as words: "no infarct period new line impression colon normal".

A report is taken for dictated where it says a sign that no other prose names ("comma", "full stop", "new line"), or
says "period" and has no full stop of its own. Each word is replaced by its sign and blanks, so that offsets stay.
"""

from __future__ import annotations

import re
from typing import Final

_DICTATED: Final = re.compile(r"\b(?:comma|full stop|new line|next line|new paragraph)\b", re.IGNORECASE)
_PERIOD: Final = re.compile(r"\bperiod(?=\s*$|\s+(?!of\b|from\b|between\b))", re.IGNORECASE)
_SAID: Final = re.compile(
    r"\b(?:comma|full stop|semicolon|(?:next|new) (?:line|paragraph)|period(?!\s+(?:of|from|between)\b)"
    r"|(?<=findings )colon|(?<=impression )colon|(?<=conclusion )colon|(?<=technique )colon|(?<=history )colon"
    r"|(?<=comparison )colon|(?<=report )colon)\b",
    re.IGNORECASE,
)
_SIGNS: Final = {"comma": ",", "full stop": ".", "period": ".", "semicolon": ";", "colon": ":"}


def written(text: str) -> str:
    """The text with its spoken signs as signs; another text as it is."""
    spoken = _DICTATED.search(text) or (_PERIOD.search(text) and "." not in text)
    return _SAID.sub(_sign, text) if spoken else text


def _sign(found: re.Match[str]) -> str:
    word = found.group().lower()
    return _SIGNS.get(word, "\n").ljust(len(word))
