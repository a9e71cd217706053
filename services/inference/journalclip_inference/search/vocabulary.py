"""What all parts of a collection say together: how many panels have a token, and which words there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from journalclip_inference.analysis import Analyzer
from journalclip_inference.index.plan import Field
from journalclip_inference.index.words import Words
from journalclip_inference.search.spelling import Spelling


class Vocabulary:
    """Counts over parts. Rows that lie in two parts count twice: that moves a weight by a little, and no rank
    within."""

    def __init__(self, parts: Sequence[Words], reader: Analyzer) -> None:
        self._parts = parts
        self._panels = sum(part.panels for part in parts)
        self._reader = reader
        self._counts: dict[tuple[str, Field], int] = {}

    def count(self, token: str, field: Field = "caption") -> int:
        key = (token, field)
        if key not in self._counts:
            self._counts[key] = sum(part.count(token, field) for part in self._parts)
        return self._counts[key]

    def idf(self, count: int) -> float:
        """ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25 (Robertson and Zaragoza 2009)."""
        return math.log(1 + (max(0, self._panels - count) + 0.5) / (count + 0.5))

    def known(self, token: str) -> bool:
        return self.count(token) > 0 or self.count(token, "around") > 0 or self.count(f"no:{token}") > 0

    @cached_property
    def spelling(self) -> Spelling:
        """Of captions' words, and of names of things that some caption may have under another name."""
        words: dict[str, int] = dict.fromkeys(self._reader.concepts.words, 1)
        for part in self._parts:
            for word, count in part.vocabulary.items():
                words[word] = words.get(word, 0) + count
        return Spelling(words)
