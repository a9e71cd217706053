"""The singular of an English medical word, Latin and Greek plurals included.

Words arrive folded (``folding``). `singular` is idempotent; a word that no rule knows stays as it is. Two words that
share a singular are one term, so the exceptions guard words that only look like plurals.
"""

from __future__ import annotations

import re
from functools import lru_cache

from journalclip_inference.analysis.lists import mapping, words

_IRREGULAR = mapping("plurals", "irregular")
_STAY = frozenset(words("plurals", "stay"))
_USES = frozenset(words("plurals", "uses"))
_OSES = frozenset(words("plurals", "oses"))
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"(?<=o)mata$", "ma"),  # haematomata
        (r"(?<=[a-z]{3})ae$", "a"),  # fistulae
        (r"(?<=[a-z]{2})stases$", "stasis"),
        (r"(?<=[a-z]{2})iases$", "iasis"),
        (r"(?<=[a-z]{2})eses$", "esis"),  # prostheses
        (r"(?<=[a-z]{2})yses$", "ysis"),  # diaphyses
        (r"(?<=[a-z]{2})ies$", "y"),
        (r"(?<=ss)es$", ""),
        (r"(?<=[a-z](?:x|z))es$", ""),
        (r"(?<=[a-z](?:ch|sh))es$", ""),
        (r"(?<=[a-z]{2}o)es$", ""),  # echoes, torpedoes
    )
)


@lru_cache(maxsize=200_000)
def singular(word: str) -> str:
    """The singular of a folded word."""
    while (step := _step(word)) != word:
        word = step
    return word


def _step(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or word in _STAY or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("uses"):
        return word[:-1] if word in _USES else word[:-2]
    if word.endswith("oses"):
        return word[:-1] if word in _OSES else word[:-2] + "is"
    for pattern, by in _RULES:
        if pattern.search(word):
            return pattern.sub(by, word)
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
