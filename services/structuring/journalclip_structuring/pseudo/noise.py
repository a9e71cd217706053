"""Noise for training texts: words that carry no fact become words nobody knows, or fall out.

Templates are few and reports are many, so a model must not lean on a template's exact verbs. Only words listed here are
touched (none denies, hedges, counts, places or names anything), so that the truth of the text stays as it was.
"""

from __future__ import annotations

import re
from random import Random
from typing import Final

_CARRIERS: Final = re.compile(
    r"\b(?:there|seen|noted|show|shows|demonstrates|demonstrated|identified|appears|present|visible|examination|evidence"
    r"|again|also|acquired|includes|study|obtained|technique|sequences|protocol|multiplanar|measures|approximately|maximum"
    r"|dimensions|size|following|administration|causes|exerts|associated|appreciated|appearance|represent|sign"
    r"|abnormality|clear|preserved|unremarkable|patent|history|indication|found|remains|detected|depicting|extends|spans"
    r"|leads|measuring|measured|diameter|presents|including|available|finding|findings|definite|signs|cranial|detection"
    r"|symptoms|quality|sees|we|note|made)\b",
    re.IGNORECASE,
)
_SYLLABLES: Final = (
    "ba", "cor", "den", "el", "fi", "gra", "hin", "is", "jo", "ker", "lun", "mi", "nor", "op", "pla", "qui", "rev",
    "sta", "tor", "un", "ver", "wel", "xi", "yn", "zal", "ed", "ing", "ly", "er", "es",
)  # fmt: skip


def blur(text: str, rng: Random, share: float = 0.2) -> str:
    """``text`` with about ``share`` of its carrier words replaced: a quarter of those by nothing."""
    return _CARRIERS.sub(lambda word: _instead(rng) if rng.random() < share else word.group(), text)


def _instead(rng: Random) -> str:
    """A word nobody knows, or nothing."""
    if rng.random() < 0.25:
        return ""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 4)))
