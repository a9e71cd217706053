"""Settings of the services that live in pipelines: intake and freezing."""

from __future__ import annotations

from pydantic import Field

from journalclip_shared.settings import Settings


class BackboneSettings(Settings):
    """What `Settings` says, and when to look and to freeze."""

    reconcile_s: float = Field(60.0, gt=0, description="Seconds between two looks through the inbox.")
    upload_port: int = Field(0, ge=0, le=65535, description="Port of the HTTP upload; 0 means none.")
    upload_max_mb: int = Field(500, ge=1, description="Largest article that the upload takes.")
    freeze_new_pairs: int = Field(1000, ge=0, description="Freeze when so many new pairs have come; 0: never so.")
    freeze_every_s: float = Field(86_400.0, ge=0, description="Freeze so long after a new pair came; 0: never so.")
    freeze_image_size: int = Field(256, ge=8, description="Pixels of the longer side of a shard's images.")
