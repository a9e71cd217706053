"""Pictures that strangers send: checked before they are decoded, and made small while they are.

The header is read first; only known formats are opened, and a picture that says it has too many pixels is refused
before a single one is decompressed. Decoding stops at the first frame, and a JPEG is decoded at a reduced scale.
"""

from __future__ import annotations

import ctypes
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from anyio import CapacityLimiter
from PIL import ExifTags, Image, UnidentifiedImageError

from journalclip_inference.errors import ImageRefused
from journalclip_inference.windowing import eight_bit

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
# What undoes each orientation that a camera writes; turned are only pictures that are small already.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Where a decoded picture was large, freed memory is given back to the system: glibc keeps it in an arena a thread,
# and a flood of large pictures would stay in all of them. Other C libraries have no such call.
_LARGE = 4_000_000  # pixels
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
_LONG_SIDE = 1024  # an image tower sees a few hundred pixels; more is only held in memory


@dataclass(frozen=True)
class ImageLimits:
    """What is accepted from outside."""

    max_bytes: int = 16_000_000
    max_pixels: int = 50_000_000  # the largest scans of printed pages; 150 MB decoded


class PixelBudget:
    """Pixels that are decoded at one time, over all callers: a flood of large pictures waits, and takes no memory."""

    def __init__(self, pixels: int = 60_000_000, threads: int = 4) -> None:
        self._left = self._all = pixels
        self._freed = threading.Condition()
        self.threads = CapacityLimiter(threads)

    @contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        """Waits until so many are left; one picture that is larger than all of it is decoded alone."""
        wanted = min(pixels, self._all)
        with self._freed:
            self._freed.wait_for(lambda: self._left >= wanted)
            self._left -= wanted
        try:
            yield
        finally:
            with self._freed:
                self._left += wanted
                self._freed.notify_all()


@dataclass(frozen=True)
class Opened:
    """A picture as the model sees it: RGB, upright, small. ``done``: what became of its values, where anything did."""

    image: Image.Image
    done: str | None = None
    pixels: int = 0  # of the file


def open_image(data: bytes, limits: ImageLimits) -> Image.Image:
    """RGB, upright, at most 1,024 pixels on its longer side. Raises `ImageRefused`."""
    return opened(data, limits).image


def opened(data: bytes, limits: ImageLimits, budget: PixelBudget | None = None) -> Opened:
    """As `open_image`, with what is to be told of it. Raises `ImageRefused`."""
    found = _opened(data, limits, budget or PixelBudget())
    if found.pixels > _LARGE and _trim is not None:
        _trim(0)
    return found


def _opened(data: bytes, limits: ImageLimits, budget: PixelBudget) -> Opened:
    if len(data) > limits.max_bytes:
        raise ImageRefused(
            "image-too-large", f"{len(data)} bytes; {limits.max_bytes} are accepted", "Send a smaller one."
        )
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            _check_pixels(image, limits)
            image.draft("RGB", (_LONG_SIDE, _LONG_SIDE))
            with budget.of(_held(image)):
                return _small(image)
    except Image.DecompressionBombError as error:
        raise ImageRefused("image-too-many-pixels", str(error), "Send a smaller one.") from error
    except UnidentifiedImageError as error:
        raise ImageRefused("image-unreadable", "the bytes are no picture of a known format") from error
    except (
        OSError,
        ValueError,
        SyntaxError,
        IndexError,
        KeyError,
        TypeError,
        EOFError,
        struct.error,
        zlib.error,
    ) as error:
        # Pillow's decoders report damaged files by all of these.
        raise ImageRefused("image-unreadable", f"the picture is damaged: {error}") from error


def _small(image: Image.Image) -> Opened:
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    shown, done = eight_bit(image, _LONG_SIDE)
    if shown.mode == "P":
        shown = shown.convert("RGB")
    shown.thumbnail((_LONG_SIDE, _LONG_SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    small = shown.convert("RGB")
    return Opened(small if turn is None else small.transpose(turn), done, image.width * image.height)


def _held(image: Image.Image) -> int:
    """Pixels that decoding holds at one time: WebP's decoder hands its picture on three times."""
    return image.width * image.height * (4 if image.format == "WEBP" else 1)


def _check_pixels(image: Image.Image, limits: ImageLimits) -> None:
    width, height = image.size
    most = limits.max_pixels * width * height // max(1, _held(image))
    if width * height > most:
        reason = f"{width} x {height} pixels; {most} are accepted of this format"
        raise ImageRefused("image-too-many-pixels", reason, "Send a smaller one.")
