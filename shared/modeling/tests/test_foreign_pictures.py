"""Foreign pictures of every depth and orientation, read in one place; and chances by a model's own objective."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from journalclip_modeling.encoder import chances
from journalclip_modeling.family import Learned
from journalclip_modeling.foreign_pictures import PictureUnreadable, read_picture


def file_of(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def test_deep_grey_values_are_shown_by_their_own_range() -> None:
    ramp = np.linspace(500, 900, 64).astype(np.uint16).reshape(8, 8)
    found = np.asarray(read_picture(file_of(Image.fromarray(ramp))))
    assert found.shape == (8, 8, 3)
    assert (found.min(), found.max()) == (0, 255)


def test_transparency_lies_on_white_and_turned_pictures_are_upright(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert read_picture(file_of(clear)).getpixel((0, 0)) == (255, 255, 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    path = tmp_path / "a.JPEG"
    path.write_bytes(file_of(Image.new("RGB", (20, 10)), "JPEG", exif=exif))
    assert read_picture(path).size == (10, 20)


@pytest.mark.parametrize("data", [b"", b"text", file_of(Image.new("RGB", (40, 40)))[:60]])
def test_what_is_no_picture_says_so(data: bytes) -> None:
    with pytest.raises(PictureUnreadable):
        read_picture(data)


def test_chances_follow_the_models_objective() -> None:
    cosines = np.array([[0.3, 0.1], [-0.2, -0.3]], np.float32)
    soft = chances(cosines, Learned("softmax", np.log(10.0), None))
    np.testing.assert_allclose(soft.sum(1), 1, atol=1e-6)
    assert soft[0, 0] == pytest.approx(1 / (1 + np.exp(-2)))
    each = chances(cosines, Learned("sigmoid", np.log(10.0), -1.0))
    np.testing.assert_allclose(each, 1 / (1 + np.exp(1 - 10 * cosines)), rtol=1e-5)
    assert each[1].sum() < 0.2, "no label fits, and the model may say so"
