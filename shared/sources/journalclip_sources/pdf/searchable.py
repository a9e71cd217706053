"""Searchable scans: an image of the page, its words beneath as text that is not drawn.

The words are known, so the pictures are the ink that the words leave. What tells such a page from one whose text is
printed over a tinted background is that its image alone shows ink where the words are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pymupdf

from journalclip_sources.pdf.content import Page
from journalclip_sources.pdf.geometry import union
from journalclip_sources.pdf.ink import inked, left_over, share

_COVERED = 0.8  # of the page: by its images together
_LETTERS = 60  # characters
_HIDDEN = 0.5  # of the page's letters: are not drawn
_INKED = 0.03  # of a line's box: letters fill ten times as much, dust less


def is_covered(page: Page) -> bool:
    """Images cover the page, and there are words."""
    if not page.pictures or sum(len(line.text) for line in page.lines) < _LETTERS:
        return False
    boxes = [picture.box for picture in page.pictures]
    return min(union(boxes).area, sum(box.area for box in boxes)) > _COVERED * page.box.area


def is_hidden(page: Page, unseen: Sequence[str]) -> bool:
    """Half of the page's words or more are not drawn."""
    return sum(map(len, unseen)) >= _HIDDEN * max(1, sum(len(line.text) for line in page.lines))


def read_ink(source: pymupdf.Page, page: Page, unseen: Sequence[str]) -> bool:
    """Whether ``page`` is a scan with words; if so, it gets what the scan shows as its pictures.

    Hidden words with ink where they stand are printed, so they are not unseen; hidden words without are, and no text.
    """
    hidden = "".join(_letters(text) for text in unseen)
    beneath = [line for line in page.lines if _letters(line.text) in hidden]
    if sum(len(line.text) for line in beneath) < _HIDDEN * sum(len(line.text) for line in page.lines):
        return False
    ink = inked(source)
    shown = {id(line): share(ink, line.box) >= _INKED for line in page.lines}
    page.unseen += [line.text for line in beneath if not shown[id(line)]]
    page.lines = [line for line in page.lines if shown[id(line)]]
    page.pictures = left_over(source, page.box, ink, page.lines)
    page.vectors = []
    page.scanned = True
    return True


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)
