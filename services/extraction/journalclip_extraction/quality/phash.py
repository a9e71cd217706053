"""A 64-bit perceptual hash: images that look alike have hashes that differ in few bits.

The picture is trimmed of its plain border, reduced to 32 x 32 grey values, and its 64 lowest spatial frequencies
(without the mean) are compared with their median (the pHash of Zauner 2010). Trimming first makes the hash the same for
a crop with and without its margin. An image without structure gets the hash `FEATURELESS`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from journalclip_shared.duplicates import BITS, FEATURELESS

_SIDE = 32
_ROWS = 11  # frequencies in each direction: the 64 lowest lie within
_FLAT = 2.0  # grey levels of standard deviation below which there is only noise
_MARGINS = 8  # page margin, frame, black surround ...: until nothing is left to trim, but not for ever
_BORDER = 12  # grey levels from the corner's colour that still count as border: JPEG noise stays below

Grey = npt.NDArray[np.float32]


def _cosines() -> Grey:
    """The first rows of the 32-point DCT-II, one a frequency."""
    k, n = np.arange(_ROWS)[:, None], np.arange(_SIDE)[None, :]
    return np.cos(np.pi * k * (2 * n + 1) / (2 * _SIDE)).astype(np.float32)


def _lowest() -> npt.NDArray[np.intp]:
    """Flat indexes of the 64 lowest spatial frequencies after the mean."""
    order = sorted((row + column, row, column) for row in range(_ROWS) for column in range(_ROWS))
    return np.array([row * _ROWS + column for _, row, column in order[1 : BITS + 1]])


_DCT = _cosines()
_LOWEST = _lowest()


def phash(image: Image.Image) -> str:
    """16 hexadecimal digits."""
    small = image.convert("L")
    small.thumbnail((256, 256))  # trimming needs no more, and reads every later step from cache
    trimmed = _trim(small)
    grey = np.asarray(trimmed.resize((_SIDE, _SIDE), Image.Resampling.BOX), dtype=np.float32)
    if grey.std() < _FLAT:
        return FEATURELESS
    return f"{_bits(grey):016x}"


def _bits(grey: Grey) -> int:
    spectrum = (_DCT @ grey @ _DCT.T).ravel()[_LOWEST]
    signs = spectrum > np.median(spectrum)
    return int.from_bytes(np.packbits(signs).tobytes(), "big")


def _trim(image: Image.Image) -> Image.Image:
    """Without its plain margins: a black picture on a white margin loses both."""
    for _ in range(_MARGINS):
        grey = np.asarray(image, dtype=np.int16)
        differs = np.abs(grey - grey[0, 0]) > _BORDER
        rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
        if not len(rows) or (len(rows), len(columns)) == grey.shape:
            break
        image = image.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
    return image
