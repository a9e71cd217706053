"""Pictures of any depth as eight bits a channel: grey values by the picture's own range, transparency on white.

A radiologist's PNG or TIFF has 10 to 16 bits a pixel and seldom uses them all; cut to eight bits it is black or white.
So its lowest value becomes black and its highest white, and the reader is told.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from journalclip_inference.errors import ImageRefused

_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_ROWS = 256  # rows that are scaled at once: 256 rows of 50,000 pixels are 51 MB of floats


def eight_bit(image: Image.Image, side: int = 0) -> tuple[Image.Image, str | None]:
    """The picture with eight bits a channel, and what was done to its values, where something was.

    A picture with transparency that is several times larger than ``side`` is made smaller before it is laid on white.
    Raises `ImageRefused` ``image-not-finite`` for values that are no numbers.
    """
    if image.mode not in _DEEP:
        return _on_white(image, side)
    values = np.asarray(image)
    if values.dtype.kind == "f" and not all(np.isfinite(part).all() for part in _parts(values)):
        raise ImageRefused("image-not-finite", "some pixels are not numbers", "Replace NaN and infinite values.")
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
