"""Pictures of any depth: by their own range, on white, and refused where they hold no numbers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from journalclip_inference.errors import ImageRefused
from journalclip_inference.images import ImageLimits, Opened, opened
from journalclip_inference.windowing import eight_bit


def file_of(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def read(image: Image.Image, kind: str = "PNG") -> Opened:
    return opened(file_of(image, kind), ImageLimits())


@pytest.mark.parametrize(("low", "high"), [(0, 4095), (1000, 1400), (0, 65535), (30000, 30001)])
def test_deep_pictures_are_windowed_by_their_own_range(low: int, high: int) -> None:
    shape = np.linspace(0, 1, 40 * 30).reshape(30, 40)
    deep = Image.fromarray((low + shape * (high - low)).round().astype(np.uint16))
    found = read(deep)
    grey = np.asarray(found.image)[..., 0].astype(float)
    assert (grey.min(), grey.max()) == (0, 255)
    assert np.abs(grey / 255 - (shape.round() if high - low == 1 else shape)).max() < 0.02
    assert found.done == f"values {low} to {high} were shown as black to white"


def test_a_picture_looks_the_same_at_every_depth() -> None:
    plain = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for deep in (plain.astype(np.uint16) * 257, plain.astype(np.uint16) * 16, plain.astype(np.int32) + 5000):
        image, _ = eight_bit(Image.fromarray(deep))
        np.testing.assert_array_equal(np.asarray(image), plain)


def test_eight_bits_stay_as_they_are() -> None:
    plain = Image.fromarray(np.full((8, 8), 7, np.uint8))
    found = read(plain)
    assert found.done is None
    assert np.asarray(found.image).max() == 7
    assert read(Image.new("RGBA", (8, 8), (9, 9, 9, 255))).done is None


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_lie_on_white(mode: str) -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    clear.paste((10, 10, 10, 255), (0, 0, 4, 8))
    found = read(clear.convert(mode))
    pixels = np.asarray(found.image)
    assert pixels[0, 7].tolist() == [255, 255, 255]
    assert pixels[0, 0].max() <= 12
    assert found.done == "transparent parts were laid on white"


def test_an_even_deep_picture_is_black() -> None:
    assert np.asarray(read(Image.fromarray(np.full((8, 8), 900, np.uint16))).image).max() == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    pixels = np.zeros((8, 8), np.float32)
    pixels[3, 3] = value
    with pytest.raises(ImageRefused, match="not numbers") as refused:
        read(Image.fromarray(pixels), "TIFF")
    assert refused.value.code == "image-not-finite"


def test_floats_are_scaled() -> None:
    found = read(Image.fromarray(np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)), "TIFF")
    pixels = np.asarray(found.image)
    assert (pixels.min(), pixels.max()) == (0, 255)
