"""Characters that a font draws otherwise than its codes say, and signs that must not lose their meaning.

Pi fonts draw ± at the code of 6 and < at that of a comma. Where the font is known its codes are mapped to what print
shows; where it is only known to be such a font, its characters are called doubtful. The codes of MathematicalPi are
those of Adobe's Mathematical Pi 1, those of the private area the encoding of Adobe's Symbol font.
"""

from __future__ import annotations

import re
import unicodedata
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
_SYMBOL = {
    0xF0B1: "±", 0xF0A3: "≤", 0xF0B3: "≥", 0xF06D: "μ", 0xF061: "α", 0xF062: "β", 0xF067: "γ", 0xF064: "δ",
    0xF065: "ε", 0xF06B: "κ", 0xF06C: "λ", 0xF073: "σ", 0xF063: "χ", 0xF044: "Δ", 0xF057: "Ω", 0xF0B0: "°",
    0xF0B4: "×", 0xF0AE: "→", 0xF0AC: "←", 0xF0AD: "↑", 0xF0AF: "↓", 0xF0B7: "•", 0xF03D: "=", 0xF02B: "+",
    0xF02D: "−", 0xF03C: "<", 0xF03E: ">", 0xF0BB: "≈", 0xF0B9: "≠", 0xF02A: "*", 0xF07E: "∼", 0xF0A5: "∞",
}  # fmt: skip
_PRIVATE = re.compile("[\ue000-\uf8ff]")
# Compatibility forms that print shows as plain letters: ligatures, Arabic forms, full-width forms, italic mathematics.
_FORMS = re.compile("[\ufb00-\ufb17\ufb1d-\ufdfb\ufe70-\ufefc\uff01-\uff5e\uff61-\uffee\U0001d400-\U0001d7ff]")
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


def without_private(text: str) -> tuple[str, bool]:
    """Private characters as the Symbol font draws them; True where one of them is unknown and left out."""
    doubtful = False

    def drawn(match: re.Match[str]) -> str:
        nonlocal doubtful
        sign = _SYMBOL.get(ord(match[0]))
        doubtful = doubtful or sign is None
        return sign or ""

    return _PRIVATE.sub(drawn, text), doubtful


def unshifted(text: str) -> tuple[str, bool]:
    """A quarter sign between blanks before a number is an equals sign of a shifted font: "P ¼ 0.05"."""
    if not _SHIFTED_SIGN.search(text):
        return text, False
    return _SHIFTED_SIGN.sub(" = ", text), True


def plain_forms(text: str) -> str:
    """Composed letters (NFC), and compatibility forms as the letters that print shows; raised digits stay raised."""
    return _FORMS.sub(lambda m: unicodedata.normalize("NFKC", m[0]), unicodedata.normalize("NFC", text))
