"""Writes synthetic studies as folders: DICOM with a report, BIDS, plain NIfTI, or the layout of BraTS 2019."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import nibabel
import numpy as np
from numpy.typing import NDArray

from journalclip_shared.records.report import SequenceName
from journalclip_synthetic.studies.dicom import DicomOptions, dicom_files
from journalclip_synthetic.studies.scan import DrawnStudy
from journalclip_synthetic.studies.signals import CODE
from journalclip_synthetic.studies.truth import StudyTruth

Layout = Literal["dicom", "nifti", "bids", "brats"]
Report = Callable[[StudyTruth], str]

_BIDS: dict[SequenceName, str] = {
    "T1WI": "T1w", "T1CE": "ce-gadolinium_T1w", "T2WI": "T2w", "FLAIR": "FLAIR", "DWI": "dwi", "ADC": "ADC",
    "SWI": "swi",
}  # fmt: skip
_BRATS: dict[SequenceName, str] = {"T1WI": "t1", "T1CE": "t1ce", "T2WI": "t2", "FLAIR": "flair"}


def nifti_bytes(voxels: NDArray[np.generic], affine: NDArray[np.float64]) -> bytes:
    """A gzipped NIfTI file. Equal volumes give equal bytes."""
    return gzip.compress(nibabel.Nifti1Image(voxels, affine).to_bytes(), compresslevel=1, mtime=0)


def write_study(
    study: DrawnStudy, root: Path, layout: Layout, report: Report, options: DicomOptions | None = None
) -> Path:
    """Write the study into its own folder below ``root``, and return that folder."""
    number = f"{study.truth.patient:05d}"
    if layout == "dicom":
        return _dicom(study, root / f"study-{number}-{(options or DicomOptions()).number}", report, options)
    if layout == "bids":
        return _bids(study, root / f"sub-{number}", report)
    if layout == "brats":
        return _brats(study, root / (study.truth.grade or "HGG"), f"BraTS19_SYN_{number}_1")
    folder = root / f"case-{number}"
    for scan in study.scans:
        name = {"T1WI": "t1", "T2WI": "t2"}.get(scan.sequence, scan.sequence.lower())
        _put(
            folder / f"case-{number}_{name}.nii.gz",
            nifti_bytes(np.round(scan.voxels * 1000).astype(np.int16), scan.affine),
        )
    _put(folder / "report.txt", report(study.truth).encode())
    return folder


def _dicom(study: DrawnStudy, folder: Path, report: Report, options: DicomOptions | None) -> Path:
    for name, data in dicom_files(study, options).items():
        _put(folder / name, data)
    text = report(study.truth)
    if options is not None and options.planted is not None:
        text = options.planted.signature().format(report=text)
    _put(folder / "report.txt", text.encode())
    return folder


def _bids(study: DrawnStudy, folder: Path, report: Report) -> Path:
    for scan in study.scans:
        kind = "dwi" if scan.sequence in ("DWI", "ADC") else "anat"
        stem = folder / kind / f"{folder.name}_{_BIDS[scan.sequence]}"
        _put(
            stem.with_name(stem.name + ".nii.gz"),
            nifti_bytes(np.round(scan.voxels * 1000).astype(np.int16), scan.affine),
        )
        _put(stem.with_name(stem.name + ".json"), json.dumps({"MagneticFieldStrength": 3}).encode())
    _put(folder / "report.json", json.dumps({"report": report(study.truth)}).encode())
    return folder


def _brats(study: DrawnStudy, parent: Path, name: str) -> Path:
    """Write volumes without skull and face, as in the challenge's data, with the segmentation."""
    outside = np.isin(study.tissue, [CODE[each] for each in ("air", "scalp", "bone", "eye")])
    for scan in study.scans:
        if scan.sequence in _BRATS:
            voxels = np.where(outside, 0, np.maximum(1, np.round(scan.voxels * 1000)))
            data = nifti_bytes(voxels.astype(np.int16), scan.affine)
            _put(parent / name / f"{name}_{_BRATS[scan.sequence]}.nii.gz", data)
    _put(parent / name / f"{name}_seg.nii.gz", nifti_bytes(study.labels, study.scans[0].affine))
    return parent / name


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
