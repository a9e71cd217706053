"""How much of a caption its record speaks for: sentences of which nothing was coded are listed as unread.

The share is of characters. It says as much of the vocabulary as of the text: a caption of a chart of enzymes is unread.
"""

from __future__ import annotations

from typing import Final

from journalclip_shared.records.caption import CaptionRecord
from journalclip_structuring.context import sentences
from journalclip_structuring.vocabulary import CAPTION_FIELDS

LOW_READ_SHARE: Final = 0.2  # of 24 captions of case reports 2 are below, of 452 of journals at large 40 %


def with_coverage(record: CaptionRecord, text: str) -> CaptionRecord:
    """The record with ``unread``, ``read_share`` and, below `LOW_READ_SHARE`, the flag."""
    spans = [coded.span for field in CAPTION_FIELDS for coded in getattr(record, _name(field)) if coded.span]
    unread, read, total = [], 0, 0
    for start, end in sentences(text):
        length = len(text[start:end].strip())
        total += length
        if any(start <= at < end for at, _ in spans):
            read += length
        elif length:
            unread.append((start, end))
    share = read / total if total else 0.0
    flags = (*record.flags, "low-read-share") if share < LOW_READ_SHARE else record.flags
    return record.model_copy(update={"unread": tuple(unread), "read_share": round(share, 3), "flags": flags})


def _name(field: str) -> str:
    return "findings" if field == "finding" else field
