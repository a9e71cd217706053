"""The extractor's version, and the slug that names what one version with given options makes.

Whoever changes what `read_article` returns for any PDF raises the version: ids and manifests below it start afresh.
"""

from __future__ import annotations

from pydantic import TypeAdapter

from journalclip_extraction.article import ExtractOptions
from journalclip_shared.ids import sha256_hex

EXTRACTOR_VERSION = "9"

_OPTIONS = TypeAdapter(ExtractOptions)


def slug(options: ExtractOptions, version: str = EXTRACTOR_VERSION) -> str:
    """``journalclip-<version>-<8 hex digits of the options>``: fit for a manifest's name, other for other options."""
    return f"journalclip-{version}-{sha256_hex(_OPTIONS.dump_json(options))[:8]}"
