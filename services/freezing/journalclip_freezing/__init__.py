"""Freezing: structured articles or studies in, a dataset version out that will never change.

What always holds: the same pairs, options and seed give the same dataset id and the same bytes, in any order of
arrival and after any number of kills; an article, an image (also a near-duplicate) and a caption stand in one split
only, and the manifest's leak report counts that it is so; the manifest is written last.
"""

from __future__ import annotations

from journalclip_freezing.articles import FreezeOptions
from journalclip_freezing.job import freeze
from journalclip_freezing.lost import Lost

__all__ = ["FreezeOptions", "Lost", "freeze"]
