"""Volumes on the model's grid: RAS, one spacing, centred on the brain, brightness 0 to 255.

All sequences of a study are laid on one grid by their scanner coordinates, so a voxel is the same place in each; sides
are never mixed up, since the affine decides and not the order of a file. Slices run upwards, rows from front to back,
columns from the patient's right to left. A label map takes the same way by nearest neighbour: no label is ever mixed of
two. Runs in the sandbox's child.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, gaussian_filter

from journalclip_shared.records.report import SequenceName
from journalclip_sources.studies.deidentify.face import find_head
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.files import unpack
from journalclip_sources.studies.labels import read_labels
from journalclip_sources.studies.nifti import read_nifti
from journalclip_sources.studies.options import GridOptions
from journalclip_sources.studies.volume import Volume, adc_factor, to_nifti

_ADC_TOP = 3.0e-3  # mm2/s: free water; above it a map holds noise
_TIMES = 2.4  # a lesion's brightness over brain, in units of brain over background: DWI and contrast reach about 2
_SPREADS = 6.0
Grid = NDArray[np.uint8]


@dataclass(frozen=True)
class NormaliseOptions:
    """``sequences`` names the packed volumes in their order; ``centre`` is the brain's, RAS mm, where it is known.

    ``labelled``: a label map follows the volumes.
    """

    sequences: tuple[SequenceName, ...]
    grid: GridOptions = field(default_factory=GridOptions)
    centre: tuple[float, float, float] | None = None
    labelled: bool = False


@dataclass(frozen=True)
class GridVolume:
    """One sequence; ``nifti`` holds uint8 [slices, rows, columns] with the affine of that order."""

    sequence: SequenceName
    nifti: bytes = field(repr=False)


@dataclass(frozen=True)
class NormalisedStudy:
    """In the order asked for; ``labels`` is the label map on the same grid, NIfTI too, None where none was given."""

    volumes: tuple[GridVolume, ...]
    labels: bytes | None = field(default=None, repr=False)


def normalise_study(data: bytes, options: NormaliseOptions) -> NormalisedStudy:
    """From `files.pack`'s bytes, one NIfTI a sequence. Raises `StudyRefused`."""
    files, count = unpack(data), len(options.sequences)
    if len(files) != count + options.labelled:
        raise StudyRefused("study-archive-invalid", f"{len(files)} files for {count} sequences")
    volumes = [read_nifti(file.data) for file in files[:count]]
    labels = read_labels(files[count].data, volumes) if options.labelled else None
    centre = options.centre or brain_centre(volumes)
    affine, done = grid_affine(options.grid, centre), []
    for sequence, volume in zip(options.sequences, volumes, strict=True):
        voxels = on_grid(volume, options.grid, centre, sequence)
        done.append(GridVolume(sequence, to_nifti(voxels, affine)))
    laid = None if labels is None else to_nifti(labels_on_grid(labels, options.grid, centre), affine)
    return NormalisedStudy(tuple(done), laid)


def brain_centre(volumes: list[Volume]) -> tuple[float, float, float]:
    """Of the first volume that shows a brain; else the middle of the first volume."""
    found = []
    for head in map(find_head, volumes):  # a second of work each: no further one once a brain is found
        if head is not None:
            found.append(head)
            if head.brain:
                return head.centre
    if found:
        return found[0].centre
    middle = volumes[0].affine @ np.array([*(side / 2 for side in volumes[0].voxels.shape), 1.0])
    return float(middle[0]), float(middle[1]), float(middle[2])


def grid_affine(grid: GridOptions, centre: tuple[float, float, float]) -> NDArray[np.float64]:
    """From (slice, row, column) to RAS millimetres."""
    slices, rows, columns = grid.shape
    dz, dy, dx = grid.spacing_mm
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = dz, -dy, -dx, 1
    affine[:3, 3] = (
        centre[0] + dx * (columns - 1) / 2, centre[1] + dy * (rows - 1) / 2, centre[2] - dz * (slices - 1) / 2,
    )  # fmt: skip
    return affine


def on_grid(volume: Volume, grid: GridOptions, centre: tuple[float, float, float], sequence: SequenceName) -> Grid:
    """uint8 [slices, rows, columns]."""
    matrix = _to_source(volume, grid, centre)
    steps = np.linalg.norm(matrix[:3, :3], axis=1)  # source voxels a grid step takes along each source axis
    sigma = [0.42 * step if step > 1.3 else 0.0 for step in steps]  # against aliasing, where the grid is coarser
    smooth = gaussian_filter(volume.voxels, sigma) if any(sigma) else volume.voxels
    base = float(np.percentile(volume.voxels, 1))
    laid = affine_transform(smooth, matrix[:3, :3], matrix[:3, 3], output_shape=grid.shape, order=1, cval=base)
    return brightness(laid, base, sequence)


def labels_on_grid(labels: Volume, grid: GridOptions, centre: tuple[float, float, float]) -> Grid:
    """uint8 [slices, rows, columns]: the label at the middle of each voxel of the grid, background outside the map."""
    matrix = _to_source(labels, grid, centre)
    laid: Grid = affine_transform(
        labels.voxels.astype(np.uint8), matrix[:3, :3], matrix[:3, 3], output_shape=grid.shape, order=0,
        mode="grid-constant",  # else rounding of the affine may lose the outermost voxels
    )  # fmt: skip
    return laid


def _to_source(volume: Volume, grid: GridOptions, centre: tuple[float, float, float]) -> NDArray[np.float64]:
    """From the grid's indices to the volume's."""
    return np.linalg.inv(volume.affine) @ grid_affine(grid, centre)


def brightness(values: NDArray[np.float32], base: float, sequence: SequenceName) -> Grid:
    """Background to 0; the brain's median to `_MIDDLE`, and so linear that nothing a reader calls a lesion is cut.

    The scale comes from the middle of the grid, where the brain lies, by its median m and its robust spread s (1.48
    times the median absolute deviation). The top is m + max(`_SPREADS` s, `_TIMES` (m - base)): a lesion twice as
    bright as brain keeps its contrast, and noise does not reach the top. ADC is laid by its unit. Raises
    `StudyRefused` ``volume-empty``.
    """
    if sequence == "ADC":
        base, top = 0.0, _ADC_TOP / _adc_factor(values)
    else:
        middle, spread = _brain(values, base)
        top = middle + max(_SPREADS * spread, _TIMES * (middle - base))
    if not top > base:
        raise StudyRefused("volume-empty", "nothing of the head lies on the grid")
    scaled: Grid = np.clip((values - base) / (top - base) * 255, 0, 255).round().astype(np.uint8)
    return scaled


def _brain(values: NDArray[np.float32], base: float) -> tuple[float, float]:
    """Median and robust spread of tissue in the middle half of the grid; of all tissue where nothing lies there."""
    middle = values[tuple(slice(side // 4, side - side // 4) for side in values.shape)]
    for part in (middle, values):
        top = float(np.percentile(part, 95))
        tissue = part[part > base + 0.12 * (top - base)]
        if tissue.size > 50 and top > base:
            centre = float(np.median(tissue))
            return centre, 1.4826 * float(np.median(np.abs(tissue - centre)))
    raise StudyRefused("volume-empty", "nothing of the head lies on the grid")


def _adc_factor(values: NDArray[np.float32]) -> float:
    """What the values are multiplied with to be mm2/s: 1 for what is read today, 1e-6 for what was stored before."""
    inside = values[values > 0]
    if not inside.size:
        raise StudyRefused("volume-empty", "nothing of the head lies on the grid")
    return adc_factor(inside)
