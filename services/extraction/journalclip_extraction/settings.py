"""The extraction service's knobs, each an environment variable ``JOURNALCLIP_...`` (see the README's table)."""

from __future__ import annotations

from pydantic import Field

from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.sandbox import Limits
from journalclip_shared.settings import Settings


class ExtractionSettings(Settings):
    """What `Settings` says, and how articles are read."""

    concurrency: int = Field(2, ge=1, description="Articles read at once, each in its own child process.")
    limits: Limits = Field(Limits(), description="What one article may use: `JOURNALCLIP_LIMITS__CPU_S` and so on.")
    extract: ExtractOptions = Field(ExtractOptions(), description="What is read: `JOURNALCLIP_EXTRACT__DPI` and so on.")
