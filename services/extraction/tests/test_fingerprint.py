from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageOps

from journalclip_extraction.quality.fingerprint import fingerprint
from journalclip_extraction.quality.pictures import see
from journalclip_shared.fingerprints import Printed, same_pictures
from journalclip_shared.records.article import Panel


def scan(seed: int, side: int = 320) -> Image.Image:
    """A grey head of random tissue on black: neighbouring seeds share its outline and nothing within."""
    draw = np.random.default_rng(seed)
    tissue = np.zeros((side, side))
    for cells in (8, 20, 48):
        coarse = Image.fromarray(draw.integers(0, 256, (cells, cells), dtype=np.uint8))
        tissue += np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), float)
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    head = (x / 0.42) ** 2 + (y / 0.47) ** 2 < 1
    shown = np.where(head, 30 + tissue / 4, 6) + draw.normal(0, 3, (side, side))
    return Image.fromarray(shown.clip(0, 255).astype(np.uint8))


def printed(name: str, image: Image.Image) -> Printed:
    text = fingerprint(image, see(image, image.size).network)
    assert text is not None
    return Printed(name, text)


def cropped(image: Image.Image) -> Image.Image:
    wide, high = image.size
    return image.crop((round(0.05 * wide), round(0.05 * high), round(0.95 * wide), round(0.95 * high)))


def brighter(image: Image.Image) -> Image.Image:
    return image.point(lambda value: value * 1.2 + 15)


def recompressed(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=40)
    return Image.open(file)


@pytest.mark.parametrize("altered", [cropped, ImageOps.mirror, brighter, recompressed])
def test_an_altered_copy_is_found_and_no_other_slice(altered: Callable[[Image.Image], Image.Image]) -> None:
    slices = [printed(f"slice {seed}", scan(seed)) for seed in range(4)]
    assert list(same_pictures([printed("copy", altered(scan(2))), *slices])) == [("copy", "slice 2")]


def test_a_picture_without_structure_has_none() -> None:
    blank = Image.new("RGB", (200, 200), "white")
    assert fingerprint(blank, see(blank, blank.size).network) is None


def test_documents_take_what_is_made() -> None:
    pattern = Panel.model_json_schema()["properties"]["fingerprint"]["anyOf"][0]["pattern"]
    assert re.match(pattern, printed("a", scan(1)).fingerprint)
