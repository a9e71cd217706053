"""A figure's box -> encoded image bytes, the same bytes every time.

Where the figure is one sound JPEG, its own stream is passed through untouched; where it is another raster, its own
pixels are encoded; everything else (several images, vectors, words around, masks, turned, clipped or damaged images) is
rendered from the page at the chosen resolution. Pillow encodes: MuPDF's JPEG encoder takes twelve times as long.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Literal

import pymupdf
from PIL import Image

from journalclip_extraction.article import LOOK, Crop, ExtractOptions
from journalclip_sources.pdf.content import Page, Picture
from journalclip_sources.pdf.geometry import Rect, iou
from journalclip_sources.pdf.upright import as_displayed

_WHOLE = 0.97  # IoU of a raster with the figure's box from which the raster is the figure
_JPEG_QUALITY = 90  # artefacts stay below what CLIP's 224 pixels can show, at a third of PNG's size
_PNG_LEVEL = 1  # a quarter of the time of the default level, for a fifth more bytes
_POINTS_PER_INCH = 72.0
_MIN_DPI = 36.0  # below it nothing can be read; reached only by pixel caps on posters
_PLAIN_FILTERS = ("DCTDecode", "FlateDecode", "LZWDecode", "RunLengthDecode", "CCITTFaxDecode", "")
_PLAIN_SPACES = ("DeviceGray", "DeviceRGB", "ICCBased")
_MODES = {1: "L", 3: "RGB"}  # by channels
_TURNED = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


class Cropper:
    """Crops of one document; a page with several figures is interpreted once."""

    def __init__(self, document: pymupdf.Document, options: ExtractOptions) -> None:
        self._document, self._options = document, options
        self._shown: tuple[int, pymupdf.DisplayList] | None = None

    def crop(self, page: Page, box: Rect, pictures: Sequence[Picture], paths: int) -> Crop:
        """The crop of ``box`` of the upright ``page``; ``pictures`` and ``paths`` are the marks it was made of."""
        if len(pictures) == 1 and paths == 0 and iou(pictures[0].box, box) >= _WHOLE:
            own = self._own_raster(page, pictures[0])
            if own is not None:
                return own
        return self._render(page, box, pictures)

    def _own_raster(self, page: Page, picture: Picture) -> Crop | None:
        """The raster as the file holds it; None where the page shows it masked, turned, cut or in other colours."""
        if picture.width * picture.height > self._options.max_pixels or not (picture.upright and picture.whole):
            return None
        stored = self._stored_as(page, picture)
        if stored is None:
            return None
        xref, kind = stored
        if kind != "DCTDecode":
            return self._pixels(xref, picture)
        found = self._document.extract_image(xref)
        # CMYK JPEGs look different in every reader: let the page's own renderer decide.
        if not found or found["ext"] != "jpeg" or found["colorspace"] not in (1, 3) or "Lab" in found["cs-name"]:
            return None
        try:
            image = Image.open(io.BytesIO(found["image"]))
            if image.mode not in ("L", "RGB") or image.size != (picture.width, picture.height):
                return None
            # A damaged stream is no image to hand on. Every code of it is decoded, if at a fraction of the size.
            image.draft(image.mode, (LOOK, LOOK))
            image.load()
        except (OSError, Image.DecompressionBombError):
            return None
        return Crop(found["image"], "image/jpeg", picture.width, picture.height).shown_by(image)

    def _pixels(self, xref: int, picture: Picture) -> Crop | None:
        """The pixels of an image that no JPEG holds; those that a profile describes as they are shown."""
        pixels = pymupdf.Pixmap(self._document, xref)
        space = pixels.colorspace
        if pixels.alpha or space is None or space.n not in _MODES:
            return None
        if not space.name.startswith(_PLAIN_SPACES) or "Lab" in space.name:
            return None  # inks, Lab and the like: let the page's own renderer decide
        if (pixels.width, pixels.height) != (picture.width, picture.height):
            return None
        if space.name.startswith("ICCBased"):
            pixels = pymupdf.Pixmap(pymupdf.csGRAY if space.n == 1 else pymupdf.csRGB, pixels)
        image = Image.frombytes(_MODES[space.n], (pixels.width, pixels.height), pixels.samples_mv)
        return _encode(image, "image/png")

    def _stored_as(self, page: Page, picture: Picture) -> tuple[int, str] | None:
        """The one unmasked image of the page with these pixels and its filter; None where there is none or a choice.

        Asking MuPDF which image was drawn where costs a second interpretation of the page and a digest of every image;
        the page's list of resources costs nothing, and two images of one size are rare enough to be rendered.
        """
        found = {
            (xref, mask, kind)
            for xref, mask, wide, high, _, _, _, _, kind, _ in self._document.get_page_images(
                page.number - 1, full=True
            )
            if (wide, high) == (picture.width, picture.height)
        }
        if len(found) != 1:
            return None
        xref, mask, kind = found.pop()
        if mask or kind not in _PLAIN_FILTERS:
            return None
        plain = all(self._document.xref_get_key(xref, key)[0] == "null" for key in ("Mask", "Decode"))
        return (int(xref), kind) if plain else None

    def _render(self, page: Page, box: Rect, pictures: Sequence[Picture]) -> Crop:
        dpi = _resolution(box, pictures, self._options)
        scale = dpi / _POINTS_PER_INCH
        pixels = self._display_list(page).get_pixmap(
            matrix=pymupdf.Matrix(scale, scale),
            clip=pymupdf.Rect(*as_displayed(box, page)),
            alpha=False,
            colorspace=pymupdf.csRGB,
        )
        image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples_mv)
        if page.turn:
            image = image.transpose(_TURNED[page.turn])
        photographic = bool(pictures) and sum(p.box.area for p in pictures) > 0.5 * box.area
        return _encode(image, "image/jpeg" if photographic else "image/png")

    def _display_list(self, page: Page) -> pymupdf.DisplayList:
        if self._shown is None or self._shown[0] != page.number:
            self._shown = None  # free the last one first: a display list may be large
            shown = self._document.load_page(page.number - 1).get_displaylist(annots=int(page.stamped))
            self._shown = (page.number, shown)
        return self._shown[1]


def _resolution(box: Rect, pictures: Sequence[Picture], options: ExtractOptions) -> float:
    """The asked dpi, or the rasters' own where that is finer (up to twice), within the pixel cap."""
    own = [_POINTS_PER_INCH * p.width / p.box.width for p in pictures if p.box.width > 0]
    dpi = max(float(options.dpi), min(max(own, default=0.0), 2.0 * options.dpi))
    cap = _POINTS_PER_INCH * math.sqrt(options.max_pixels / max(box.area, 1.0))
    return max(_MIN_DPI, min(dpi, cap))


def _encode(image: Image.Image, media_type: Literal["image/jpeg", "image/png"]) -> Crop:
    out = io.BytesIO()
    if media_type == "image/jpeg":
        image.save(out, "JPEG", quality=_JPEG_QUALITY)
    else:
        image.save(out, "PNG", compress_level=_PNG_LEVEL)
    return Crop(out.getvalue(), media_type, image.width, image.height).shown_by(image)
