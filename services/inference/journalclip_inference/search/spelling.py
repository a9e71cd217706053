"""Words that no caption has, read as a word that one has.

A letter swapped, dropped, added or changed: once, or twice in words of nine letters or more (Damerau's distance, each
place changed once). A word that means something stays as it is, however rare; the planner asks only for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from journalclip_inference.analysis.lists import words

_SHORTEST = 5  # letters; shorter words have neighbours of other meaning at every letter
_LONG = 9  # letters from which two slips are one word still
_LETTERS = 26
# Endings that do not change what a word is about, the longest first.
_ENDINGS = words("asking", "endings")
_STEM = 5  # letters that a stem must have


class Spelling:
    """Known words, ready to be compared with one that is not known."""

    def __init__(self, used: Mapping[str, int]) -> None:
        """``used``: how often each is used."""
        self._words = {word: count for word, count in used.items() if word.isascii() and word.isalpha()}

    def nearest(self, word: str) -> str | None:
        """The known word that was meant; the most frequent of those as near. None where there is none."""
        if len(word) < _SHORTEST or not (word.isascii() and word.isalpha()):
            return None
        slips = 2 if len(word) >= _LONG else 1
        found: list[tuple[int, int, str]] = []
        for known in self._alike(word, slips):
            distance = edits(word, known, slips)
            if distance <= slips and _starts_alike(word, known):
                found.append((distance, -self._words[known], known))
        return min(found)[2] if found else None

    def related(self, word: str) -> tuple[str, ...]:
        """Known words that differ in their ending only: "resected" and "resection"."""
        return self._families.get(stem(word), ())

    def _alike(self, word: str, slips: int) -> list[str]:
        """Words whose letters differ in number by what so many slips can do."""
        names, letters = self._letters
        if not names:
            return []
        difference = np.abs(letters - _count(word)).sum(axis=1)
        return [names[n] for n in np.flatnonzero(difference <= 2 * slips)]

    @cached_property
    def _letters(self) -> tuple[list[str], NDArray[np.int16]]:
        names = [word for word in self._words if len(word) >= _SHORTEST - 1]
        return names, np.stack([_count(word) for word in names]) if names else np.zeros((0, _LETTERS), np.int16)

    @cached_property
    def _families(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for word in self._words:
            if len(word) >= _STEM:
                found.setdefault(stem(word), []).append(word)
        return {each: tuple(family) for each, family in found.items()}


def stem(word: str) -> str:
    """The word without its ending, where enough is left."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            return word[: -len(ending)]
    return word


def edits(one: str, other: str, limit: int) -> int:
    """Optimal string alignment distance; ``limit`` + 1 where it is larger than ``limit``."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        last, row = row, [i]
        for j, b in enumerate(other, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before = last
    return row[-1]


def _starts_alike(word: str, known: str) -> bool:
    """The first letter is seldom wrong, unless it changed places with the second or was left out."""
    return word[0] == known[0] or word[:2] == known[1::-1] or word == known[1:] or word[1:] == known


def _count(word: str) -> NDArray[np.int16]:
    return np.bincount([ord(c) - ord("a") for c in word if "a" <= c <= "z"], minlength=_LETTERS)[:_LETTERS].astype(
        np.int16
    )
