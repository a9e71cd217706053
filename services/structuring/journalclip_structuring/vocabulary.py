"""Controlled vocabularies: the terms a record may hold, each with the words that mean it in print.

They are TOML files beside this module, each with its source and version; a change of any byte changes `digest`, and
with it the version of every structurer that reads them. Matching takes the longest synonym at the leftmost place,
ignores case except in abbreviations, and reads hyphen, dash and space, plural, and British or American spelling alike.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from journalclip_shared.ids import sha256_hex

CAPTION_FIELDS = ("modality", "sequence", "plane", "anatomy", "laterality", "finding", "procedure", "stage")
REPORT_FIELDS = (
    "report_finding",
    "report_site",
    "report_sequence",
    "report_signal",
    "report_shape",
    "report_laterality",
)
_NO_TERM = "-"  # the table entry of phrases that look like a term and are none


@dataclass(frozen=True)
class Match:
    """A synonym found in a text."""

    term: str
    text: str
    start: int
    end: int


class Vocabulary:
    """The terms of one field and a matcher for their synonyms."""

    def __init__(self, name: str, source: str, terms: dict[str, tuple[str, ...]]) -> None:
        self.name = name
        self.source = source
        self.terms = {term: synonyms for term, synonyms in terms.items() if term != _NO_TERM}
        pairs = [(synonym, term) for term, synonyms in terms.items() for synonym in synonyms]
        pairs.sort(key=lambda pair: -len(pair[0]))
        self._term_of = [term for _, term in pairs]
        alternatives = "|".join(f"({_pattern(synonym)})" for synonym, _ in pairs)
        self._regex = re.compile(rf"(?<![^\W_])(?:{alternatives})(?![^\W_])")

    def find(self, text: str) -> list[Match]:
        """All matches from left to right; none overlaps another, nor a phrase that the vocabulary lists as no term."""
        return [
            Match(self._term_of[found.lastindex - 1], found.group(), found.start(), found.end())
            for found in self._regex.finditer(text)
            if found.lastindex and self._term_of[found.lastindex - 1] != _NO_TERM
        ]


def _pattern(synonym: str) -> str:
    words = [_spelling(re.escape(word)) for word in re.split(r"[\s-]+", synonym)]
    joined = r"[\s\-‐‑–]*".join(words) if _abbreviates(synonym) else r"[\s\-‐‑–]+".join(words)
    plural = "s?" if _abbreviates(synonym) else "(?:s|es)?"
    # An abbreviation that is the tail of a compound ("Br-PET-cGMP") is another word.
    return rf"(?<![A-Za-z]-){joined}{plural}" if _abbreviates(synonym) else f"(?i:{joined}{plural})"


def _abbreviates(synonym: str) -> bool:
    """Two capitals in one word: CT, dAVF, T2-FLAIR; such words are matched by case ("sem" is not SEM)."""
    return any(sum(letter.isupper() for letter in word) > 1 for word in synonym.split())


def _spelling(word: str) -> str:
    return re.sub("ae", "a?e", re.sub("oe", "o?e", re.sub("our(?=s?$)", "ou?r", word)))


@cache
def vocabulary(name: str) -> Vocabulary:
    """The vocabulary of that file name."""
    content = tomllib.loads(_read(name))
    return Vocabulary(name, content["source"], {term: tuple(words) for term, words in content["terms"].items()})


@cache
def digest(*names: str) -> str:
    """Ten hexadecimal digits over the files' bytes: the part that vocabularies have in a structurer's version."""
    return sha256_hex("\0".join(_read(name) for name in names).encode())[:10]


def _read(name: str) -> str:
    return (resources.files(__package__ or "") / "vocabularies" / f"{name}.toml").read_text(encoding="utf-8")
