"""A picture's fingerprint: its local contrast on a grid and a code of what the network sees in it.

`journalclip_shared.fingerprints` compares them.

Light and shade wider than some cells are taken away, and what is left is divided by its own strength around each cell,
so that neither brightness nor contrast of a copy matters. Plain light margins are cut off first: they are the page's.
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from journalclip_extraction.quality.network import WIDTH
from journalclip_shared.fingerprints import CODE, SIDE, encode

Grey = npt.NDArray[np.float32]

_LOOK = 256  # pixels of the longer side that are looked at
_PAPER = 235  # grey levels from which a margin is the page's
_FLAT = 2.0  # grey levels of deviation below which there is only noise
_DETAIL, _SHADE = 0.3, 2.0  # cells: what is finer is noise, what is wider is light and shade
_AROUND = 8.0  # cells over which the strength is taken
_LEAST = 0.15  # of the whole map's strength: an empty part stays empty
_STRETCH = 1.2  # levels for a cell of usual strength


def fingerprint(image: Image.Image, features: npt.NDArray[np.float64]) -> str | None:
    """``features``: (1280,) of the network for ``image``. None for a picture without structure."""
    small = image.convert("L")
    small.thumbnail((_LOOK, _LOOK))
    grey = _without_margins(np.asarray(small, np.float32))
    if grey.std() < _FLAT:
        return None
    cells = np.asarray(Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    detail = ndimage.gaussian_filter(cells, _DETAIL) - ndimage.gaussian_filter(cells, _SHADE)
    strength = np.sqrt(ndimage.gaussian_filter(detail * detail, _AROUND)) + _LEAST * detail.std() + 1e-6
    roots = np.sqrt(features)
    return encode((roots - roots.mean()) @ _projection(), _STRETCH * detail / strength)


@functools.cache
def _projection() -> npt.NDArray[np.float64]:
    """(1280, `CODE`) signs, the same on every machine and for ever: stored codes are compared with new ones."""
    drawn = np.frombuffer(hashlib.shake_256(b"journalclip fingerprint").digest(WIDTH * CODE // 8), np.uint8)
    signs: npt.NDArray[np.float64] = np.unpackbits(drawn).reshape(WIDTH, CODE).astype(np.float64) * 2 - 1
    return signs


def _without_margins(grey: Grey) -> Grey:
    inked = grey < _PAPER
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return grey
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
