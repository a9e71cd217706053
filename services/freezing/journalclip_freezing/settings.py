"""Settings of freezing."""

from __future__ import annotations

from pydantic import Field

from journalclip_shared.records.caption import RecordFlag
from journalclip_shared.settings import Settings


class FreezingSettings(Settings):
    """What `Settings` says, and when a dataset version is due."""

    freeze_new_pairs: int = Field(1000, ge=0, description="Freeze when so many new pairs have come; 0: never so.")
    freeze_every_s: float = Field(86_400.0, ge=0, description="Freeze so long after a new pair came; 0: never so.")
    freeze_settle_s: float = Field(
        600.0, ge=0, description="Freeze so long after a person's last decision (a review, a withdrawal)."
    )
    freeze_look_s: float = Field(5.0, gt=0, description="How often it is asked whether a dataset version is due.")
    freeze_leave_out: tuple[RecordFlag, ...] | None = Field(
        None,
        description="Pairs and studies with such a flag stay out of datasets until a reviewer accepts them. Null:"
        " hidden-instruction, and of studies low-read-share, too.",
    )
    freeze_image_size: int = Field(256, ge=8, description="Pixels of the longer side of a shard's images.")
