"""Words that look like a term and are none: vertebra T1, tumour stage T2, CT for chemotherapy, SEM for standard error.

Phrases are entries "-" of the vocabularies. What a phrase cannot tell is asked here: what the caption itself says that
an abbreviation means, and what stands around "T1".
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from journalclip_structuring.vocabulary import Match, source_text, vocabulary

_RELAXATION: Final = frozenset({"T1", "T2"})
_LONG_FORM: Final = 60  # characters that an abbreviation may stand for
_WORDS: Final = 6  # of its long form


def without_lookalikes(matches: Sequence[Match], field: str, text: str) -> list[Match]:
    """The matches that mean the term; ``field`` is the vocabulary they are from."""
    return [match for match in matches if not _is_lookalike(match, field, text)]


def _is_lookalike(match: Match, field: str, text: str) -> bool:
    if field == "sequence" and match.text in _RELAXATION:
        return _is_level(match, text)
    if match.term == "mass":
        return bool(_pattern("weight", "after").match(text, match.end))
    if match.text == "SEM":
        start = max(text.rfind(". ", 0, match.start), text.rfind(";", 0, match.start), 0)
        return bool(_pattern("statistics", "near").search(text[start : match.start + 25]))
    if _is_abbreviation(match.text):
        return any(not _means(phrase, match, field) for phrase in long_forms(match.text, text))
    return False


def _is_level(match: Match, text: str) -> bool:
    """T1 of the spine, of a tumour's stage, of a time table; or of none of those, but in no MRI either."""
    if _pattern("relaxation", "always", r"\s*").match(text, match.end):
        return False
    before = text[max(0, match.start - 20) : match.start]
    if _pattern("relaxation", "after", r"\s*").match(text, match.end):
        return True
    if _pattern("relaxation", "before", end="$").search(before):
        return True
    rest = text[: match.start] + text[match.end :]
    return not _pattern("relaxation", "mri", r"\b", r"\b").search(rest)


@cache
def _pattern(table: str, name: str, start: str = "", end: str = "") -> re.Pattern[str]:
    listed = tomllib.loads(source_text("lookalikes"))[table][name]
    return re.compile(f"{start}(?:{'|'.join(listed)}){end}", re.IGNORECASE)


def _means(phrase: str, match: Match, field: str) -> bool:
    return any(found.term == match.term for found in vocabulary(field).find(phrase))


def _is_abbreviation(words: str) -> bool:
    return words.isalnum() and len(words) <= 6 and sum(letter.isupper() for letter in words) > 1


def long_forms(short: str, text: str) -> Iterable[str]:
    """What the text says that an abbreviation stands for: "long form (CT)", "CT (long form)", "CT, long form".

    A phrase is one if the letters of the abbreviation occur in it in order, the first at its beginning (Schwartz and
    Hearst 2003, doi 10.1142/9789812776303_0042).
    """
    quoted = re.escape(short)
    for found in re.finditer(rf"([^.;:()]{{2,{_LONG_FORM}}})\(\s*{quoted}s?\s*[),;]", text):
        phrase = _shortest(short, found.group(1))
        if phrase:
            yield phrase
    joins = _pattern("definition", "joins").pattern
    for found in re.finditer(rf"(?<![^\W_]){quoted}\s*{joins}\s*([^.;,()]{{2,{_LONG_FORM}}})", text):
        words = found.group(1).split()
        for length in range(1, min(len(words), _WORDS) + 1):
            if _spells(short, " ".join(words[:length])):
                yield " ".join(words[: length + 1])
                break


def _shortest(short: str, words: str) -> str | None:
    """The shortest end of ``words`` that spells the abbreviation."""
    parts = words.split()
    for length in range(1, min(len(parts), len(short) + 5) + 1):
        phrase = " ".join(parts[-length:])
        if _spells(short, phrase):
            return phrase
    return None


def _spells(short: str, phrase: str) -> bool:
    letters, place = phrase.lower(), 0
    if not letters or letters[0] != short[0].lower() or len(phrase) <= len(short):
        return False
    for letter in short.lower():
        place = letters.find(letter, place) + 1
        if place == 0:
            return False
    return True
