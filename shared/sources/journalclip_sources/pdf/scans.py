"""Scanned pages: an image of the page and no text that can be read."""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_sources.pdf.content import Page

_LETTERS = 60  # characters: a scan may carry a stamp or a download notice as text
_COVERED = 0.5  # of the page: by one image


def is_scanned(pages: Sequence[Page]) -> bool:
    """More than half of the pages are images without text: nothing can be read without OCR."""
    scans = sum(map(is_scan, pages))
    return scans > 0 and scans * 2 > len(pages)


def is_scan(page: Page) -> bool:
    """One image covers most of the page, and hardly a word is to be read."""
    covered = max((picture.box.area for picture in page.pictures), default=0.0) > _COVERED * page.box.area
    return covered and sum(len(line.text) for line in page.lines) < _LETTERS
