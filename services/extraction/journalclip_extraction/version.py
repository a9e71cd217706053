"""The extractor's version, and the slug that names what one version with given options makes.

Whoever changes what `read_article` returns for any PDF raises the version: ids and manifests below it start afresh.
"""

from __future__ import annotations

from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.sandbox.codec import encode_options
from journalclip_shared.ids import sha256_hex

EXTRACTOR_VERSION = "jc1"


def slug(options: ExtractOptions, version: str = EXTRACTOR_VERSION) -> str:
    """``<version>-<8 hex digits of the options>``: fit for a manifest's name, and other for other options."""
    return f"{version}-{sha256_hex(encode_options(options))[:8]}"
