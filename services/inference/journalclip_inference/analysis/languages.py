"""Which language a text is in, by its letters and its little words; English where nothing speaks against it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal

from journalclip_inference.analysis.lists import words

Language = Literal["en", "de", "es", "fr", "zh"]

LITTLE: dict[Language, frozenset[str]] = {
    "en": frozenset(words("little", "en")),
    "de": frozenset(words("little", "de")),
    "es": frozenset(words("little", "es")),
    "fr": frozenset(words("little", "fr")),
    "zh": frozenset(),
}
HAN = r"\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"  # within a character class
_HAN = re.compile(f"[{HAN}]")
OTHERS: tuple[Language, ...] = ("de", "es", "fr")
_ENOUGH = 2  # little words of another language, at the least: one may be a name


def is_han(character: str) -> bool:
    """Chinese, and the scripts beside it that write no spaces either."""
    return _HAN.match(character) is not None


def language_of(folded: list[str], text: str) -> Language:
    """``folded``: the words of ``text``."""
    if not text.isascii():
        letters = sum(map(str.isalpha, text))
        if letters and 4 * sum(map(is_han, text)) > letters:
            return "zh"
    present = Counter(folded)
    counts = {language: sum(present[word] for word in present.keys() & little) for language, little in LITTLE.items()}
    best = max(OTHERS, key=lambda language: counts[language])
    return best if counts[best] >= _ENOUGH and counts[best] > counts["en"] else "en"
