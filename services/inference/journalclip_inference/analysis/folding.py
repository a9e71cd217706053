"""One spelling of a word: small letters without accents, American forms, Greek letters written out.

`fold_word` is idempotent: a folded word folds to itself. Both captions and queries pass through it, so a rule may be
wrong about English ("Israel" becomes "isrel") as long as it never makes two words of different meaning equal.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from journalclip_inference.analysis.lists import mapping

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "ο": "omicron", "π": "pi", "ρ": "rho",
    "σ": "sigma", "ς": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
# What NFKD leaves alone or takes apart otherwise than readers type it: German umlauts are ae, oe, ue.
_LETTERS = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d",
            "þ": "th", "ı": "i"}  # fmt: skip
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
_TABLE = str.maketrans({**_GREEK, **_LETTERS, **dict.fromkeys(INVISIBLE, "")})

_SAME = mapping("spellings", "same")
_RULES = (
    (re.compile(r"(?<=[a-z]{2})our(?=(?:s|ed|ing|al|less|able|ite|y|ist|ful|igenic)?$)"), "or"),  # tumour, colour
    (re.compile(r"(?<=[a-z])([bt])re(?=[sd]?$)"), r"\1er"),  # fibre, centre, litre
    (re.compile(r"(?<=[a-z]{3})iz(?=(?:e|ed|es|er|ers|ing|ation|ations)$)"), "is"),  # visualized
    (re.compile(r"lyz(?=(?:e|ed|es|er|ers|ing)$)"), "lys"),  # analyzed
    (re.compile(r"sulph"), "sulf"),
    (re.compile(r"(?<=[a-z]{2})([aeiou])ll(?=(?:ed|ing)$)"), r"\1l"),  # labelled, tunnelled
    (re.compile(r"(?<=[a-z])trophe?y$"), "trophy"),
)
_AE = re.compile(r"ae(?!$)")
_OE = re.compile(r"oe(?=[a-z])|oea$")


@lru_cache(maxsize=200_000)
def fold_word(word: str) -> str:
    """The word's one spelling; letters and digits of other scripts stay as NFKD writes them."""
    text = unicodedata.normalize("NFKC", word).lower().translate(_TABLE)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = unicodedata.normalize("NFC", text).lower().translate(_TABLE)
    if not text.isascii():
        return text
    while (step := _step(text)) != text:
        text = step
    return text


def _step(text: str) -> str:
    if text in _SAME:
        return _SAME[text]
    if len(text) >= 5:  # "toe", "shoe", "does" and the echo time TE stay apart
        text = _OE.sub(lambda found: "ea" if found.group() == "oea" else "e", text)
        text = _AE.sub("e", text)
    for pattern, by in _RULES:
        text = pattern.sub(by, text)
    return text
