"""Settings of the catalogue service."""

from __future__ import annotations

from pydantic import Field

from journalclip_shared.settings import Settings


class CatalogueSettings(Settings):
    """What `Settings` says, and how much is projected at once."""

    batch: int = Field(200, ge=1, le=10_000, description="Events projected in one transaction.")
