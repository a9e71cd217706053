"""Compound figures: panels by layout and letters, subcaptions from the caption, paired only when they agree."""

from __future__ import annotations

from journalclip_extraction.panels import glyphs, names
from journalclip_extraction.panels.attach import with_panels, with_panels_of
from journalclip_extraction.panels.split import PanelSplit, SplitPanel, split_figure
from journalclip_extraction.panels.subcaptions import Subcaptions, parse_subcaptions

__all__ = [
    "PanelSplit", "SplitPanel", "Subcaptions", "parse_subcaptions", "prepare", "split_figure", "with_panels",
    "with_panels_of",
]  # fmt: skip


def prepare() -> None:
    """Draw the letters that pictures are compared with: once before the sandbox forks, not anew in each child."""
    glyphs.templates()
    names.templates()
