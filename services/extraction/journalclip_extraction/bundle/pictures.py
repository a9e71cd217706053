"""Pictures beside an article: decoded within limits, encoded as crops are, and compared by looks."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import pymupdf
from PIL import Image, ImageSequence

from journalclip_extraction.article import Crop, ExtractOptions
from journalclip_extraction.quality.phash import phash
from journalclip_shared.duplicates import hamming
from journalclip_sources.package.kinds import kind_of
from journalclip_sources.pdf.document import MUPDF_ERRORS

_LEAST_SIDE = 200  # pixels: thumbnails are smaller
_SAME_LOOKS = 12  # bits of 64: the XML already says that it is this figure; two drawings that differ lie at 32
_SAME_SHAPE = 0.08  # relative difference of width over height
_MAX_DECODED = 120_000_000  # pixels of one picture
BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError, *MUPDF_ERRORS)


def best_rendition(pictures: Sequence[tuple[str, bytes]], options: ExtractOptions) -> tuple[str, Crop] | None:
    """Name and crop of the sharpest of several renditions; None where none can be read or all are thumbnails."""
    decoded = [(name, data, image) for name, data in pictures if (image := _open(data)) is not None]
    large = [each for each in decoded if max(each[2].size) >= _LEAST_SIDE]
    if not large:
        return None
    name, data, image = max(large, key=lambda each: (each[2].width * each[2].height, kind_of(each[1]) != "jpeg"))
    crop = _encode(data, image, options)
    return (name, crop) if crop else None


def same_picture(first: Crop, second: Crop) -> bool:
    """Do two crops show the same, whatever their size and margins?"""
    one, other = (Image.open(io.BytesIO(each.data)) for each in (first, second))
    shapes = sorted((one.width / one.height, other.width / other.height))
    if shapes[1] / shapes[0] - 1 > _SAME_SHAPE and not _trims_alike(one, other):
        return False
    return hamming(phash(one), phash(other)) <= _SAME_LOOKS


def sharper(package: Crop, page_pixels: float) -> bool:
    """Has the package's picture more pixels than the page's? Equal ones are the package's: nothing resampled it."""
    return max(package.width, package.height) >= 0.98 * page_pixels


def part_of(crop: Crop, box: tuple[float, float, float, float]) -> Crop | None:
    """A part of a picture; ``box`` in shares of its width and height."""
    image = Image.open(io.BytesIO(crop.data))
    x0, y0, x1, y1 = (round(share * side) for share, side in zip(box, (*image.size, *image.size), strict=True))
    if x1 - x0 < 1 or y1 - y0 < 1:
        return None
    return saved(image.crop((x0, y0, x1, y1)), lossy=crop.media_type == "image/jpeg")


def _trims_alike(one: Image.Image, other: Image.Image) -> bool:
    return hamming(phash(one), phash(other)) <= _SAME_LOOKS // 2


def _open(data: bytes) -> Image.Image | None:
    """The picture's header is read; its pixels are not yet."""
    try:
        if kind_of(data) == "pdf":
            return _rendered(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd TIFF tags, and sizes that are checked below
            image = Image.open(io.BytesIO(data))
    except BROKEN:
        return None
    return image if image.width * image.height <= _MAX_DECODED else None


def _rendered(data: bytes) -> Image.Image | None:
    """A figure that is a PDF of one page, at print's resolution."""
    with pymupdf.open(stream=data, filetype="pdf") as document:
        if document.needs_pass or document.page_count != 1:
            return None
        page = document[0]
        dpi = min(300.0, 72 * 3000 / max(page.rect.width, page.rect.height, 1.0))
        pixels = page.get_pixmap(dpi=max(36, round(dpi)), alpha=False, colorspace=pymupdf.csRGB)
        return Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)


def _encode(data: bytes, image: Image.Image, options: ExtractOptions) -> Crop | None:
    kind = kind_of(data)
    try:
        if kind == "jpeg" and image.mode in ("L", "RGB") and image.width * image.height <= options.max_pixels:
            image.draft(image.mode, (image.width // 8, image.height // 8))
            size = Image.open(io.BytesIO(data)).size
            image.load()  # a damaged stream is no picture
            return Crop(data, "image/jpeg", *size)
        return saved(_plain(next(iter(ImageSequence.Iterator(image))), options), lossy=kind == "jpeg")
    except BROKEN:
        return None


def _plain(image: Image.Image, options: ExtractOptions) -> Image.Image:
    """In grey or RGB of 8 bits on white, within the pixel cap."""
    if image.mode.startswith(("I", "F")):
        low, high = image.getextrema()
        span = max(float(high) - float(low), 1.0)  # type: ignore[arg-type]
        image = image.convert("F").point(lambda value: (value - float(low)) * (255.0 / span)).convert("L")  # type: ignore[arg-type]
    elif image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        image = Image.alpha_composite(white, clear).convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    if image.width * image.height > options.max_pixels:
        scale = (options.max_pixels / (image.width * image.height)) ** 0.5
        image = image.resize((int(image.width * scale), int(image.height * scale)), Image.Resampling.LANCZOS)
    return image


def saved(image: Image.Image, *, lossy: bool) -> Crop:
    out = io.BytesIO()
    if lossy:
        image.save(out, "JPEG", quality=92)
    else:
        image.save(out, "PNG", compress_level=1)
    return Crop(out.getvalue(), "image/jpeg" if lossy else "image/png", image.width, image.height)
