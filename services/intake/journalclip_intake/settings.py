"""Settings of intake."""

from __future__ import annotations

from pydantic import Field

from journalclip_shared.settings import Settings


class IntakeSettings(Settings):
    """What `Settings` says, how often to list the inbox, and the HTTP upload."""

    reconcile_s: float = Field(60.0, gt=0, description="Seconds between two looks through the inbox.")
    upload_port: int = Field(0, ge=0, le=65535, description="Port of the HTTP upload; 0 means none.")
    upload_max_mb: int = Field(500, ge=1, description="Largest article that the upload takes.")
