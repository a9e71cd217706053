"""Deterministic ids: the same bytes in, the same ids out, on every machine and in every mode.

An id is a type prefix and 20 base32 characters (100 bits) of a SHA-256 over what the thing *is*; never of when
or where it was made. So a repeated delivery, a restart or a second machine names the same thing the same way.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

Prefix = Literal["art", "fig", "pan", "pair", "ds", "req", "mdl", "evt", "std", "ser", "idx", "pat"]


def sha256_hex(data: bytes) -> str:
    """The lower-case hexadecimal SHA-256 of ``data``: the digest used for every artifact."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: Json) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces, so that equal values have equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def make_id(prefix: Prefix, *parts: str) -> str:
    """``prefix`` + ``_`` + 100 bits of the parts' joint digest; parts cannot run into each other."""
    digest = hashlib.sha256(canonical_json(list(parts))).digest()
    return f"{prefix}_{base64.b32encode(digest[:13]).decode().lower()[:20]}"


def article_id(pdf_sha256: str) -> str:
    """The article is its file's digest: two copies under different names are one article."""
    return make_id("art", pdf_sha256)


_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>|{}\\^`]+", re.IGNORECASE)
_NO_LETTER = re.compile(r"[\W_]+")  # what `str.isalnum` is not true of
_DOI_TAIL = re.compile(r"(?:[.,;:)\]}’'*†‡]|&(?:gt|lt|amp);?)+$")
_OPENS = {")": "(", "]": "["}
_COMPONENT = re.compile(r"\.[gtse]\d{3}$")  # PLOS: a figure, table or supplement of the article
_VERSION = re.compile(r"(?<=\d)(?:[./]?v\d{1,2})$|(?<=\d)\.full(?:\.pdf)?$")
_F1000 = re.compile(r"^(10\.(?:12688|21956|35241|3310)/\w+\.\d+)\.\d{1,2}$")  # each version of one article has its own
_ELIFE = re.compile(r"^(10\.7554/elife\.\d{5,})\.\d{1,3}$")  # components and reviewed preprints


def normalise_doi(text: str) -> str | None:
    """The DOI of an article in ``text``, or None: lower case, without resolver, version, component or end mark.

    A suffix without a digit is a stump, as a line break leaves it ("10.1371/journal.pone"): as a key it would make one
    article of a whole journal.
    """
    match = _DOI.search(text)
    if match is None:
        return None
    found = match[0].lower()
    while (tail := _DOI_TAIL.search(found)) and not _balanced(found):
        found = found[: max(tail.start(), len(found) - 1)] if tail[0][-1] in _OPENS else found[: tail.start()]
    for form in (_F1000, _ELIFE):
        found = form.sub(r"\1", found)
    found = _COMPONENT.sub("", _VERSION.sub("", found))
    suffix = found.partition("/")[2]
    return found if any(c.isdigit() for c in suffix) and suffix[-1].isalnum() | (suffix[-1] in ")]>") else None


def _balanced(doi: str) -> bool:
    """Ends in a bracket that the DOI itself opened, as in ``10.1016/s0140-6736(05)67889-6`` cut at its year."""
    return doi[-1] in _OPENS and doi.count(_OPENS[doi[-1]]) == doi.count(doi[-1])


def normalise_pmcid(text: str) -> str | None:
    """``PMC`` and digits, or None; a version (``.1``) is cut."""
    match = re.fullmatch(r"\s*(?:PMC)?0*([1-9]\d{3,9})(?:\.\d+)?\s*", text, re.IGNORECASE)
    return f"PMC{match[1]}" if match else None


def pages_digest(texts: Sequence[str]) -> str:
    """SHA-256 of what pages say: letters and digits alone, so that a page copied into another file keeps it."""
    said = [_NO_LETTER.sub("", unicodedata.normalize("NFKC", text).lower()) for text in texts]
    return sha256_hex(canonical_json(said))


def identify_article(doi: str | None, pmcid: str | None, digest: str) -> str:
    """An article is its DOI, else its PMCID, else ``digest`` (of its pages): whichever delivery it comes in."""
    if doi and (normal := normalise_doi(doi)):
        return make_id("art", "doi", normal)
    if pmcid and (number := normalise_pmcid(pmcid)):
        return make_id("art", "pmcid", number)
    return make_id("art", "pages", digest)


def identify_figure(article: str, number: str, place: int) -> str:
    """A figure is its article, its series, number and suffix ("S2", "1a"), and how often that came before in it."""
    return make_id("fig", article, number, str(place))


def files_digest(files: Mapping[str, str]) -> str:
    """SHA-256 of a delivery of several files: lines ``<sha256>  <name>``, sorted by name."""
    return sha256_hex("\n".join(f"{files[name]}  {name}" for name in sorted(files)).encode())
