"""Altered copies of a scan's slices: how many are found, and how many slices of the scan are taken for one another.

The slices lie ``step`` voxels apart along the third axis, within the middle of the volume, with some noise of their
own. Each is cropped, mirrored, made brighter or darker, and compressed again; what is drawn is fixed by ``seed``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from journalclip_extraction.quality.fingerprint import fingerprint
from journalclip_extraction.quality.phash import phash
from journalclip_extraction.quality.pictures import see
from journalclip_shared.duplicates import Hashed
from journalclip_shared.fingerprints import Printed
from journalclip_shared.ids import Json
from journalclip_shared.leaks import Alike, alike

_CROP = 0.05
_NOISE = 0.03  # of the brightest
_QUALITY = 30

Alteration = Callable[[Image.Image, np.random.Generator], Image.Image]


def _cropped(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    """By 5 % at each side, or by up to 5 % at each, whichever is drawn."""
    shares = draw.uniform(0, _CROP, 4) if draw.random() < 0.5 else np.full(4, _CROP)
    wide, high = image.size
    left, top, right, below = (round(share * side) for share, side in zip(shares, (wide, high) * 2, strict=True))
    return image.crop((left, top, wide - right, high - below))


def _brightened(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    gain, shift = draw.uniform(0.75, 1.3), draw.uniform(-15, 25)
    return image.point(lambda value: value * gain + shift)


def _recompressed(image: Image.Image, _draw: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return Image.open(file)


ALTERATIONS: Mapping[str, Alteration] = {
    "crop of 5 %": _cropped,
    "mirror": lambda image, _draw: ImageOps.mirror(image),
    "brightness": _brightened,
    "recompression": _recompressed,
    "half size": lambda image, _draw: image.resize((image.width // 2, image.height // 2)),
}


def slices_of(volume: Path, count: int, step: int, draw: np.random.Generator) -> list[Image.Image]:
    """Up to ``count`` grey pictures. Raises ValueError where the volume has fewer than two."""
    voxels = np.asarray(nibabel.load(volume).dataobj, np.float32)  # type: ignore[attr-defined]
    voxels = voxels / max(float(np.percentile(voxels, 99.5)), 1e-6)
    depth = voxels.shape[2]
    places = range(depth // 8, depth - depth // 12, step)[:count]
    if len(places) < 2:
        raise ValueError(f"{volume}: {len(places)} slices at this step")
    return [_picture(voxels[:, :, place], draw) for place in places]


def _picture(plane: npt.NDArray[np.float32], draw: np.random.Generator) -> Image.Image:
    shown = np.clip(plane.T[::-1] + draw.normal(0, _NOISE, plane.T.shape), 0, 1)
    return Image.fromarray((shown * 255).astype(np.uint8))


def bench_duplicates(volume: Path, count: int, step: int, seed: int) -> dict[str, Json]:
    """By alteration: copies found by hash, by fingerprint, by either; and of all pairs of slices those joined."""
    draw = np.random.default_rng(seed)
    slices = slices_of(volume, count, step, draw)
    own = [_looked_at(f"slice {place:03}", image) for place, image in enumerate(slices)]
    found: dict[str, Json] = {}
    for name, alter in ALTERATIONS.items():
        copies = [_looked_at(f"copy {place:03}", alter(image, draw)) for place, image in enumerate(slices)]
        # One copy at a time, so that no chain of other copies joins it to its slice.
        pairs = [_joined([mine, copy]) for mine, copy in zip(own, copies, strict=True)]
        found[name] = {
            "by_hash": sum(bool(each.near) for each in pairs),
            "by_fingerprint": sum(bool(each.altered) for each in pairs),
            "by_either": sum(bool(each.near or each.altered) for each in pairs),
        }
    false = _joined(own)
    return {
        "volume": volume.name,
        "slices": len(slices),
        "step": step,
        "found": found,
        "pairs_of_slices": len(slices) * (len(slices) - 1) // 2,
        "false_by_hash": _pairs(false.near),
        "false_by_fingerprint": _pairs(false.altered),
    }


def _looked_at(name: str, image: Image.Image) -> tuple[Hashed, Printed | None]:
    printed = fingerprint(image, see(image, image.size).network)
    return Hashed(name, phash(image)), Printed(name, printed) if printed else None


def _joined(items: list[tuple[Hashed, Printed | None]]) -> Alike:
    return alike([hashed for hashed, _ in items], [printed for _, printed in items if printed])


def _pairs(clusters: Sequence[Set[str]]) -> int:
    return sum(len(group) * (len(group) - 1) // 2 for group in clusters)
