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
_WORD_START = re.compile(r"(?<![^\W_])\S")
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
        by_letter: dict[str, list[tuple[str, str]]] = {}
        for term, synonyms in terms.items():
            for synonym in synonyms:
                for letter in _first_letters(synonym):
                    by_letter.setdefault(letter, []).append((synonym, term))
        self._at = {letter: _Alternatives(pairs) for letter, pairs in by_letter.items()}

    def find(self, text: str) -> list[Match]:
        """All matches from left to right; none overlaps another, nor a phrase that the vocabulary lists as no term."""
        found: list[Match] = []
        end = 0
        for start in _WORD_START.finditer(text):
            alternatives = self._at.get(start.group().lower()) if start.start() >= end else None
            match = alternatives.match(text, start.start()) if alternatives else None
            if match is not None:
                end = match.end
                if match.term != _NO_TERM:
                    found.append(match)
        return found


class _Alternatives:
    """The synonyms that begin with one letter: trying those alone makes a match ten times as fast."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        pairs = sorted(pairs, key=lambda pair: -len(pair[0]))
        self._term_of = [term for _, term in pairs]
        alternatives = "|".join(f"({_pattern(synonym)})" for synonym, _ in pairs)
        self._regex = re.compile(rf"(?:{alternatives})(?![^\W_])")

    def match(self, text: str, start: int) -> Match | None:
        found = self._regex.match(text, start)
        if found is None or not found.lastindex:
            return None
        return Match(self._term_of[found.lastindex - 1], found.group(), found.start(), found.end())


def _first_letters(synonym: str) -> set[str]:
    """Two where the first is optional: "oedema" matches "edema"."""
    first = synonym[0].lower()
    return {first, "e"} if synonym[:2].lower() in {"oe", "ae"} else {first}


def _pattern(synonym: str) -> str:
    words = re.split(r"[\s-]+", synonym)
    tight = _abbreviates(words[-1]) and len(words) == 1 + synonym.count("-")
    joint = r"[\s\-‐‑–]*" if tight else r"[\s\-‐‑–]+"  # "T2-FLAIR" is printed as one word, too; "lateral view" is not
    joined = joint.join(_word(word) for word in words[:-1])
    last = _word(words[-1], plural=True)
    # An abbreviation that is the tail of a compound ("Br-PET-cGMP") is another word.
    compound = "(?<![A-Za-z]-)" if _abbreviates(words[0]) else ""
    return compound + (joined + joint + last if joined else last)


def _word(word: str, plural: bool = False) -> str:
    """One word's spellings; abbreviations are matched by case ("sem" is not SEM), all others in any."""
    if _abbreviates(word):
        return re.escape(word) + ("s?" if plural else "")
    spelt = _spelling(re.escape(word))
    if plural:
        spelt = re.sub(r"(?<=[^aeiou])y$", "(?:y|ies)", re.sub("sis$", "s[ie]s", spelt)) + "(?:s|es)?"
    return f"(?i:{spelt})"


def _abbreviates(word: str) -> bool:
    """Two capitals: CT, dAVF, ACoA."""
    return sum(letter.isupper() for letter in word) > 1


def _spelling(word: str) -> str:
    return re.sub("ae", "a?e", re.sub("oe", "o?e", re.sub("our(?=s?$)", "ou?r", word)))


@cache
def vocabulary(name: str) -> Vocabulary:
    """The vocabulary of that file name."""
    content = tomllib.loads(source_text(name))
    return Vocabulary(name, content["source"], {term: tuple(words) for term, words in content["terms"].items()})


@cache
def digest(*names: str) -> str:
    """Ten hexadecimal digits over the files' bytes: the part that vocabularies have in a structurer's version."""
    return sha256_hex("\0".join(source_text(name) for name in names).encode())[:10]


def source_text(name: str) -> str:
    """The bytes of a vocabulary file as text."""
    return (resources.files(__package__ or "") / "vocabularies" / f"{name}.toml").read_text(encoding="utf-8")
