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
    "unknown",
    "all rights reserved",
)
_VERSION = re.compile(
    r"(?:licen[sc]es\s?/\s?by[a-z-]*\s?/\s?|publicdomain\s?/\s?zero\s?/\s?|\bCC[\s-]?(?:BY[A-Z\s-]*|0)\s?|"
    r"(?:licen[sc]e|international|attribution[\w\s-]*?)[\s,(]*(?:version\s?)?)([1-4]\.[05])\b",
    re.IGNORECASE,
)
# A third party let the figure be used here, which grants a reader nothing; a patient's permission is another matter.
_PERMISSION = re.compile(
    r"(?:with|by|under)\s+(?:the\s+|kind\s+|written\s+|prior\s+)*permission|permission\s+(?:from|of|by|granted)|"
    r"permission\s+(?:to|for)\s+re|courtesy\s+of|mit\s+(?:freundlicher\s+)?(?:Genehmigung|Erlaubnis)|"
    r"avec\s+(?:l[’']|la\s+)?(?:aimable\s+)?(?:permission|autorisation)|con\s+(?:el\s+|la\s+)?(?:permiso|autorizaci[oó]n)|"
    r"con\s+(?:il\s+)?(?:permesso|autorizzazione)|per\s+gentile\s+concessione|com\s+(?:a\s+)?(?:permiss[aã]o|autoriza[cç][aã]o)|"
    r"met\s+toestemming|med\s+(?:tillstånd|tillatelse|tilladelse)|za\s+zgodą|se\s+svolením|с\s+разрешения|"
    r"经.{0,12}许可|許可を得|转载|転載",
    re.IGNORECASE,
)
_OF_PATIENT = re.compile(
    r"permission\s+(?:was\s+|is\s+)?(?:obtained\s+)?(?:from|of|by)\s+(?:the\s+|this\s+|our\s+|his\s+|her\s+)*"
    r"(?:patients?|parents?|famil\w+|mother|father|guardian|participants?|subject|volunteer)",
    re.IGNORECASE,
)
_COPYRIGHT = re.compile(
    r"©|\(c\)\s*(?:19|20)\d\d|\bcopyright\b(?!\s+holder)|alle\s+Rechte\s+vorbehalten|tous\s+droits\s+r[eé]serv[eé]s|"
    r"todos\s+(?:los\s+derechos|os\s+direitos)\s+reservados|tutti\s+i\s+diritti\s+riservati|alle\s+rechten\s+voorbehouden|"
    r"版权所有|無断転載",
    re.IGNORECASE,
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


def version_of(statement: str) -> str | None:
    """The version that the statement names: "4.0"."""
    match = _VERSION.search(statement)
    return match[1] if match else None


def address_of(licence: Licence, version: str | None) -> str | None:
    """The licence's own address; None without a version, and for what is no Creative Commons licence."""
    if version is None or licence not in _STRICTNESS[:7]:
        return None
    if licence == "CC0":
        return f"https://creativecommons.org/publicdomain/zero/{version}/"
    return f"https://creativecommons.org/licenses/{licence.removeprefix('CC ').lower()}/{version}/"


def stricter(a: Licence, b: Licence) -> Licence:
    """The one that allows less; what is unknown allows nothing, and what is reserved says so."""
    return max(a, b, key=_STRICTNESS.index)


def figure_licence(caption: str, article: Licence) -> Licence | None:
    """The licence of a figure whose caption states terms of its own, never looser than the article's; else None."""
    stated = normalise(caption)
    if stated not in ("unknown", "all rights reserved"):
        return stricter(stated, article)
    if stated == "all rights reserved" or _COPYRIGHT.search(caption):
        return "all rights reserved"
    if _PERMISSION.search(_OF_PATIENT.sub("", caption)):
        return stricter("unknown", article)
    return None


def _named(code: str) -> Licence:
    parts = re.findall(r"nc|nd|sa", code.lower())
    return _combined("nc" in parts, "nd" in parts, "sa" in parts)


def _worded(text: str) -> Licence:
    return _combined(bool(_NC.search(text)), bool(_ND.search(text)), bool(_SA.search(text)))


def _combined(non_commercial: bool, no_derivatives: bool, share_alike: bool) -> Licence:
    if non_commercial:
        return "CC BY-NC-ND" if no_derivatives else "CC BY-NC-SA" if share_alike else "CC BY-NC"
    return "CC BY-ND" if no_derivatives else "CC BY-SA" if share_alike else "CC BY"
