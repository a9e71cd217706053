"""The one cleaning that text gets: captions when they are read from a page, queries when they arrive."""

from __future__ import annotations

import re
import unicodedata

# The private area as Adobe's Symbol font draws it.
_SYMBOL = {
    0xF0B1: "±", 0xF0A3: "≤", 0xF0B3: "≥", 0xF06D: "μ", 0xF061: "α", 0xF062: "β", 0xF067: "γ", 0xF064: "δ",
    0xF065: "ε", 0xF06B: "κ", 0xF06C: "λ", 0xF073: "σ", 0xF063: "χ", 0xF044: "Δ", 0xF057: "Ω", 0xF0B0: "°",
    0xF0B4: "×", 0xF0AE: "→", 0xF0AC: "←", 0xF0AD: "↑", 0xF0AF: "↓", 0xF0B7: "•", 0xF03D: "=", 0xF02B: "+",
    0xF02D: "−", 0xF03C: "<", 0xF03E: ">", 0xF0BB: "≈", 0xF0B9: "≠", 0xF02A: "*", 0xF07E: "∼", 0xF0A5: "∞",
}  # fmt: skip
_PRIVATE = re.compile("[\ue000-\uf8ff]")
# Compatibility forms that print shows as plain letters: ligatures, Arabic forms, full-width forms, italic mathematics.
_FORMS = re.compile("[\ufb00-\ufb17\ufb1d-\ufdfb\ufe70-\ufefc\uff01-\uff5e\uff61-\uffee\U0001d400-\U0001d7ff]")
_SPELT = str.maketrans({"\u2010": "-", "\u2011": "-"})  # hyphens of every code are hyphens


def clean(text: str) -> str:
    """One spelling of what print shows: ligatures apart, hard spaces soft, no control characters, single spaces.

    A soft hyphen stays at the end of a line, where it is printed and says that the word goes on.
    """
    return cleaned(text)[0]


def cleaned(text: str) -> tuple[str, bool]:
    """As `clean`, and whether a character was lost that print shows."""
    lost = False
    if not text.isascii():
        text = plain_forms(text).translate(_SPELT)
    if not text.isprintable():
        text, lost = without_private(text)
        broken = text.rstrip().endswith("\u00ad")
        text = "".join(c if c.isprintable() or c.isspace() else "" for c in text)
        if broken:
            text = f"{text.rstrip()}\u00ad"
    return " ".join(text.split()), lost


def without_private(text: str) -> tuple[str, bool]:
    """Private characters as the Symbol font draws them; True where one of them is unknown and left out."""
    doubtful = False

    def drawn(match: re.Match[str]) -> str:
        nonlocal doubtful
        sign = _SYMBOL.get(ord(match[0]))
        doubtful = doubtful or sign is None
        return sign or ""

    return _PRIVATE.sub(drawn, text), doubtful


def plain_forms(text: str) -> str:
    """Composed letters (NFC), and compatibility forms as the letters that print shows; raised digits stay raised."""
    return _FORMS.sub(lambda m: unicodedata.normalize("NFKC", m[0]), unicodedata.normalize("NFC", text))
