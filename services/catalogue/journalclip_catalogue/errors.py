"""What can go wrong while the log is projected, each with a stable code."""

from __future__ import annotations

from journalclip_shared.errors import TransientError


class AnotherProjector(TransientError):
    """A second projector moved a place that this one had read; the batch is rolled back and read again."""

    def __init__(self, topic: str, partition: int) -> None:
        super().__init__(f"another projector moved {topic}/{partition}", "catalogue")
