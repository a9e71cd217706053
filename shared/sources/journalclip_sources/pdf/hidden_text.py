"""Text that a file holds and no reader sees: where orders to machines are hidden.

White, transparent or tiny letters, letters drawn off the page, letters under a picture (a picture's own labels are
listed, too: which of both was drawn first is not known), notes, metadata, attachments. Nothing is judged here, and what
is printed white on a dark bar is listed like anything else; who reads captions decides whether one of these gives
orders. Only letters that MuPDF finds in its one interpretation of the page are looked at, so that this costs little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import pymupdf

from journalclip_sources.pdf.document import MUPDF_ERRORS
from journalclip_sources.pdf.geometry import Rect

_TINY: Final = 2.0  # points: smaller than any printed index
_PALE: Final = 0xF0  # of each colour: from here up it prints as paper
_MARGIN: Final = 5.0  # points beyond the page's edge that a careless layout may use
_MOST: Final = 4_000  # characters of one article: an order is shorter
_ATTACHED: Final = 2_000  # bytes of an attachment that are looked at
_PACKED: Final = 1 << 16  # bytes as stored: a longer attachment is not unpacked, since nobody knows to what size
_TOLD: Final = ("title", "subject", "keywords", "author")


def unseen_spans(blocks: Iterable[dict[str, Any]]) -> list[str]:
    """Texts of the spans of structured-text ``blocks`` that leave no mark on paper, joined where they follow."""
    found: list[str] = []
    last = False
    for block in blocks:
        for line in block.get("lines", ()):
            for span in line["spans"]:
                hidden = span["size"] < _TINY or span.get("alpha", 255) == 0 or _is_pale(span["color"])
                blank = span["text"].isspace()
                if hidden and last:
                    found[-1] += f" {span['text']}"
                elif hidden and not blank:
                    found.append(span["text"])
                last = hidden and (last or not blank)
    return found


def _is_pale(colour: int) -> bool:
    return colour >> 16 & 255 >= _PALE and colour >> 8 & 255 >= _PALE and colour & 255 >= _PALE


def off_the_page(page: pymupdf.Page, shown: pymupdf.DisplayList) -> list[str]:
    """Lines outside the page. The text is read again only where anything at all is drawn out there."""
    mupdf, drawn, frame = pymupdf.mupdf, pymupdf.mupdf.FzRect(), Rect(*page.rect).grow(_MARGIN)
    _replay(shown, mupdf.fz_new_bbox_device(drawn))
    if frame.x0 <= drawn.x0 and frame.y0 <= drawn.y0 and drawn.x1 <= frame.x1 and drawn.y1 <= frame.y1:
        return []
    whole = mupdf.FzStextPage(drawn)  # PyMuPDF's own text page ends where the page does
    _replay(shown, mupdf.fz_new_stext_device(whole, mupdf.FzStextOptions()))
    blocks = pymupdf.TextPage(whole).extractBLOCKS()
    return [block[4].strip() for block in blocks if Rect(*block[:4]).clip(frame).area == 0]


def _replay(shown: pymupdf.DisplayList, device: pymupdf.mupdf.FzDevice) -> None:
    mupdf = pymupdf.mupdf
    everywhere = mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE)
    mupdf.fz_run_display_list(shown.this, device, mupdf.FzMatrix(), everywhere, mupdf.FzCookie())
    mupdf.fz_close_device(device)


def under_pictures(lines: Iterable[tuple[Rect, str]], pictures: Sequence[Rect]) -> list[str]:
    """What lies within a picture for the most part, as one text for each picture."""
    inside = [[text for box, text in lines if box.clip(picture).area > box.area / 2] for picture in pictures]
    return [" ".join(texts) for texts in inside if texts]


def unseen_on(page: pymupdf.Page, shown: pymupdf.DisplayList, blocks: Iterable[dict[str, Any]]) -> list[str]:
    """All of a page but what lies under its pictures; what MuPDF cannot read of it is left out."""
    found = unseen_spans(blocks)
    with suppress(*MUPDF_ERRORS):
        found += off_the_page(page, shown)
    with suppress(*MUPDF_ERRORS):
        found += notes(page)
    return found


def beside_the_pages(document: pymupdf.Document) -> list[str]:
    """Metadata and attachments; what MuPDF cannot read of them is left out."""
    found: list[str] = []
    with suppress(*MUPDF_ERRORS):
        found.extend(_beside_the_pages(document))
    return found


def notes(page: pymupdf.Page) -> Iterator[str]:
    """Contents of the page's annotations."""
    for note in page.annots():
        yield " ".join(filter(None, (note.info.get("subject"), note.info.get("content"))))


def _beside_the_pages(document: pymupdf.Document) -> Iterator[str]:
    yield from filter(None, ((document.metadata or {}).get(name) for name in _TOLD))
    for name in document.embfile_names():
        told = document.embfile_info(name)
        yield " ".join(filter(None, (name, told.get("description"))))
        if told.get("length", _PACKED) < _PACKED:
            yield document.embfile_get(name)[:_ATTACHED].decode(errors="ignore")


def bounded(texts: Iterable[str]) -> tuple[str, ...]:
    """Distinct texts of letters, in their order, no more than `_MOST` characters in all."""
    kept: dict[str, None] = {}
    left = _MOST
    for text in texts:
        shown = "".join(letter if letter.isprintable() else " " for letter in text)
        plain = " ".join(shown.split())[:left]
        if len(plain.split()) > 1 and plain not in kept:
            kept[plain] = None
            left -= len(plain)
    return tuple(kept)
