"""Why a source cannot become a start."""

from __future__ import annotations

from journalclip_shared.errors import PermanentError


class StartUnusable(PermanentError):
    """The source is no model that can be imported, or not all of one."""

    def __init__(self, source: str, reason: str, remedy: str = "") -> None:
        super().__init__(
            "start-unusable",
            f"{source}: {reason}",
            remedy or "Give a folder as transformers or open_clip write it, one weight file, or a reachable hub name.",
        )


class StartChanged(PermanentError):
    """What was written does not embed as the source does."""

    def __init__(self, source: str, difference: float) -> None:
        super().__init__(
            "start-changed",
            f"{source}: vectors differ by {difference:.2g} after the import",
            "The source uses an option that the import does not know; nothing was written.",
        )
