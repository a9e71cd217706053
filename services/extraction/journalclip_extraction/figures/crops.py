"""A figure's box -> encoded image bytes, the same bytes every time.

Where the figure is one JPEG, its own stream is passed through untouched; where it is another raster, its own pixels are
encoded; everything else (several images, vectors, words around, masks, turned images) is rendered from the page at the
chosen resolution. Pillow encodes: MuPDF's JPEG encoder takes twelve times as long.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Literal

import pymupdf
from PIL import Image

from journalclip_extraction.article import Crop, ExtractOptions
from journalclip_extraction.geometry import Rect, iou
from journalclip_extraction.page.content import Picture

_WHOLE = 0.97  # IoU of a raster with the figure's box from which the raster is the figure
_JPEG_QUALITY = 90  # artefacts stay below what CLIP's 224 pixels can show, at a third of PNG's size
_POINTS_PER_INCH = 72.0
_MIN_DPI = 36.0  # below it nothing can be read; reached only by pixel caps on posters
_SAFE_MODES = {"L", "RGB"}


def crop(page: pymupdf.Page, box: Rect, pictures: Sequence[Picture], paths: int, options: ExtractOptions) -> Crop:
    """The crop of ``box``; ``pictures`` and ``paths`` are the marks it was made of."""
    if len(pictures) == 1 and paths == 0 and iou(pictures[0].box, box) >= _WHOLE:
        own = _own_raster(page, pictures[0], options)
        if own is not None:
            return own
    return _render(page, box, pictures, options)


def _own_raster(page: pymupdf.Page, picture: Picture, options: ExtractOptions) -> Crop | None:
    """The raster as the file holds it; None where the page shows it masked, turned, cut or in other colours."""
    if picture.width * picture.height > options.max_pixels:
        return None
    shown = [image for image in page.get_image_info(xrefs=True) if iou(Rect(*image["bbox"]), picture.box) > _WHOLE]
    if len(shown) != 1 or not shown[0]["xref"] or shown[0]["has-mask"] or not _upright(shown[0]["transform"]):
        return None
    stored = page.parent.extract_image(shown[0]["xref"])
    if not stored or stored["ext"] not in ("jpeg", "png") or stored.get("smask"):
        return None
    if stored["colorspace"] not in (1, 3):
        return None  # CMYK JPEGs look different in every reader: let the page's own renderer decide
    image = Image.open(io.BytesIO(stored["image"]))
    if image.mode not in _SAFE_MODES:
        return None
    if stored["ext"] == "jpeg":
        return Crop(stored["image"], "image/jpeg", image.width, image.height)
    return _encode(image, "image/png")


def _upright(matrix: Sequence[float]) -> bool:
    a, b, c, d = matrix[:4]
    return a > 0 and d > 0 and abs(b) < 1e-3 * a and abs(c) < 1e-3 * d


def _render(page: pymupdf.Page, box: Rect, pictures: Sequence[Picture], options: ExtractOptions) -> Crop:
    dpi = _resolution(box, pictures, options)
    scale = dpi / _POINTS_PER_INCH
    pixels = page.get_pixmap(
        matrix=pymupdf.Matrix(scale, scale),
        clip=pymupdf.Rect(*box),
        alpha=False,
        annots=False,
        colorspace=pymupdf.csRGB,
    )
    image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
    photographic = bool(pictures) and sum(p.box.area for p in pictures) > 0.5 * box.area
    return _encode(image, "image/jpeg" if photographic else "image/png")


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
        image.save(out, "PNG", compress_level=4)
    return Crop(out.getvalue(), media_type, image.width, image.height)
