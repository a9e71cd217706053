"""Detects a report's language: Chinese, English, or a language that is not supported.

The script distinguishes most languages. Languages in Latin letters are distinguished by their small words: a text with
more small words of another language (`_FOREIGN`) than of English (`_ENGLISH`) is not supported.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Language = Literal["en", "zh"]

_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_OTHER: Final = re.compile(
    r"[\u3040-\u30ff\uac00-\ud7af\u0400-\u04ff\u0600-\u06ff\u0590-\u05ff\u0e00-\u0e7f\u0900-\u097f\u0370-\u03ff]"
)
_LATIN: Final = re.compile(r"[A-Za-z\u00c0-\u024f]")
_WORD: Final = re.compile(r"[a-z\u00c0-\u024f]+")
_ENGLISH: Final = frozenset(
    re.findall(
        r"\S+",
        """the of and is are with there on no to for has was were which within this that seen shows evidence left right
        normal bilateral lobe lesion signal without both from than""",
    )
)
# Small words of German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish and Turkish that English lacks.
_FOREIGN: Final = frozenset(
    re.findall(
        r"\S+",
        """der die das und ist kein keine mit im nicht eine einer links rechts ohne auf bei zur zum des den
        le les du et est une avec sans dans sur pas aucune aucun au aux gauche droite
        el los las del con sin por para izquierdo derecho derecha izquierda hay lesión
        il lo gli della di nel nella non sono senza destra sinistra alla che
        os da em não sem com uma direita esquerda ao dos das
        het een van met geen zonder niet zijn nie jest bez oraz stronie prawej lewej
        och inte utan ett ingen på är ve bir ile yok sağ sol""",
    )
)


def language_of(text: str) -> Language | None:
    """The language of a text; None for an unsupported language and for a text without letters."""
    han, other, latin = (len(pattern.findall(text)) for pattern in (_HAN, _OTHER, _LATIN))
    if other > max(3, han // 4, latin // 4):
        return None
    if han >= 4 and han * 3 >= latin:  # one Chinese character counts as about three Latin letters
        return "zh"
    if not latin:
        return "zh" if han else None
    words = _WORD.findall(text.lower())
    english = sum(word in _ENGLISH for word in words)
    foreign = sum(word in _FOREIGN for word in words)
    return None if foreign > english else "en"
