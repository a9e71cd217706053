"""Pictures of any depth: by their own range, on white, and refused where they hold no numbers."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from journalclip_inference.errors import ImageRefused
from journalclip_inference.images import ImageLimits, Opened, opened
from journalclip_inference.windowing import eight_bit
from journalclip_modeling import foreign_pictures


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


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "I;16", "F"])
def test_a_large_picture_is_made_small_strip_by_strip_as_if_at_once(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (9, 13), np.uint8)).resize((130, 93), Image.Resampling.BICUBIC)
    image: Image.Image
    if mode in ("I;16", "F"):
        image = Image.fromarray((np.asarray(smooth) * 16.0).astype(np.uint16 if mode == "I;16" else np.float32))
    else:
        clear = Image.merge("RGBA", [smooth, smooth, smooth, Image.fromarray(np.asarray(smooth) // 2 + 100)])
        image = (clear if mode in ("RGBA", "LA") else smooth).convert(mode)
    monkeypatch.setattr(foreign_pictures, "_AT_ONCE", 700)  # some ten strips, the last one shorter
    small, _ = eight_bit(image, 40)
    monkeypatch.undo()
    at_once = eight_bit(image)[0].convert("RGB").reduce(3)
    assert small.size == at_once.size == (44, 31)
    assert np.abs(np.asarray(small.convert("RGB")).astype(int) - np.asarray(at_once)).max() <= 3


def test_turned_pictures_are_upright_and_a_webp_counts_four_times() -> None:
    plain = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        buffer = io.BytesIO()
        plain.save(buffer, "PNG", exif=exif)
        shown = ImageOps.exif_transpose(Image.open(io.BytesIO(buffer.getvalue()))).convert("RGB")
        np.testing.assert_array_equal(np.asarray(opened(buffer.getvalue(), ImageLimits()).image), np.asarray(shown))
    limits = ImageLimits(max_pixels=4 * 100 * 100)
    assert opened(file_of(Image.new("RGB", (100, 100)), "WEBP"), limits).image.size == (100, 100)
    with pytest.raises(ImageRefused, match="10000 are accepted of this format"):
        opened(file_of(Image.new("RGB", (101, 100)), "WEBP"), limits)
