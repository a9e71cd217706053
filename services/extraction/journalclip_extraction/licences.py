"""A licence statement -> its normalised name.

The rule is conservative: the licence's own address decides; without one the words do, and any word that restricts
("non-commercial", "no derivatives") counts even where the name before it does not say so. Where two Creative Commons
licences are named for the article itself, the more restrictive one wins; a public-domain waiver that covers only the
article's data never does.
"""

from __future__ import annotations

import re

from journalclip_shared.records.article import Licence

_ADDRESS = re.compile(r"creativecommons\s?\.\s?org\s?/\s?licen[sc]es\s?/\s?(by(?:-(?:nc|nd|sa))*)\b", re.IGNORECASE)
_ZERO_ADDRESS = re.compile(
    r"creativecommons\s?\.\s?org\s?/\s?publicdomain\s?/\s?zero|\bCC[\s-]?0\b|public domain dedication", re.I
)
_CODE = re.compile(r"\bCC[\s:-]+(BY(?:[\s-]*(?:NC|ND|SA))*)\b", re.IGNORECASE)
_NAMED = re.compile(r"creative\s+commons|attribution[\s-]+(?:licen[sc]e|\(?CC|non)", re.IGNORECASE)
_ATTRIBUTION = re.compile(r"\battribution\b|creative\s+commons\s+licen[sc]e", re.IGNORECASE)
_NC = re.compile(r"non[\s-]*commercial", re.IGNORECASE)
_ND = re.compile(r"no[\s-]*deriv|without (?:any )?(?:modification|alteration)|not (?:altered|modified)", re.IGNORECASE)
_SA = re.compile(r"share[\s-]*alike", re.IGNORECASE)
_RESERVED = re.compile(
    r"all rights (?:are )?reserved|no part of this (?:publication|article|work)|unauthori[sz]ed (?:use|reproduction)|"
    r"may not be (?:reproduced|copied|distributed)|reproduction .{0,40} prohibited",
    re.IGNORECASE,
)
_STATEMENT = re.compile(
    r"creative\s*commons|\bCC[\s-]BY\b|\bCC0\b|licen[sc]ed under|under (?:the|a) licen[sc]e|"
    r"all rights (?:are )?reserved|open[\s-]access article|no part of this (?:publication|article|work)",
    re.IGNORECASE,
)
_STRICTNESS: tuple[Licence, ...] = (
    "CC0",
    "CC BY",
    "CC BY-SA",
    "CC BY-ND",
    "CC BY-NC",
    "CC BY-NC-SA",
    "CC BY-NC-ND",
)


def is_statement(text: str) -> bool:
    """Says something of the terms that the article is under."""
    return _STATEMENT.search(text) is not None


def normalise(statement: str) -> Licence:
    """The licence that a statement grants; ``unknown`` where it names none that we know."""
    text = statement.replace("‐", "-").replace("‑", "-").replace("–", "-")
    stated = [_named(match[1]) for pattern in (_ADDRESS, _CODE) for match in pattern.finditer(text)]
    if not stated and _NAMED.search(text) and _ATTRIBUTION.search(text):
        stated = [_worded(text)]
    if stated:
        return max(stated, key=_STRICTNESS.index)
    if _ZERO_ADDRESS.search(text):
        return "CC0"
    return "all rights reserved" if _RESERVED.search(text) else "unknown"


def _named(code: str) -> Licence:
    parts = re.findall(r"nc|nd|sa", code.lower())
    return _combined("nc" in parts, "nd" in parts, "sa" in parts)


def _worded(text: str) -> Licence:
    return _combined(bool(_NC.search(text)), bool(_ND.search(text)), bool(_SA.search(text)))


def _combined(non_commercial: bool, no_derivatives: bool, share_alike: bool) -> Licence:
    if non_commercial:
        return "CC BY-NC-ND" if no_derivatives else "CC BY-NC-SA" if share_alike else "CC BY-NC"
    return "CC BY-ND" if no_derivatives else "CC BY-SA" if share_alike else "CC BY"
