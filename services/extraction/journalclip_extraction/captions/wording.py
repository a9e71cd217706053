"""A caption's lines as one text: words broken at line ends put together, labels and panel letters left as printed."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_BROKEN = re.compile(r"([^\W\d_]{2,})[-‐­]$")
_FIRST_WORD = re.compile(r"^([^\W\d_]+)")


def join_lines(texts: Sequence[str], words: Collection[str] = ()) -> str:
    """Join printed lines; ``words`` are the document's own (lower case), which say whether a hyphen was the word's."""
    joined = ""
    for text in texts:
        broken, start = _BROKEN.search(joined), _FIRST_WORD.match(text)
        if not joined:
            joined = text
        elif broken and start and start[1][0].islower():
            whole = (broken[1] + start[1]).lower()
            hyphenated = f"{broken[1]}-{start[1]}".lower()
            keep = hyphenated in words and whole not in words
            joined = (joined if keep else joined[:-1]) + text
        elif joined.endswith(("-", "–", "/")) and not joined.endswith((" -", " –")):
            joined += text
        else:
            joined = f"{joined} {text}"
    return joined
