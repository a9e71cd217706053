"""Label maps take the way of their volumes to the grid, exactly, and what is no label map of theirs is refused."""

from __future__ import annotations

import gzip
import warnings
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from journalclip_sources.studies.codec import NORMALISE
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.files import SourceFile, pack
from journalclip_sources.studies.normalise import NormaliseOptions, grid_affine, normalise_study
from journalclip_sources.studies.options import GridOptions

GRID = GridOptions((6, 20, 18), (5.0, 4.0, 4.0))
CENTRE = (3.0, -7.0, 11.0)
PLACE = (9.0, -6.0, 3.0)  # of a tumour, mm from the centre
OPTIONS = NormaliseOptions(("FLAIR",), GRID, CENTRE, labelled=True)
Codes = NDArray[np.uint8]


def written(values: NDArray[np.generic], affine: NDArray[np.float64]) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(nibabel.Nifti1Image(values, affine).to_bytes())


def laid(volume: NDArray[np.generic], labels: NDArray[np.generic], affine: NDArray[np.float64]) -> tuple[Codes, Codes]:
    """Volume and labels on the grid."""
    files = [SourceFile("0.nii", written(volume, affine)), SourceFile("1.nii", written(labels, affine))]
    found = normalise_study(pack(files), OPTIONS)
    assert found.labels is not None
    return voxels(found.volumes[0].nifti), voxels(found.labels)


def voxels(nifti: bytes) -> Codes:
    return np.asarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(nifti)).dataobj, np.uint8)


def parts() -> Codes:
    """A random map of every code that reaches all six faces of the grid."""
    return np.random.default_rng(0).choice(np.array([0, 1, 2, 4], np.uint8), GRID.shape)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_on_the_grid_already_no_label_changes_however_its_axes_run(
    axes: tuple[int, ...], flips: tuple[int, ...]
) -> None:
    affine, labels = grid_affine(GRID, CENTRE), parts()
    turned = np.zeros((4, 4))
    turned[3, 3], turned[:, 3] = 1, affine[:, 3]
    for new, old in enumerate(axes):
        flipped = new in flips
        turned[:3, new] = affine[:3, old] * (-1 if flipped else 1)
        turned[:3, 3] += affine[:3, old] * (GRID.shape[old] - 1) * flipped
    stored = np.flip(labels.transpose(axes), flips)
    _, found = laid(stored.astype(np.float32) * 10 + 1, stored, turned)
    assert (found == labels).all()


def test_an_oblique_and_flipped_map_lands_where_its_volume_shows_it() -> None:
    for turn in range(6):
        angle = 0.15 * turn
        axes = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        axes = np.roll(axes, turn, 1) * np.array([1, -1, 1])[(np.arange(3) + turn) % 3]
        affine = np.eye(4)
        affine[:3, :3] = 2.0 * axes
        affine[:3, 3] = np.array(CENTRE) - affine[:3, :3] @ np.full(3, 24.0)
        i = np.stack(np.meshgrid(*[np.arange(49)] * 3, indexing="ij"), -1)
        world = i @ affine[:3, :3].T + affine[:3, 3]
        away = np.linalg.norm(world - np.add(CENTRE, PLACE), axis=-1)
        labels = np.where(away < 6, 1, np.where(away < 11, 4, 0)).astype(np.uint8)
        picture, found = laid((labels > 0).astype(np.float32), labels, affine)
        seen = picture > picture.max() / 2
        overlap = 2 * (seen & (found > 0)).sum() / (seen.sum() + (found > 0).sum())
        assert overlap > 0.9, (turn, overlap)
        z, row, column = (float(each.mean()) for each in np.nonzero(found == 1))
        at = np.array([-4 * (column - 8.5), -4 * (row - 9.5), 5 * (z - 2.5)])
        assert np.allclose(at, PLACE, atol=2.5), (turn, at)
        assert set(np.unique(found)) == {0, 1, 4}, "no label is mixed of two"


def test_the_newer_code_of_enhancing_tumour_is_read_and_an_empty_map_is_one_without_tumour() -> None:
    affine, volume = grid_affine(GRID, CENTRE), np.random.default_rng(1).normal(size=GRID.shape)
    newer = np.where(parts() == 4, 3, parts())
    assert (laid(volume, newer, affine)[1] == parts()).all()
    assert not laid(volume, np.zeros(GRID.shape, np.uint8), affine)[1].any()


@pytest.mark.parametrize(
    ("labels", "shift", "code"),
    [
        (np.full(GRID.shape, 7, np.uint8), 0, "labels-invalid"),
        (np.full(GRID.shape, 1.5, np.float32), 0, "labels-invalid"),
        (np.full(GRID.shape, -1, np.int16), 0, "labels-invalid"),
        (np.ones((6, 20, 17), np.uint8), 0, "labels-other-grid"),
        (np.ones(GRID.shape, np.uint8), 1, "labels-other-grid"),
    ],
)
def test_what_is_no_map_of_these_volumes_is_refused(labels: NDArray[np.generic], shift: float, code: str) -> None:
    affine, volume = grid_affine(GRID, CENTRE), np.random.default_rng(1).normal(size=GRID.shape)
    moved = affine.copy()
    moved[0, 3] += shift
    files = [SourceFile("0.nii", written(volume, affine)), SourceFile("1.nii", written(labels, moved))]
    with pytest.raises(StudyRefused, match=code):
        normalise_study(pack(files), OPTIONS)


def test_labels_cross_the_sandboxs_pipe_beside_their_volumes() -> None:
    affine, volume = grid_affine(GRID, CENTRE), np.random.default_rng(1).normal(size=GRID.shape)
    files = [SourceFile("0.nii", written(volume, affine)), SourceFile("1.nii", written(parts(), affine))]
    labelled = normalise_study(pack(files), OPTIONS)
    plain = normalise_study(pack(files[:1]), replace(OPTIONS, labelled=False))
    assert plain.labels is None
    for study in (labelled, plain):
        assert NORMALISE.decode(NORMALISE.encode(study)) == study
    with pytest.raises(StudyRefused, match="2 files for 1 sequences"):
        normalise_study(pack(files), replace(OPTIONS, labelled=False))
