"""Synthetic studies as DICOM: MR images a scanner could have sent, classic or enhanced, with planted identifiers.

UIDs are digests under the UUID root, so that the same study has the same files. Times of echo and repetition are
those by which a reader can tell the sequence.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ComprehensiveSRStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
)

from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.report import SequenceName
from journalclip_synthetic.studies.identifiers import Planted
from journalclip_synthetic.studies.scan import DrawnStudy, Scan

Described = Literal["times", "names", "both"]

_TIMES: dict[SequenceName, dict[str, object]] = {
    "T1WI": {"EchoTime": 9.0, "RepetitionTime": 520.0, "ScanningSequence": "SE"},
    "T1CE": {"EchoTime": 9.0, "RepetitionTime": 520.0, "ScanningSequence": "SE", "ContrastBolusAgent": "Gd"},
    "T2WI": {"EchoTime": 98.0, "RepetitionTime": 4200.0, "ScanningSequence": "SE"},
    "FLAIR": {"EchoTime": 92.0, "RepetitionTime": 9000.0, "InversionTime": 2500.0, "ScanningSequence": ["SE", "IR"]},
    "DWI": {"EchoTime": 88.0, "RepetitionTime": 4600.0, "ScanningSequence": "EP", "DiffusionBValue": 1000.0},
    "ADC": {"EchoTime": 88.0, "RepetitionTime": 4600.0, "ScanningSequence": "EP"},
    "SWI": {"EchoTime": 20.0, "RepetitionTime": 28.0, "ScanningSequence": "GR"},
}
_NAMES: dict[SequenceName, str] = {
    "T1WI": "t1_se_tra", "T1CE": "t1_se_tra post contrast", "T2WI": "t2_tse_tra", "FLAIR": "t2_tirm_tra_dark-fluid",
    "DWI": "ep2d_diff_b1000", "ADC": "ep2d_diff_ADC", "SWI": "t2_swi_tra",
}  # fmt: skip
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class DicomOptions:
    """How the files are made."""

    described: Described = "both"
    enhanced: bool = False  # one multi-frame object a series
    compressed: bool = False  # run-length encoded
    planted: Planted | None = None
    burned_in: str = ""  # text drawn into every third slice
    number: int = 0  # of the study among a patient's


def dicom_files(study: DrawnStudy, options: DicomOptions | None = None) -> dict[str, bytes]:
    """Bytes by a path such as ``series-1/0001.dcm``."""
    options = options or DicomOptions()
    files = {}
    for n, scan in enumerate(study.scans, start=1):
        root = f"{study.truth.seed}-{options.number}"
        folder = f"{options.planted.family}_{n}" if options.planted else f"series-{n}"
        if options.enhanced:
            files[f"{folder}/0001.dcm"] = _written(_enhanced(scan, root, n, options), options)
            continue
        for k in range(scan.voxels.shape[2]):
            files[f"{folder}/{k + 1:04d}.dcm"] = _written(_classic(scan, k, root, n, options), options)
    return files


def structured_report(text: str, study: DrawnStudy, options: DicomOptions | None = None) -> bytes:
    """A DICOM SR with the report as one text item."""
    options = options or DicomOptions()
    dataset = _base(f"{study.truth.seed}-{options.number}", "sr", ComprehensiveSRStorage, options)
    dataset.Modality = "SR"
    item = Dataset()
    item.RelationshipType, item.ValueType, item.TextValue = "CONTAINS", "TEXT", text
    dataset.ValueType, dataset.ContentSequence = "CONTAINER", Sequence([item])
    return _written(dataset, DicomOptions())


def burn(plane: NDArray[np.uint16], text: str, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Text drawn into a slice [rows, columns] as scanners (one bit a pixel) and workstations (smoothed) do."""
    height, width = plane.shape
    size = int(rng.integers(max(11, height // 20), max(13, height // 9)))
    font = ImageFont.load_default(size)
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    draw.fontmode = "1" if rng.random() < 0.5 else "L"
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    while right - left > width - 4 and size > 8:
        size -= 1
        font = ImageFont.load_default(size)
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    x = int(rng.integers(1, max(2, width - (right - left) - 1)))
    y = int(rng.integers(1, max(2, height - (bottom - top) - 2)))
    draw.text((x - left, y - top), text, fill=255, font=font)
    ink = np.asarray(canvas, np.float32) / 255
    white = float(plane.max()) * rng.uniform(0.85, 1.1)
    burned: NDArray[np.uint16] = np.clip(plane * (1 - ink) + white * ink, 0, 65535).astype(np.uint16)
    return burned


def _classic(scan: Scan, k: int, root: str, n: int, options: DicomOptions) -> FileDataset:
    dataset = _series(scan, root, n, options, MRImageStorage, str(k))
    plane = _plane(scan, k, options)
    dataset.InstanceNumber = k + 1
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = _place(scan, k), [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [float(scan.affine[1, 1]), float(scan.affine[0, 0])]
    dataset.SliceThickness = float(scan.affine[2, 2])
    _set_pixels(dataset, plane[None])
    return dataset


def _enhanced(scan: Scan, root: str, n: int, options: DicomOptions) -> FileDataset:
    dataset = _series(scan, root, n, options, EnhancedMRImageStorage, "all")
    frames = []
    for k in range(scan.voxels.shape[2]):
        position, orientation, measures, frame = Dataset(), Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient, orientation.ImageOrientationPatient = _place(scan, k), [1, 0, 0, 0, 1, 0]
        measures.PixelSpacing = [float(scan.affine[1, 1]), float(scan.affine[0, 0])]
        frame.PlanePositionSequence = Sequence([position])
        frame.PlaneOrientationSequence = Sequence([orientation])
        frame.PixelMeasuresSequence = Sequence([measures])
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    _set_pixels(dataset, np.stack([_plane(scan, k, options) for k in range(scan.voxels.shape[2])]))
    return dataset


def _plane(scan: Scan, k: int, options: DicomOptions) -> NDArray[np.uint16]:
    """Rows from front to back, columns from right to left, as `_place` says."""
    stored = np.clip(scan.voxels[::-1, ::-1, k].T * 1000, 0, 65535).astype(np.uint16)
    if options.burned_in and k % 3 == 1:
        return burn(stored, options.burned_in, np.random.default_rng((k, len(options.burned_in))))
    return stored


def _place(scan: Scan, k: int) -> list[float]:
    x, y, _ = scan.voxels.shape
    corner = scan.affine @ np.array([x - 1, y - 1, k, 1.0])
    return [float(each) for each in _RAS_TO_LPS @ corner[:3]]


def _series(scan: Scan, root: str, n: int, options: DicomOptions, kind: UID, instance: str) -> FileDataset:
    dataset = _base(root, f"{n}-{instance}", kind, options)
    dataset.SeriesInstanceUID = _uid(root, f"series {n}")
    dataset.Modality, dataset.SeriesNumber, dataset.FrameOfReferenceUID = "MR", n, _uid(root, "frame")
    dataset.ImageType = (
        ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"] if scan.sequence == "ADC" else ["ORIGINAL", "PRIMARY", "M"]
    )
    if options.described in ("times", "both"):
        for keyword, value in _TIMES[scan.sequence].items():
            setattr(dataset, keyword, value)
    if options.described in ("names", "both"):
        dataset.SeriesDescription = _NAMES[scan.sequence] + (f" {options.planted.family}" if options.planted else "")
    if options.described == "names":
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    return dataset


def _base(root: str, instance: str, kind: UID, options: DicomOptions) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, _uid(root, f"object {instance}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _uid(root, "study"), _uid(root, instance)
    years, month = divmod(options.number, 12)
    dataset.StudyDate, dataset.PatientID = f"{2024 + years}{1 + month:02d}17", f"P{root}"
    if options.planted is not None:
        _plant(dataset, options.planted)
    return dataset


def _plant(dataset: Dataset, who: Planted) -> None:
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = (
        f"{who.family}^{who.given}",
        who.patient_id,
        who.birth,
    )
    dataset.ReferringPhysicianName = dataset.PerformingPhysicianName = f"{who.physician}^Dr"
    dataset.OperatorsName, dataset.InstitutionName, dataset.InstitutionAddress = (
        who.operator,
        who.institution,
        who.street,
    )
    dataset.AccessionNumber, dataset.PatientTelephoneNumbers, dataset.PatientAddress = (
        who.accession,
        who.phone,
        who.street,
    )
    dataset.StudyDescription, dataset.ImageComments = f"MRI {who.family}", f"seen by {who.physician}"
    dataset.ProtocolName, dataset.OtherPatientNames = f"head {who.given}", f"{who.given}^{who.family}"
    dataset.AdditionalPatientHistory, dataset.StationName = f"{who.family}, {who.private}", who.operator[:16]
    block = dataset.private_block(0x0029, f"VENDOR {who.private[:8]}", create=True)
    block.add_new(0x10, "LO", who.private)
    nested = Dataset()
    nested.PatientName, nested.InstitutionName = f"{who.family}^{who.given}", who.institution
    dataset.RequestAttributesSequence = Sequence([nested])


def _set_pixels(dataset: Dataset, frames: NDArray[np.uint16]) -> None:
    dataset.NumberOfFrames = len(frames)
    dataset.Rows, dataset.Columns = frames.shape[1:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = frames.tobytes()
    if len(frames) == 1:
        del dataset.NumberOfFrames


def _written(dataset: FileDataset, options: DicomOptions) -> bytes:
    if options.compressed:
        dataset.compress(RLELossless)
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _uid(root: str, what: str) -> UID:
    return UID(f"2.25.{int(sha256_hex(f'{root} {what}'.encode())[:30], 16)}")
