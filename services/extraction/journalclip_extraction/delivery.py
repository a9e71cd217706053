"""A delivery's bytes -> `ReadDelivery`: what the sandbox's child runs."""

from __future__ import annotations

from journalclip_extraction.article import ExtractOptions, ReadDelivery
from journalclip_extraction.extractor import read_pdf


def read_delivery(data: bytes, options: ExtractOptions) -> ReadDelivery:
    """Read everything that a delivery holds. Raises `PermanentError`."""
    return read_pdf(data, options)
