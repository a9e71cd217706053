"""Characters that a font draws otherwise than its codes say, and signs that must not lose their meaning.

Pi fonts draw ± at the code of 6 and < at that of a comma. Where the font is known its codes are mapped to what print
shows; where it is only known to be such a font, its characters are called doubtful. The codes of MathematicalPi are
those of Adobe's Mathematical Pi 1, those of the private area the encoding of Adobe's Symbol font.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PI = re.compile(r"mathematical\s?pi|mathpi|pi-?(?:one|1)\b|greekwithmath", re.IGNORECASE)
_OTHER_PI = re.compile(
    r"pi-?(?:two|three|four|five|six|[2-6])\b|wingdings|webdings|dingbats|^(?:[A-Z]{6}\+)?advp?(?:p4c4e|pssym|mpi)",
    re.IGNORECASE,
)
_MAPPED = str.maketrans(
    {
        "6": "±", "5": "=", "1": "+", "2": "−", "3": "×", "4": "÷", ",": "<", ".": ">", "#": "≤", "$": "≥",
        "a": "α", "b": "β", "g": "γ", "d": "δ", "e": "ε", "m": "μ", "k": "κ", "l": "λ", "s": "σ", "D": "Δ", "V": "Ω",
    }
)  # fmt: skip
_PI_CODES = frozenset("6512 34,.#$abgdemklsDV")
_SHIFTED = str.maketrans({"¼": "=", "þ": "+", "ð": "(", "Þ": ")"})  # what Latin-1 readers see of some math fonts
_SHIFTED_SIGN = re.compile(r"(?<=[\w)\]%]) ¼ (?=[\d.<>−–-])")
RAISED = str.maketrans("0123456789+-−–=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾")


@lru_cache(maxsize=4096)
def font_kind(font: str) -> str:
    """``pi`` for a font whose codes are known, ``doubtful`` for one of unknown codes, else empty."""
    if _PI.search(font):
        return "pi"
    return "doubtful" if _OTHER_PI.search(font) else ""


def as_drawn(text: str, font: str) -> tuple[str, bool]:
    """``text`` as its font draws it, and whether that is doubtful."""
    kind = font_kind(font)
    if kind == "pi":
        return text.translate(_MAPPED), not _PI_CODES.issuperset(text)
    if kind == "doubtful":
        shown = text.translate(_SHIFTED)
        return shown, shown == text and any(c.isalnum() or not c.isascii() for c in text)
    return text, False


def unshifted(text: str) -> tuple[str, bool]:
    """A quarter sign between blanks before a number is an equals sign of a shifted font: "P ¼ 0.05"."""
    if not _SHIFTED_SIGN.search(text):
        return text, False
    return _SHIFTED_SIGN.sub(" = ", text), True
