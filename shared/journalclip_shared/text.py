"""The one cleaning that text gets: captions when they are read from a page, queries when they arrive."""

from __future__ import annotations

import unicodedata


def clean(text: str) -> str:
    """One spelling of what print shows: ligatures apart, hard spaces soft, no control characters, single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c.isspace() else "" for c in text)
    return " ".join(text.split())
