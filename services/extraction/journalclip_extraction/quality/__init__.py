"""Quality control: is a figure worth learning from, what kind of image is it, and has it been seen before."""

from journalclip_extraction.quality.judge import appraise, judge
from journalclip_extraction.quality.phash import phash

__all__ = ["appraise", "judge", "phash"]
