import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from journalclip_extraction.quality import phash
from journalclip_shared.duplicates import FEATURELESS, hamming

# Unrelated hashes differ in 32 of 64 bits, give or take 4; what share of real figures stays within the much stricter
# `NEAR` under each kind of noise is measured in docs/benchmarks/duplicates.md.
ALIKE = 12


def blobs(seed: int, side: int = 240) -> Image.Image:
    """A random smooth picture, unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


seeds = st.integers(0, 10_000)


@given(seeds, st.sampled_from([0.3, 0.5, 0.8, 1.7]))
def test_size_is_of_no_account(seed: int, scale: float) -> None:
    image = blobs(seed)
    side = int(image.width * scale)
    assert hamming(phash(image), phash(image.resize((side, side), Image.Resampling.LANCZOS))) <= ALIKE


@given(seeds, st.integers(40, 95))
def test_jpeg_is_of_no_account(seed: int, quality: int) -> None:
    file = io.BytesIO()
    blobs(seed).save(file, "JPEG", quality=quality)
    assert hamming(phash(blobs(seed)), phash(Image.open(file))) <= ALIKE


@given(seeds, st.integers(1, 40), st.sampled_from([0, 255]))
def test_a_plain_margin_is_of_no_account(seed: int, margin: int, colour: int) -> None:
    image = ImageOps.expand(blobs(seed), 3, 128)
    assert hamming(phash(image), phash(ImageOps.expand(image, margin, colour))) <= ALIKE


@given(seeds, seeds)
def test_other_pictures_are_far(first: int, second: int) -> None:
    if first != second:
        assert hamming(phash(blobs(first)), phash(blobs(second))) > ALIKE


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_is_read(mode: str) -> None:
    assert len(phash(blobs(1).convert(mode))) == 16


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (40, 40)])
def test_a_blank_image_has_no_features(size: tuple[int, int]) -> None:
    assert phash(Image.new("RGB", size, "white")) == FEATURELESS
