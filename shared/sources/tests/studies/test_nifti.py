"""NIfTI at its edges: four dimensions, oblique axes, no orientation, no numbers, the other byte order, bombs."""

from __future__ import annotations

import gzip
import warnings

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.nifti import is_nifti, read_nifti
from journalclip_sources.studies.normalise import on_grid
from journalclip_sources.studies.options import GridOptions
from journalclip_sources.studies.volume import Volume, to_nifti

RNG = np.random.default_rng(0)
PLAIN = RNG.normal(size=(6, 7, 8)).astype(np.float32)


def written(
    values: NDArray[np.generic], affine: NDArray[np.float64] | None = None, kind: type = nibabel.Nifti1Image
) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(kind(values, np.eye(4) if affine is None else affine).to_bytes())


def test_plain_zipped_and_second_version_are_read() -> None:
    for data in (written(PLAIN), gzip.compress(written(PLAIN)), written(PLAIN, kind=nibabel.Nifti2Image)):
        assert is_nifti(data)
        assert np.allclose(read_nifti(data).voxels, PLAIN)


def test_the_other_byte_order_gives_the_same_volume() -> None:
    image = nibabel.Nifti1Image(PLAIN, np.eye(4)).as_reoriented(np.array([[0, 1], [1, 1], [2, 1]]))
    swapped = nibabel.Nifti1Image(PLAIN.astype(">f4"), np.eye(4), image.header.as_byteswapped(">"))
    data = swapped.to_bytes()
    assert data[:4] == (348).to_bytes(4, "big")
    assert np.allclose(read_nifti(data).voxels, PLAIN)


def test_a_fourth_dimension_of_one_is_none_and_more_need_b_values() -> None:
    assert read_nifti(written(PLAIN[..., None])).voxels.shape == PLAIN.shape
    four = np.stack([PLAIN, PLAIN + 10, PLAIN + 20], -1)
    with pytest.raises(StudyRefused, match="nifti-4d: 3 volumes"):
        read_nifti(written(four))
    with pytest.raises(StudyRefused, match="nifti-4d"):
        read_nifti(written(four), (0.0, 1000.0))  # of another number of volumes
    assert np.allclose(read_nifti(written(four), (0.0, 1000.0, 1000.0)).voxels, PLAIN + 15, atol=1e-5)


def test_without_an_orientation_left_and_right_are_unknown() -> None:
    image = nibabel.Nifti1Image(PLAIN, None)
    image.header["sform_code"] = image.header["qform_code"] = 0
    with pytest.raises(StudyRefused, match="nifti-no-orientation"):
        read_nifti(bytes(image.to_bytes()))


@pytest.mark.parametrize("row", [bytes(16), np.full(4, np.nan, "<f4").tobytes()])
def test_an_sform_that_is_no_orientation_is_refused(row: bytes) -> None:
    raw = bytearray(written(PLAIN))  # nibabel itself writes no such affine, so the header's bytes are changed
    assert raw[312:328] == np.array([0, 0, 1, 0], "<f4").tobytes(), "srow_z of the sform"
    raw[312:328] = row
    with pytest.raises(StudyRefused, match="nifti-"):
        read_nifti(bytes(raw))


def test_few_values_that_are_none_are_background_and_many_a_broken_file() -> None:
    holed = PLAIN.copy()
    holed[0] = np.nan
    assert (read_nifti(written(holed)).voxels[0] == 0).all()
    holed[:5] = np.nan
    with pytest.raises(StudyRefused, match="nifti-not-finite"):
        read_nifti(written(holed))
    infinite = PLAIN.copy()
    infinite[0, 0, 0] = np.inf
    with pytest.raises(StudyRefused, match="nifti-not-finite"):
        read_nifti(written(infinite))


def test_an_oblique_volume_lands_where_it_lies() -> None:
    """A bright block is put at one place of the world under many orientations; the grid shows it there each time."""
    grid, place = GridOptions((16, 24, 24), (6.0, 6.0, 6.0)), np.array([20.0, -12.0, 18.0])
    for turn in range(6):
        angle = 0.13 * turn
        axes = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        axes = np.roll(axes, turn, 1) * np.array([1, -1, 1])[(np.arange(3) + turn) % 3]
        affine = np.eye(4)
        affine[:3, :3] = 3.0 * axes
        affine[:3, 3] = -affine[:3, :3] @ np.full(3, 24.0)
        world = np.stack(Volume(np.zeros((49, 49, 49), np.float32), affine).world(), -1)
        block = (np.linalg.norm(world - place, axis=-1) < 10).astype(np.float32)
        laid = on_grid(read_nifti(written(block, affine)), grid, (0.0, 0.0, 0.0), "T2WI")
        z, row, column = (float(each.mean()) for each in np.nonzero(laid > 120))
        found = np.array([-6 * (column - 11.5), -6 * (row - 11.5), 6 * (z - 7.5)])
        assert np.allclose(found, place, atol=4), (turn, found)


def test_broken_files_are_refused() -> None:
    whole = written(PLAIN)
    for data in (whole[:200], whole[:400], b"", b"no nifti", gzip.compress(whole)[:-20], b"\x1f\x8b" + bytes(30)):
        with pytest.raises(StudyRefused):
            read_nifti(data)


def test_a_bomb_is_stopped_by_its_header_before_it_is_unpacked() -> None:
    image = nibabel.Nifti1Image(PLAIN, np.eye(4))
    header = bytearray(image.to_bytes()[:352])
    header[40:56] = np.array([3, 32000, 32000, 32000, 1, 1, 1, 1], "<i2").tobytes()
    with pytest.raises(StudyRefused, match="volume-too-large"):
        read_nifti(gzip.compress(bytes(header) + bytes(10_000_000)))


def test_what_is_written_holds_no_word_and_is_the_same_each_time() -> None:
    image = nibabel.Nifti1Image(PLAIN, np.eye(4))
    image.header["descrip"] = b"DOE JOHN"
    volume = read_nifti(bytes(image.to_bytes()))
    data = to_nifti(volume.voxels, volume.affine)
    assert data == to_nifti(volume.voxels, volume.affine)
    assert b"DOE" not in gzip.decompress(data)
