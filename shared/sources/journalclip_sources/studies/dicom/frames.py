"""From a DICOM MR object to its slices: pixels in real units with position, orientation and what was measured.

Classic objects hold one slice, mosaics and enhanced ones many; all end as the same `Slice`. Enhanced objects say by
functional groups what each frame is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage

from journalclip_sources.studies.dicom import mosaic
from journalclip_sources.studies.dicom.decode import number, numbers, pixels, value, words
from journalclip_sources.studies.dicom.diffusion import b_value, direction, private
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.header import SeriesFacts

_GROUPS = (
    "PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "MRDiffusionSequence",
    "MREchoSequence", "MRTimingAndRelatedParametersSequence", "MRImageFrameTypeSequence",
    "PixelValueTransformationSequence", "MRModifierSequence", "FrameContentSequence", "MRImagingModifierSequence",
    "FrameAnatomySequence", "TemporalPositionSequence", "MRVelocityEncodingSequence",
)  # fmt: skip
_NESTED = ("MRDiffusionSequence", "DiffusionGradientDirectionSequence", "InversionTimesSequence")


@dataclass(frozen=True)
class Slice:
    """float32 [rows, columns]; position and directions in DICOM's LPS millimetres.

    ``marks`` tell volumes at the same positions apart, in the order of `assemble.MARKS`. ``inverted``: dark is high.
    """

    pixels: NDArray[np.float32]
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]  # direction of columns' index, then of rows' index
    spacing: tuple[float, float]  # between rows, between columns
    series: str
    frame: str  # frame of reference
    facts: SeriesFacts
    marks: tuple[str, ...] = ()
    series_number: str = ""
    instance: str = ""  # SOPInstanceUID and the frame's number
    inverted: bool = False

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
    count = mosaic.tiles(dataset)
    if count is not None:
        split = mosaic.split(dataset, values[0], count)
        return [_slice(dataset, dataset, plane, n, place) for n, (plane, place) in enumerate(split)]
    frames = zip(_frames(dataset, len(values)), values, strict=True)
    return [_slice(dataset, group, plane, n, None) for n, (group, plane) in enumerate(frames)]


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
                    for nested in _NESTED:
                        for inner in value(item, nested) or ():
                            flat.update(inner)
            # Vendors put their own elements beside the standard's groups.
            flat.update({each.tag: each for each in source if each.tag.is_private and each.VR != "SQ"})
        yield flat


def _slice(
    dataset: Dataset, frame: Dataset, plane: NDArray[np.generic], index: int, place: NDArray[np.float64] | None
) -> Slice:
    position = place if place is not None else numbers(frame, "ImagePositionPatient", 3)
    orientation, spacing = numbers(frame, "ImageOrientationPatient", 6), numbers(frame, "PixelSpacing", 2)
    if position is None or orientation is None or spacing is None or (spacing <= 0).any():
        raise StudyRefused("dicom-geometry", "position, orientation or pixel spacing is missing")
    row, column = orientation[:3], orientation[3:]
    if abs(np.linalg.norm(row) - 1) > 0.01 or abs(np.linalg.norm(column) - 1) > 0.01 or abs(row @ column) > 0.01:
        raise StudyRefused("dicom-geometry", "the orientation is not two directions at right angles")
    slope, intercept = (_rescale(dataset, frame, name) for name in ("RescaleSlope", "RescaleIntercept"))
    real = plane.astype(np.float32) * np.float32(1 if slope is None else slope) + np.float32(intercept or 0)
    facts = facts_of(dataset, frame)
    return Slice(
        pixels=real,
        position=position,
        orientation=orientation,
        spacing=(float(spacing[0]), float(spacing[1])),
        series=str(value(dataset, "SeriesInstanceUID") or ""),
        frame=str(value(dataset, "FrameOfReferenceUID") or ""),
        facts=facts,
        marks=_marks(dataset, frame, facts),
        series_number=str(value(dataset, "SeriesNumber") or ""),
        instance=f"{value(dataset, 'SOPInstanceUID') or id(dataset)}/{index}",
        inverted=value(dataset, "PhotometricInterpretation") == "MONOCHROME1",
    )


def _marks(dataset: Dataset, frame: Dataset, facts: SeriesFacts) -> tuple[str, ...]:
    """In the order in which they may tell volumes apart: what a picture is first, when it was taken last."""

    def of(*names: str) -> str:
        found = (value(source, name) for name in names for source in (frame, dataset))
        return str(next((each for each in found if each is not None), ""))

    return (
        "/".join(sorted(facts.kinds)),
        "" if facts.b_value is None else f"{facts.b_value:g}",
        direction(dataset, frame),
        "" if facts.te is None else f"{facts.te:g}",
        of("EchoNumbers"),
        "" if facts.ti is None else f"{facts.ti:g}",
        of("TemporalPositionIndex", "TemporalPositionIdentifier"),
        of("TemporalPositionTimeOffset", "TriggerTime", "NominalCardiacTriggerDelayTime"),
        of("AcquisitionNumber", "FrameAcquisitionNumber"),
        of("AcquisitionTime", "FrameAcquisitionDateTime", "AcquisitionDateTime", "ContentTime"),
        of("StackID"),
    )


def _rescale(dataset: Dataset, frame: Dataset, name: str) -> float | None:
    found = number(frame, name)
    return found if found is not None else number(dataset, name)


def facts_of(dataset: Dataset, frame: Dataset) -> SeriesFacts:
    """What is measured of a frame, and what it is called."""

    def of(*names: str) -> float | None:
        found = (number(source, name) for name in names for source in (frame, dataset))
        return next((each for each in found if each is not None), None)

    scanning = {each.upper() for each in words(dataset, "ScanningSequence")} | _enhanced_scanning(dataset)
    named = ("SeriesDescription", "ProtocolName", "SequenceName")
    agent = " ".join(words(dataset, "ContrastBolusAgent")).strip().lower()
    return SeriesFacts(
        te=of("EchoTime", "EffectiveEchoTime"),
        tr=of("RepetitionTime"),
        ti=of("InversionTime"),
        flip=of("FlipAngle"),
        b_value=b_value(dataset, frame),
        field_t=of("MagneticFieldStrength"),
        contrast_agent=bool(agent) and agent not in _NO_AGENT,
        scanning=frozenset(scanning & {"SE", "IR", "GR", "EP", "RM"}),
        kinds=kinds_of(dataset, frame),
        body_part=str(value(dataset, "BodyPartExamined") or ""),
        words=" | ".join(each for name in named for each in words(dataset, name)),
    )


def _enhanced_scanning(dataset: Dataset) -> set[str]:
    """The terms of ScanningSequence, from the elements that enhanced objects have in its place."""
    echo = str(value(dataset, "EchoPulseSequence") or "").upper()
    found = {"SPIN": {"SE"}, "GRADIENT": {"GR"}, "BOTH": {"SE", "GR"}}.get(echo, set())
    for keyword, term in (("EchoPlanarPulseSequence", "EP"), ("InversionRecovery", "IR")):
        if str(value(dataset, keyword) or "").upper() == "YES":
            found = found | {term}
    return found


def kinds_of(dataset: Dataset, frame: Dataset) -> frozenset[str]:
    """The terms of a closed list that say what a picture is."""
    found: set[str] = set()
    for source in (frame, dataset):
        types = [each.strip().upper() for name in ("ImageType", "FrameType") for each in words(source, name)]
        # The first two say original or derived, primary or secondary.
        found |= {each for each in types if each in _KINDS}
        if value(source, "AngioFlag") == "Y":
            found.add("TOF")
        if value(source, "TimeOfFlightContrast") == "YES":
            found.add("TOF")
        component = str(value(source, "ComplexImageComponent") or _ge_component(source)).upper()
        if component in ("PHASE", "REAL", "IMAGINARY"):
            found.add(component)
        contrast = str(value(source, "AcquisitionContrast") or "").upper()
        if (contrast in _CONTRASTS and source is frame) or (contrast in _CONTRASTS and not found & set(_CONTRASTS)):
            found.add(contrast)
        if frame is dataset:
            break
    own = {each.strip().upper() for name in ("FrameType", "ComplexImageComponent") for each in words(frame, name)}
    if frame is not dataset and own & {"M", "MAGNITUDE"}:
        found -= {"P", "PHASE", "R", "REAL", "I", "IMAGINARY"}  # the object is called MIXED, or after its first frame
    return frozenset(found)


def _ge_component(dataset: Dataset) -> str:
    """GE says in ``GEMS_PARM_01`` (0043,xx2F) alone whether a picture is magnitude, phase, real or imaginary."""
    found = private(dataset, 0x0043, "GEMS_PARM_01", 0x2F)
    if isinstance(found, bytes):
        found = int.from_bytes(found, "little", signed=True)
    return {1: "PHASE", 2: "REAL", 3: "IMAGINARY"}.get(found, "") if isinstance(found, int) else ""


_NO_AGENT = (
    "no",
    "none",
    "without",
    "n",
    "0",
    "nein",
    "non",
    "sin",
    "keine",
    "keines",
    "无",
    "нет",
    "なし",
    "null",
    "n/a",
    "na",
)
_CONTRASTS = (
    "DIFFUSION",
    "T1",
    "T2",
    "T2_STAR",
    "FLUID_ATTENUATED",
    "PROTON_DENSITY",
    "PERFUSION",
    "FLOW_ENCODED",
    "TIME_OF_FLIGHT",
)
_KINDS = frozenset({
    "ADC", "DIFFUSION", "TRACEW", "ISOTROPIC", "SWI", "SUSCEPTIBILITY", "MNIP", "MINIP", "MIN IP", "MIN_IP",
    "MIP", "MAX_IP", "MAXIP",
    "PROJECTION IMAGE", "T1", "T2", "T2_STAR", "FLUID_ATTENUATED", "P", "R", "I", "PHASE", "PHASE MAP", "REAL",
    "IMAGINARY", "WATER",
    "W", "FAT", "F", "IN_PHASE", "OP", "IP", "OPP_PHASE", "OUT_PHASE", "OPPOSED_PHASE", "FAT_FRACTION", "FA", "EADC",
    "EXP_ADC", "TENSOR",
    "FIELD_MAP", "B0 MAP", "T1 MAP", "T2 MAP", "T2_STAR MAP", "VELOCITY", "VELOCITY MAP", "SUBTRACT", "SUB",
    "SUBTRACTION", "TOF", "TIME_OF_FLIGHT",
    "FLOW_ENCODED", "ANGIO",
    "PERFUSION", "ASL", "CBF", "CBV", "MTT", "TTP", "FMRI", "PROTON_DENSITY", "LOCALIZER",
})  # fmt: skip
