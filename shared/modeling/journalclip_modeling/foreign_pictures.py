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
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_CLEAR = ("RGBA", "LA", "PA", "La", "RGBa")
_AT_ONCE = 1 << 20  # pixels that are converted at once: 8 MB of floats

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

    A picture that is several times larger than ``side`` is made smaller on the way, strip by strip: beside the decoded
    picture itself a few megabytes are held, whatever its mode. Raises `NotFinite` for values that are no numbers.
    """
    image.load()
    times = max(image.size) // side if side else 1
    if image.mode in _DEEP:
        return _windowed(image, max(1, times))
    if image.mode in _CLEAR or "transparency" in image.info:
        return _on_white(image, max(1, times))
    return (_in_strips(image, times, "RGB", lambda part: part.convert("RGB")), None) if times > 1 else (image, None)


def full_range(image: Image.Image) -> Image.Image:
    """RGB whose darkest value is black and whose brightest is white, by one scale for all channels.

    What is compared by looks goes through here, stored pictures and queries alike: a deep picture is shown by its own
    range, and would else be another picture than the same one that was stored with fewer bits and less contrast.
    """
    rgb = image.convert("RGB")
    values = np.asarray(rgb)
    low, high = int(values.min()), int(values.max())
    if (low, high) == (0, 255) or high == low:
        return rgb
    scaled = [min(255, max(0, round((value - low) * 255 / (high - low)))) for value in range(256)]
    return rgb.point(scaled * 3)


def _windowed(image: Image.Image, times: int) -> tuple[Image.Image, str]:
    low, high = np.inf, -np.inf
    for part in _strips(image, times):
        values = np.asarray(part)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise NotFinite("some pixels are not numbers")
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    scale = 255.0 / (high - low) if high > low else 0.0

    def grey(part: Image.Image) -> Image.Image:
        values = (np.asarray(part).astype(np.float64) - low) * scale
        return Image.fromarray(np.rint(values).astype(np.uint8), "L")

    shown = _in_strips(image, times, "L", grey)
    return shown, f"values {low:g} to {high:g} were shown as black to white"


def _on_white(image: Image.Image, times: int) -> tuple[Image.Image, str | None]:
    """Transparent parts show the page they lie on, and pages are white. Made smaller, colours are weighted by opacity,
    so that what is not seen gives none."""
    opaque = True

    def weighted(part: Image.Image) -> Image.Image:
        nonlocal opaque
        above = part.convert("RGBA")
        opaque = opaque and above.getchannel("A").getextrema() == (255, 255)
        return above.convert("RGBa") if times > 1 else above

    above = _in_strips(image, times, "RGBa" if times > 1 else "RGBA", weighted).convert("RGBA")
    if opaque:
        return above.convert("RGB"), None
    white = Image.new("RGBA", above.size, "white")
    white.alpha_composite(above)
    return white.convert("RGB"), "transparent parts were laid on white"


def _in_strips(image: Image.Image, times: int, mode: str, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """The picture after ``change``, as many times smaller: mean of squares, as `Image.reduce` takes it."""
    made = Image.new(mode, (-(-image.width // times), -(-image.height // times)))
    top = 0
    for part in _strips(image, times):
        changed = change(part)
        small = changed.reduce(times) if times > 1 else changed
        made.paste(small, (0, top))
        top += small.height
    return made


def _strips(image: Image.Image, times: int) -> Iterator[Image.Image]:
    """Whole rows from top to bottom, a multiple of ``times`` each but the last."""
    rows = times * max(1, _AT_ONCE // (times * image.width))
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(image.height, top + rows)))
