"""Endings of German, Spanish and French words, taken off: enough that number and case do not hide a finding.

Light stemmers after Savoy's idea (strip plural and gender, keep derivation): the words arrive folded. A query of one
word does not say its language, so it is looked up by the stem of each language (see ``terms``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

Stem = Callable[[str], str]


@lru_cache(maxsize=50_000)
def german(word: str) -> str:
    """Case and number: Abszesse, Abszesses, Abszessen are "abszess"."""
    return _strip(word, 5, ("ern", "em", "er", "en", "es", "e", "n", "s"))


@lru_cache(maxsize=50_000)
def spanish(word: str) -> str:
    """Number and gender: fracturas, fractura are "fractur"; lesiones, lesion are "lesion"."""
    return _strip(word, 5, ("ces", "es", "os", "as", "o", "a", "e", "s"), {"ces": "z"})


@lru_cache(maxsize=50_000)
def french(word: str) -> str:
    """Number and gender: hématomes, hématome are "hematom"; cérébraux, cérébral are "cerebral"."""
    return _strip(
        word, 5, ("aux", "eaux", "elles", "elle", "ees", "es", "ee", "e", "s", "x"), {"aux": "al", "eaux": "eau"}
    )


_REPEATED = re.compile(r"([bdfglmnprst])\1$")


def _strip(word: str, least: int, endings: tuple[str, ...], by: dict[str, str] | None = None) -> str:
    """The first ending that fits goes, where at least ``least`` - 1 letters are left; double consonants become one."""
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= least - 1:
            word = word[: -len(ending)] + (by or {}).get(ending, "")
            break
    return _REPEATED.sub(r"\1", word) if len(word) > least else word


STEMS: dict[str, Stem] = {"de": german, "es": spanish, "fr": french}
