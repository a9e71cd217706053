"""The tables, the same on SQLite and PostgreSQL. Times are seconds since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, MetaData, String, Table, Text

METADATA = MetaData()
_DIGEST, _ID, _NAME = String(64), String(64), String(300)

# One row a signed-in browser.
SESSION = Table(
    "session",
    METADATA,
    Column("digest", _DIGEST, primary_key=True, comment="SHA-256 of the secret in the browser's cookie"),
    Column("name", _NAME, nullable=False),
    Column("role", String(40), nullable=False),
    Column("identity", Text, nullable=False, server_default="", comment="issuer and subject; empty: a token of ours"),
    Column("token", _DIGEST, nullable=False, server_default="", comment="digest of the token that was shown, if ours"),
    Column("begun", Float, nullable=False),
    Column("used", Float, nullable=False, comment="at most ten minutes old while the session is used"),
    Column("until", Float, nullable=False, server_default="0", comment="how long the issuer's word holds"),
    Column("sealed", Text, nullable=False, server_default="", comment="the issuer's tokens, sealed with the secret"),
    Index("session_by_name", "name"),
)

# Whose sign-ins and issuer's tokens of before a moment count no more.
REVOKED = Table(
    "revoked", METADATA, Column("name", _NAME, primary_key=True), Column("before", Float, nullable=False)
)  # fmt: skip

SEARCH = Table(
    "saved_search",
    METADATA,
    Column("search_id", _ID, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", _NAME, nullable=False),
    Column("query", Text, nullable=False, comment="JSON"),
    Column("feed", _DIGEST, nullable=False, comment="SHA-256 of the key in the feed's address"),
    Column("made", Float, nullable=False),
    Index("search_by_owner", "owner"),
    Index("search_by_feed", "feed", unique=True),
)

# What a saved search has found, and when first.
FOUND = Table(
    "found",
    METADATA,
    Column("search_id", _ID, primary_key=True),
    Column("figure_id", _ID, primary_key=True),
    Column("pair_id", _ID, nullable=False),
    Column("at", Float, nullable=False),
)
