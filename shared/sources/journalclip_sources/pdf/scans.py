"""Scanned pages: an image of the page and no text that can be read."""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_sources.pdf.content import Page
from journalclip_sources.pdf.geometry import union

_LETTERS = 60  # characters of text from which a page is no scan; a scan may have a stamp or a download notice as text
_COVERED = 0.5  # share of the page's area that its images must cover


def is_scanned(pages: Sequence[Page]) -> bool:
    """Whether more than half of the pages are scans, so that reading needs OCR."""
    scans = sum(map(is_scan, pages))
    return scans > 0 and scans * 2 > len(pages)


def is_scan(page: Page) -> bool:
    """Whether images, whole or in strips, cover most of the page and it has almost no text."""
    boxes = [picture.box for picture in page.pictures]
    if not boxes or sum(len(line.text) for line in page.lines) >= _LETTERS:
        return False
    return min(union(boxes).area, sum(box.area for box in boxes)) > _COVERED * page.box.area
