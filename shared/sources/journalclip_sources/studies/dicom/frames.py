"""From a DICOM MR object to its slices: pixels in real units with position, orientation and what was measured.

Classic objects hold one slice, enhanced ones many with functional groups by frame; both end as the same `Slice`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage

from journalclip_sources.studies.dicom.decode import number, numbers, pixels, value, words
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.header import SeriesFacts

_GROUPS = (
    "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "MRDiffusionSequence",
    "MREchoSequence", "MRTimingAndRelatedParametersSequence", "MRImageFrameTypeSequence",
    "PixelValueTransformationSequence",
    "MRModifierSequence", "FrameContentSequence",
)  # fmt: skip


@dataclass(frozen=True)
class Slice:
    """float32 [rows, columns]; position and directions in DICOM's LPS millimetres."""

    pixels: NDArray[np.float32]
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]  # direction of columns' index, then of rows' index
    spacing: tuple[float, float]  # between rows, between columns
    series: str
    frame: str  # frame of reference
    facts: SeriesFacts
    stack: tuple[str, ...]  # what else tells volumes of one series apart

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(self.orientation[:3], self.orientation[3:])


def slices(dataset: Dataset) -> list[Slice]:
    """Raises `StudyRefused` where the object is no MR image, or its pixels or place cannot be read."""
    sop_class = str(value(dataset, "SOPClassUID") or "")
    if value(dataset, "Modality") != "MR" or sop_class not in (MRImageStorage, EnhancedMRImageStorage):
        raise StudyRefused("dicom-not-mr", "the object is no MR image")
    if int(number(dataset, "SamplesPerPixel") or 1) != 1:
        raise StudyRefused("dicom-not-mr", "a colour picture is no MR image")
    values = pixels(dataset)
    return [_slice(dataset, group, plane) for group, plane in zip(_frames(dataset, len(values)), values, strict=True)]


def _frames(dataset: Dataset, count: int) -> Iterator[Dataset]:
    """For each frame one flat dataset: the object's elements, then shared, then its own functional groups'."""
    shared = value(dataset, "SharedFunctionalGroupsSequence")
    own = value(dataset, "PerFrameFunctionalGroupsSequence")
    if own is None:
        if count != 1:
            raise StudyRefused("dicom-geometry", f"{count} frames without a place for each")
        yield dataset
        return
    if len(own) != count:
        raise StudyRefused("dicom-geometry", f"{count} frames and {len(own)} places")
    for frame in own:
        flat = Dataset()
        for source in (*(shared or ()), frame):
            for name in _GROUPS:
                for item in value(source, name) or ():
                    flat.update(item)
                    for inner in value(item, "MRDiffusionSequence") or ():
                        flat.update(inner)
        yield flat


def _slice(dataset: Dataset, frame: Dataset, plane: NDArray[np.generic]) -> Slice:
    position, orientation = numbers(frame, "ImagePositionPatient", 3), numbers(frame, "ImageOrientationPatient", 6)
    spacing = numbers(frame, "PixelSpacing", 2)
    if position is None or orientation is None or spacing is None or (spacing <= 0).any():
        raise StudyRefused("dicom-geometry", "position, orientation or pixel spacing is missing")
    row, column = orientation[:3], orientation[3:]
    if abs(np.linalg.norm(row) - 1) > 0.01 or abs(np.linalg.norm(column) - 1) > 0.01 or abs(row @ column) > 0.01:
        raise StudyRefused("dicom-geometry", "the orientation is not two directions at right angles")
    slope, intercept = (_rescale(dataset, frame, name) for name in ("RescaleSlope", "RescaleIntercept"))
    real = plane.astype(np.float32) * np.float32(1 if slope is None else slope) + np.float32(intercept or 0)
    if value(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        real = real.max() - real
    facts = _facts(dataset, frame)
    return Slice(
        pixels=real,
        position=position,
        orientation=orientation,
        spacing=(float(spacing[0]), float(spacing[1])),
        series=str(value(dataset, "SeriesInstanceUID") or ""),
        frame=str(value(dataset, "FrameOfReferenceUID") or ""),
        facts=facts,
        stack=(
            f"{facts.te}", f"{facts.b_value}", f"{value(frame, 'TemporalPositionIdentifier')}",
            f"{value(dataset, 'AcquisitionNumber')}" if frame is dataset else "", "/".join(sorted(facts.kinds)),
            "/".join(f"{each:.3f}" for each in numbers(frame, "DiffusionGradientOrientation", 3) or ())
            if numbers(frame, "DiffusionGradientOrientation", 3) is not None else "",
        ),
    )  # fmt: skip


def _rescale(dataset: Dataset, frame: Dataset, name: str) -> float | None:
    found = number(frame, name)
    return found if found is not None else number(dataset, name)


def _facts(dataset: Dataset, frame: Dataset) -> SeriesFacts:
    def of(*names: str) -> float | None:
        found = (number(source, name) for name in names for source in (frame, dataset))
        return next((each for each in found if each is not None), None)

    kinds = {
        each.upper() for name in ("ImageType", "FrameType") for each in (*words(dataset, name), *words(frame, name))
    }
    kinds |= {each.upper() for each in (*words(dataset, "AcquisitionContrast"), *words(frame, "AcquisitionContrast"))}
    scanning = {each.upper() for each in words(dataset, "ScanningSequence")}
    named = ("SeriesDescription", "ProtocolName", "SequenceName")
    agent = " ".join(words(dataset, "ContrastBolusAgent")).strip().lower()
    return SeriesFacts(
        te=of("EchoTime", "EffectiveEchoTime"),
        tr=of("RepetitionTime"),
        ti=of("InversionTime"),
        flip=of("FlipAngle"),
        b_value=of("DiffusionBValue"),
        field_t=of("MagneticFieldStrength"),
        contrast_agent=bool(agent) and agent not in ("no", "none", "without", "n", "0"),
        scanning=frozenset(scanning & {"SE", "IR", "GR", "EP", "RM"}),
        kinds=frozenset(kinds & _KINDS),
        words=" | ".join(each for name in named for each in words(dataset, name)),
    )


_KINDS = frozenset({"ADC", "DIFFUSION", "TRACEW", "SWI", "MNIP", "T1", "T2", "FLUID_ATTENUATED", "M", "P", "R", "I"})
