"""Reports that are filled in: boxes that are ticked or left empty, questions with their answers.

What stands behind an empty box is not said to be there, and not denied either: it is taken out. A ticked box is taken
out itself. "Hydrocephalus? No." is read as a heading and its answer; a question that other words deny
("Active lesions? No enhancement.") is taken out. "Microbleeds: 0" denies. Signs are replaced by as many others, so that
offsets stay.
"""

from __future__ import annotations

import re
from typing import Final

_TICKED: Final = re.compile(r"[\[(][ ]?[xX✓✔√][ ]?[\])]|[☑☒✓✔■√]")
_EMPTY: Final = re.compile(r"(?:\[[ _]{0,3}\]|[☐□])[^\n;,。;☐□☑☒✓✔■√\[]{0,80}")
_BOX: Final = re.compile(r"\[[ _]{0,3}\]|☐")
_QUESTION: Final = re.compile(r"(?<![^\s.?])(?:Q|Question|问)\d{0,2}\s?[:.](?=\s|[^\d\s])", re.IGNORECASE)
_ANSWER: Final = re.compile(r"(?<![^\s.?])(?:A|Answer|答)\d{0,2}\s?:", re.IGNORECASE)
_ASKED: Final = re.compile(
    r"(?P<question>(?:(?<=^)|(?<=[\n.。;]))[^.?:,\n。]{2,60})\?(?=\s*(?:(?:yes|no|none|nil|absent|present|negative|positive)\s*(?:[.,;:]|$)"
    r"|not\b|(?:无|有|未见|没有|否|是)[。,;\s]))",
    re.IGNORECASE,
)


_ZERO: Final = re.compile(r"([A-Za-z])(?::\s0)[.;,\n]")
_DENIED: Final = re.compile(
    r"(?:(?<=^)|(?<=[\n.。;]))[^.?:,\n。]{2,60}\?(?=\s*(?:no|none|without|nothing)\s+[a-z])", re.IGNORECASE
)


def filled_in(text: str) -> str:
    """The text with its boxes and questions as plain statements; another text as it is."""
    text = _ZERO.sub(r"\1:no;", text)  # "no." could be a number's
    if _TICKED.search(text) or _BOX.search(text):  # squares alone may be the marks of a list
        text = _TICKED.sub(_blank, _EMPTY.sub(_blank, text))
    if _QUESTION.search(text) and _ANSWER.search(text):
        text = _ANSWER.sub(_blank, _QUESTION.sub(_blank, text))
    text = _ASKED.sub(lambda found: found.group("question") + ":", text)
    return _DENIED.sub(_blank, text)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found.group())
