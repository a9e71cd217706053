"""Pictures that we did not write, of any depth, as RGB of eight bits a channel: upright, grey values by the picture's
own range, transparency on white.

A radiologist's PNG or TIFF has 10 to 16 bits a pixel and seldom uses them all; cut to eight bits it is black or white.
So its lowest value becomes black and its highest white. Serving, evaluation suites and the reference of forgetting read
foreign pictures here and nowhere else, so all of them see the same.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_ROWS = 256  # rows that are scaled at once: 256 rows of 50,000 pixels are 51 MB of floats

# Pillow's decoders report damaged files by all of these.
DAMAGED = (
    OSError, ValueError, SyntaxError, IndexError, KeyError, TypeError, EOFError, struct.error, zlib.error,
    Image.DecompressionBombError,
)  # fmt: skip


class NotFinite(ValueError):
    """Some pixels are not numbers."""


class PictureUnreadable(ValueError):
    """A file that is no picture, or a damaged one."""


def read_picture(source: Path | bytes) -> Image.Image:
    """The first frame, RGB. Raises `PictureUnreadable` with the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd tags; a picture that is too large raises
            with Image.open(source if isinstance(source, Path) else BytesIO(source)) as image:
                return plain(image)
    except DAMAGED as error:
        raise PictureUnreadable(str(error) or type(error).__name__) from error


def plain(image: Image.Image) -> Image.Image:
    """An open picture as RGB, upright. Raises `NotFinite`, and what Pillow raises for a damaged one."""
    return eight_bit(ImageOps.exif_transpose(image))[0].convert("RGB")


def eight_bit(image: Image.Image, side: int = 0) -> tuple[Image.Image, str | None]:
    """The picture with eight bits a channel, and what was done to its values, where something was.

    A picture with transparency that is several times larger than ``side`` is made smaller before it is laid on white.

    Raises `NotFinite` for values that are no numbers.
    """
    if image.mode not in _DEEP:
        return _on_white(image, side)
    values = np.asarray(image)
    if values.dtype.kind == "f" and not all(np.isfinite(part).all() for part in _parts(values)):
        raise NotFinite("some pixels are not numbers")
    low, high = float(values.min()), float(values.max())
    scale = 255.0 / (high - low) if high > low else 0.0
    grey = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        part = values[start : start + _ROWS].astype(np.float64)
        grey[start : start + _ROWS] = np.rint((part - low) * scale)
    return Image.fromarray(grey, "L"), f"values {low:g} to {high:g} were shown as black to white"


def _on_white(image: Image.Image, side: int) -> tuple[Image.Image, str | None]:
    """Transparent parts show the page they lie on, and pages are white."""
    if image.mode not in ("RGBA", "LA", "PA", "La", "RGBa") and "transparency" not in image.info:
        return image, None
    above = image if image.mode == "RGBA" else image.convert("RGBA")
    times = max(above.size) // side if side else 1
    if times > 1:  # weighted by opacity, so that what is not seen gives no colour
        above = above.convert("RGBa").reduce(times).convert("RGBA")
    if above.getchannel("A").getextrema() == (255, 255):
        return image, None
    white = Image.new("RGBA", above.size, "white")
    white.alpha_composite(above)
    return white.convert("RGB"), "transparent parts were laid on white"


def _parts(values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [values[start : start + _ROWS] for start in range(0, len(values), _ROWS)]
