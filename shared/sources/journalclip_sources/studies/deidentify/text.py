"""Report text without persons: what the headers name, and what looks like a name, a number, a date or an address.

Scrubbed words become a bracketed kind (``[NAME]``), so that a reader sees that something stood there. Measures of a
lesion are left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_TITLE = r"(?:Dr|Prof|Mr|Mrs|Ms|Miss|Sr|Sra|Herr|Frau|Doctor|Professor)"
_NAME = r"[A-ZÀ-Þ][\w'’-]+"
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("FIELD", re.compile(
        r"(?im)^(\s*(?:patient(?: name| id)?|name|dob|date of birth|born|mrn|id|accession(?: number| no\.?)?|"
        r"referr(?:ing|ed)(?: physician| by)?|physician|radiologist|reported by|dictated by|signed(?: by)?|"
        r"electronically signed(?: by)?|address|phone|tel|fax|hospital|institution|exam date|date|ssn|ward)\s*[:#]).*$"
    )),
    ("EMAIL", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("URL", re.compile(r"\bhttps?://\S+|\bwww\.\S+")),
    ("DATE", re.compile(rf"(?i)\b\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}\b|\b\d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}}\b|"
                        rf"\b\d{{1,2}}(?:st|nd|rd|th)?\.? {_MONTH}\.?,? \d{{4}}\b|"
                        rf"\b{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}\b|"
                        r"\b(?:19|20)\d{6}\b")),
    ("TIME", re.compile(r"(?i)\b(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?: ?[ap]m)?\b")),
    ("PHONE", re.compile(r"(?<![\w.])\+?\(?\d{2,4}\)?(?:[ -]\d{2,4}){2,4}\b(?! ?(?:mm|cm))")),
    ("NAME", re.compile(rf"\b{_TITLE}\.?(?: (?:med|dent)\.)? {_NAME}(?: {_NAME}){{0,2}}|"
                        rf"\b(?:signed|dictated|reported|read|referred) by {_NAME}(?: {_NAME}){{0,2}}")),
    ("ADDRESS", re.compile(rf"\b\d{{1,5}} (?:{_NAME} ){{1,3}}"
                           r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way)\b\.?")),
    ("NUMBER", re.compile(r"\b(?=[A-Z0-9-]*\d{4})[A-Z]{0,4}-?\d[\dA-Z-]{4,}\b")),
    ("AGE", re.compile(r"\b(?:9\d|1[0-4]\d)(?=[ -]?(?:years?|yrs?|y/?o)\b)")),
)  # fmt: skip


def scrub(text: str, secrets: Iterable[str]) -> tuple[str, dict[str, int]]:
    """The text, and how many places of each kind were taken out of it."""
    counts: Counter[str] = Counter()
    words = sorted({each for each in secrets if len(each) > 2}, key=lambda each: (-len(each), each))
    if words:
        known = re.compile(r"(?<!\w)(?:" + "|".join(map(_loose, words)) + r")(?!\w)", re.IGNORECASE)
        text, found = known.subn("[NAME]", text)
        counts["NAME"] += found
    for kind, pattern in _PATTERNS:
        text, found = pattern.subn(rf"\1 [{kind}]" if kind == "FIELD" else f"[{kind}]", text)
        counts[kind] += found
    return text, {kind: count for kind, count in counts.items() if count}


def _loose(secret: str) -> str:
    """The secret with any space or punctuation between its words."""
    return r"[\s,.^=-]+".join(re.escape(part) for part in re.split(r"[\s,.^=-]+", secret) if part) or re.escape(secret)
