"""Which language is a report written in? Chinese, English, or one that is not read.

A script tells most languages apart. Among those in Latin letters the small words tell: a text with more small words of
German, French, Spanish, Italian, Portuguese, Dutch or Polish than of English is none of ours.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Language = Literal["en", "zh"]

_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_OTHER: Final = re.compile(r"[\u3040-\u30ff\uac00-\ud7af\u0400-\u04ff\u0600-\u06ff\u0590-\u05ff\u0e00-\u0e7f\u0900-\u097f\u0370-\u03ff]")
_LATIN: Final = re.compile(r"[A-Za-z\u00c0-\u024f]")
_WORD: Final = re.compile(r"[a-z\u00c0-\u024f]+")
_ENGLISH: Final = frozenset(
    ["the", "of", "and", "is", "are", "with", "there", "on", "no", "to", "for", "has", "was", "were", "which", "within", "this", "that", "seen", "shows", "evidence", "left", "right", "normal", "no", "bilateral", "lobe", "lesion", "signal", "without", "both", "from", "than"]
)
_FOREIGN: Final = frozenset(
    # German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish, Turkish: words that English does not have
    ["der", "die", "das", "und", "ist", "kein", "keine", "mit", "im", "nicht", "eine", "einer", "links", "rechts", "ohne", "auf", "bei", "zur", "zum", "des", "den", "le", "la", "les", "des", "du", "et", "est", "une", "avec", "sans", "dans", "sur", "pas", "aucune", "aucun", "au", "aux", "gauche", "droite", "el", "los", "las", "del", "con", "sin", "una", "por", "para", "se", "izquierdo", "derecho", "derecha", "izquierda", "no", "hay", "en", "lesión", "il", "lo", "gli", "della", "del", "di", "nel", "nella", "non", "sono", "con", "senza", "destra", "sinistra", "alla", "che", "un", "una", "o", "os", "as", "do", "da", "em", "não", "sem", "com", "uma", "direita", "esquerda", "ao", "dos", "das", "het", "een", "van", "met", "geen", "zonder", "niet", "rechts", "links", "aan", "zijn", "nie", "jest", "bez", "oraz", "po", "stronie", "w", "z", "na", "do", "prawej", "lewej", "och", "inte", "med", "utan", "ett", "ingen", "på", "i", "av", "är", "ve", "bir", "ile", "yok", "sağ", "sol"]
) - _ENGLISH - {"no", "en", "as", "do", "i", "se", "on", "me", "a", "o", "in", "la", "po", "z", "w", "na", "un"}


def language_of(text: str) -> Language | None:
    """None for a language that is not read, and for a text without letters of any."""
    han, other, latin = (len(pattern.findall(text)) for pattern in (_HAN, _OTHER, _LATIN))
    if other > max(3, han // 4, latin // 4):
        return None
    if han >= 4 and han * 3 >= latin:  # a Chinese character is about a third of a word's letters
        return "zh"
    if not latin:
        return "zh" if han else None
    words = _WORD.findall(text.lower())
    english = sum(word in _ENGLISH for word in words)
    foreign = sum(word in _FOREIGN for word in words)
    return None if foreign > english else "en"
