"""Pictures that were pasted onto a page as annotations."""

from __future__ import annotations

import pymupdf

_PICTURES = frozenset((
    pymupdf.PDF_ANNOT_STAMP, pymupdf.PDF_ANNOT_WIDGET, pymupdf.PDF_ANNOT_SCREEN, pymupdf.PDF_ANNOT_RICH_MEDIA,
    pymupdf.PDF_ANNOT_3D,
))  # fmt: skip


def has_stamps(page: pymupdf.Page) -> bool:
    """The page has annotations of a kind whose appearance may be a picture."""
    return any(kind in _PICTURES for _, kind, *_ in page.annot_xrefs())
