"""Deterministic ids: the same bytes in, the same ids out, on every machine and in every mode.

An id is a type prefix and 20 base32 characters (100 bits) of a SHA-256 over what the thing *is*; never of when
or where it was made. So a repeated delivery, a restart or a second machine names the same thing the same way.
"""

from __future__ import annotations

import base64
import hashlib
import json
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
