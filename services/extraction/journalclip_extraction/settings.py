"""The extraction service's knobs, each an environment variable ``JOURNALCLIP_...`` (see the README's table)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import Field

from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.quality.model import parse
from journalclip_extraction.quality.registered import REGISTERED, load
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.settings import Settings
from journalclip_shared.wiring import open_artifacts
from journalclip_sources.sandbox import Limits


class ExtractionSettings(Settings):
    """What `Settings` says, and how articles are read."""

    concurrency: int = Field(2, ge=1, description="Articles read at once, each in its own child process.")
    limits: Limits = Field(Limits(), description="What one article may use: `JOURNALCLIP_LIMITS__CPU_S` and so on.")
    parser: Path | None = Field(
        None, description="Socket of a parser in a container of its own; none: the parser is a child of this process."
    )
    quality_model: Path | None = Field(
        None,
        description="A model of `journalclip quality train`, or `champion`: the registry's; none: measured rules.",
    )
    extract: ExtractOptions = Field(ExtractOptions(), description="What is read: `JOURNALCLIP_EXTRACT__DPI` and so on.")

    def options(self) -> ExtractOptions:
        """What is read, with the chosen quality model.

        Raises `PermanentError` ``quality-model-invalid`` or ``quality-model-missing``.
        """
        if self.quality_model is None:
            return self.extract
        if str(self.quality_model) == "champion":
            registry = MlflowRegistry(self.registry_uri, REGISTERED)
            return replace(self.extract, quality_model=load(open_artifacts(self), registry, "champion"))
        text = self.quality_model.read_text(encoding="utf-8")
        parse(text)
        return replace(self.extract, quality_model=text)
