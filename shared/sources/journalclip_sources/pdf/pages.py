"""One page of a PDF as a picture, drawn in the sandbox: what a reader sees beside a figure that was cut from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pymupdf

from journalclip_shared.errors import PermanentError
from journalclip_sources.pdf.document import MUPDF_ERRORS, open_pdf
from journalclip_sources.sandbox import Cell, Limits
from journalclip_sources.sandbox.codec import child_error
from journalclip_sources.sandbox.frames import BadFrames
from journalclip_sources.sandbox.limits import MIB

DPI = 110  # the page's script knows it as well (web/static/page.js): it turns pixels into points
_LARGEST = 3_000  # points: a page this large is no journal page
_PNG = b"\x89PNG\r\n\x1a\n"
_LIMITS = Limits(output_bytes=20 * MIB)  # a page is about one megabyte


@dataclass(frozen=True)
class DrawOptions:
    """Which page, from 1."""

    page: int


def draw_page(data: bytes, options: DrawOptions) -> bytes:
    """PNG. Raises `PermanentError` ``page-undrawable`` and what `open_pdf` raises."""
    document = open_pdf(data)
    if not 1 <= options.page <= document.page_count:
        raise _undrawable(f"page {options.page} of {document.page_count}")
    try:
        page = document[options.page - 1]
        if max(page.rect.width, page.rect.height) > _LARGEST:
            raise _undrawable(f"page {options.page} is larger than {_LARGEST} points")
        drawn: bytes = page.get_pixmap(dpi=DPI, alpha=False, colorspace=pymupdf.csRGB).tobytes("png")
    except MUPDF_ERRORS as error:
        raise _undrawable(f"page {options.page}: {error}") from error
    return drawn


def _undrawable(reason: str) -> PermanentError:
    return PermanentError("page-undrawable", reason, "Open the PDF.")


class PageCodec:
    """How a page crosses the sandbox's pipe: a frame of JSON, and the picture."""

    def encode_options(self, options: DrawOptions) -> bytes:
        return json.dumps({"page": options.page}).encode()

    def decode_options(self, data: bytes) -> DrawOptions:
        return DrawOptions(int(json.loads(data)["page"]))

    def encode(self, result: bytes) -> list[bytes]:
        return [b"{}", result]

    def decode(self, frames: Sequence[bytes]) -> bytes | PermanentError:
        """Raises `BadFrames`."""
        try:
            head = json.loads(frames[0]) if frames else None
        except ValueError as error:
            raise BadFrames("the answer is no JSON") from error
        told = head.get("error") if isinstance(head, dict) else None
        if isinstance(told, list) and len(told) == 3 and all(isinstance(each, str) for each in told):
            return child_error(*told)
        if head != {} or len(frames) != 2 or not frames[1].startswith(_PNG):
            raise BadFrames("the answer is neither a page nor an error")
        return frames[1]


PAGES = PageCodec()


def drawing(limits: Limits = _LIMITS) -> Cell[DrawOptions, bytes]:
    """`draw_page` in a confined child a page."""
    return Cell(limits, "journalclip_sources.pdf.pages:draw_page", PAGES, "journalclip_sources.pdf.pages:PAGES")
