"""Words that look like a term and are none: vertebra T1, tumour stage T2, CT for chemotherapy, SEM for standard error.

Phrases are entries "-" of the vocabularies. What a phrase cannot tell is asked here: what the caption itself says that
an abbreviation means, and what stands around "T1".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from journalclip_structuring.vocabulary import Match, vocabulary

_RELAXATION: Final = frozenset({"T1", "T2"})
_MRI: Final = re.compile(
    r"\b(?:MRI?|MRIs|magnetic resonance|weighted|FLAIR|T[12]W\w*|hyperintens\w+|hypointens\w+|isointens\w+|gadolinium|Gd|sequences?"
    r"|ADC|DWI|BraTS|T1\s*/\s*T2|relaxation|signal|scans?|images?|contrast|post-?contrast)\b",
    re.IGNORECASE,
)
_SPINE_AFTER: Final = re.compile(
    r"\s*(?:[-‐‑–/]\s*[TL]?\d|\s(?:and|to|or|through|,)\s*(?:the\s+)?[CTL]\d+\s+(?:vertebra|level|nerve|root|rib|body|bodies|spinous|pedicle|lamina)"
    r"|\s*(?:vertebra\w*|level|nerve|root|ribs?\b|body|bodies|spinous|pedicles?|lamina\w*|disc|disk|burst|wedge|compression|fracture|screw"
    r"|stage|tumou?rs?\b|disease|cancers?|carcinomas?|N\d|time|timepoint|\(baseline|=|:\s*(?:baseline|before|after|time)"
    r"|bladder|glottic|rectal|lesions? of the (?:bladder|rectum)|segment|dermatome|transverse process))",
    re.IGNORECASE,
)
_SPINE_BEFORE: Final = re.compile(
    r"(?:[CTL]\d+\s*(?:[-‐‑–/]|to|and|through|or|,)\s*|\b(?:at|of|from|to|above|below|through|between|level|levels|vertebra|vertebrae|stage|stages|staged|stadium"
    r"|category|pT|cT|grade|visit|times?|timepoints?)\s+(?:the\s+)?)$",
    re.IGNORECASE,
)
_WEIGHTED: Final = re.compile(r"\s*(?:[-‐‑–]?\s*(?:weight|W\b|WI|w\b)|\s*\*|\s*(?:images?|MRI?|scans?|sequences?|signal|hyper|hypo|iso|FLAIR|axial|coronal|sagittal|contrast|post|pre|with|without|relax|maps?))", re.IGNORECASE)
_STATISTICS: Final = re.compile(r"±|\bmeans?\b|\berror\b|\bn\s*=|\bstandard\b|\bS\.?D\b|\baverages?\b|\bbars?\b|\bP\s*[<=]", re.IGNORECASE)
_WEIGHT: Final = re.compile(
    r"(?:,| of| in| was| is|:)?\s*\(?\s*(?:about |approximately )?(?:\d[\d.,]*\s*)?(?:k?g|mg|µg|k?Da|grams?|kilograms?|amu|m/z)\b|\s+of the (?:body|animals?|flanges?|sample|planet|particle|seeds?|fruit|plants?|eggs?)"
)
_LONG_FORM: Final = 60  # characters an abbreviation may stand for


def without_lookalikes(matches: Sequence[Match], field: str, text: str) -> list[Match]:
    """The matches that mean the term; ``field`` is the vocabulary they are from."""
    return [match for match in matches if not _is_lookalike(match, field, text)]


def _is_lookalike(match: Match, field: str, text: str) -> bool:
    if field == "sequence" and match.text in _RELAXATION:
        return _is_level(match, text)
    if match.term == "mass":
        return bool(_WEIGHT.match(text, match.end))
    if match.text == "SEM":
        start = max(text.rfind(". ", 0, match.start), text.rfind(";", 0, match.start), 0)
        return bool(_STATISTICS.search(text[start : match.start + 25]))
    if _is_abbreviation(match.text):
        return any(not _means(phrase, match, field) for phrase in long_forms(match.text, text))
    return False


def _is_level(match: Match, text: str) -> bool:
    """T1 of the spine, of a tumour's stage, of a time table; or of none of those, but in no MRI either."""
    if _WEIGHTED.match(text, match.end):
        return False
    before = text[max(0, match.start - 20) : match.start]
    if _SPINE_AFTER.match(text, match.end) or _SPINE_BEFORE.search(before):
        return True
    return not _MRI.search(text[: match.start] + text[match.end :])


def _means(phrase: str, match: Match, field: str) -> bool:
    return any(found.term == match.term for found in vocabulary(field).find(phrase))


def _is_abbreviation(words: str) -> bool:
    return words.isalnum() and len(words) <= 6 and sum(letter.isupper() for letter in words) > 1


def long_forms(short: str, text: str) -> Iterable[str]:
    """What the text says an abbreviation stands for: "long form (CT)", "CT (long form)", "CT, long form", "CT = long form".

    A phrase is one if the letters of the abbreviation occur in it in order, the first at its beginning (Schwartz and
    Hearst 2003, doi 10.1142/9789812776303_0042).
    """
    quoted = re.escape(short)
    for found in re.finditer(rf"([^.;:()]{{2,{_LONG_FORM}}})\(\s*{quoted}s?\s*[),;]", text):
        phrase = _shortest(short, found.group(1))
        if phrase:
            yield phrase
    for found in re.finditer(rf"(?<![^\W_]){quoted}\s*(?:=|:|,|\(|—|–|-|\bis\b|\bindicates\b|\bdenotes\b|\bmeans\b)\s*([^.;,()]{{2,{_LONG_FORM}}})", text):
        words = found.group(1).strip().split()
        for length in range(1, min(len(words), 6) + 1):
            phrase = " ".join(words[:length])
            if _spells(short, phrase):
                yield " ".join(words[: min(len(words), length + 1)])
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
