"""A caption's lines as one text: words broken at line ends put together, labels and panel letters left as printed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_BROKEN = re.compile(r"([^\W\d_]{2,})[-‐­]$")
_HYPHENS = ("-", "‐", "\u00ad")
_TIGHT = ("-", "–", "/")  # after these the next line follows without a space ...
_LOOSE = (" -", " –", " /")  # ... unless they stand alone, as dashes
_IDENTIFIER = re.compile(r"\s*(?:\bdoi\s*:\s*|https?://(?:dx\.)?doi\.org/)10\.\d{4,9}/\S+\s*$", re.IGNORECASE)
_FIRST_WORD = re.compile(r"^([^\W\d_]+)")


def join_lines(texts: Sequence[str], words: Collection[str] = ()) -> str:
    """Join printed lines; ``words`` are the document's own (lower case), which say whether a hyphen was the word's."""
    parts: list[str] = []
    for text in texts:
        if not parts:
            parts.append(text)
            continue
        last = parts[-1]
        if last.endswith(_HYPHENS) and (broken := _BROKEN.search(last)) and (start := _FIRST_WORD.match(text)):
            if start[1][0].islower() and not _keeps_hyphen(broken[1], start[1], words):
                parts[-1] = last[:-1]
        elif not last.endswith(_TIGHT) or last.endswith(_LOOSE):
            parts.append(" ")
        parts.append(text)
    return "".join(parts)


def without_identifier(text: str) -> str:
    """A caption without the figure's own DOI, which some journals print behind it."""
    return _IDENTIFIER.sub("", text)


def _keeps_hyphen(head: str, tail: str, words: Collection[str]) -> bool:
    """The hyphen is the word's own: the document writes it so elsewhere, and never as one word."""
    return f"{head}-{tail}".lower() in words and f"{head}{tail}".lower() not in words
