"""From settings to the structurer they name. Heavy libraries are imported only for the structurer that needs them."""

from __future__ import annotations

from journalclip_structuring.errors import BadSetting
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.settings import StructuringSettings
from journalclip_structuring.structurer import Structurer


def build_structurer(settings: StructuringSettings) -> Structurer:
    """Raises `BadSetting` for one that cannot be built."""
    if settings.structurer == "rules":
        return RuleStructurer()
    raise BadSetting(f"structurer {settings.structurer!r} is not available yet", "Use rules.")
