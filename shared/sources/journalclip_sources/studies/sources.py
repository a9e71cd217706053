"""What a study's files hold: series that can be read, the report, the patient's own number, and what is refused.

Knows three shapes: DICOM (whatever the files are called), BIDS (entities and suffix in the name, numbers in a sidecar),
and folders of NIfTI named after their sequence, as the BraTS challenges have them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydicom import Dataset

from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.report import SequenceName
from journalclip_shared.records.study import ReportSource
from journalclip_sources.studies.deidentify.profile import HeaderCensus
from journalclip_sources.studies.dicom.assemble import assemble, stacks
from journalclip_sources.studies.dicom.decode import is_dicom, parse, value
from journalclip_sources.studies.dicom.frames import Slice, slices
from journalclip_sources.studies.dicom.report import is_report, report_text
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.files import SourceFile
from journalclip_sources.studies.header import SeriesFacts
from journalclip_sources.studies.nifti import is_nifti, read_nifti
from journalclip_sources.studies.recognise import Recognised
from journalclip_sources.studies.volume import Volume

_BIDS: dict[str, SequenceName] = {
    "t1w": "T1WI", "t2w": "T2WI", "flair": "FLAIR", "dwi": "DWI", "adc": "ADC", "swi": "SWI", "t2starw": "SWI",
    "t2star": "SWI",
}  # fmt: skip
_PLAIN: dict[str, SequenceName] = {
    "t1": "T1WI", "t1ce": "T1CE", "t1c": "T1CE", "t1gd": "T1CE", "t1n": "T1WI", "t2": "T2WI", "t2w": "T2WI",
    "flair": "FLAIR", "t2f": "FLAIR", "dwi": "DWI", "adc": "ADC", "swi": "SWI", "t1w": "T1WI",
}  # fmt: skip
_SEGMENTATION = ("_seg", "_mask", "_label", "dseg")


@dataclass(frozen=True)
class Source:
    """One series: how to read it, and what is known of it beforehand. ``volume`` raises `StudyRefused`."""

    volume: Callable[[], Volume]
    facts: SeriesFacts
    files: int
    recognised: Recognised | None = None
    says_burned_in: bool = False


@dataclass
class Found:
    """A study's content; ``patient`` and ``date`` are still the real ones."""

    sources: list[Source] = field(default_factory=list)
    refused: Counter[tuple[Literal["series", "file"], str, str]] = field(default_factory=Counter)
    census: HeaderCensus = field(default_factory=HeaderCensus)
    patient: str = ""
    date: str = ""
    report: str = ""
    report_source: ReportSource = "none"
    labels: Volume | None = None

    def refuse(self, error: StudyRefused, what: Literal["series", "file"] = "file") -> None:
        self.refused[what, error.code, error.reason] += 1


def gather(files: Sequence[SourceFile]) -> Found:
    """Raises `StudyRefused` where the files are of several patients, or there are none."""
    if not files:
        raise StudyRefused("study-empty", "there is no file")
    found, dicom = Found(), list[Dataset]()
    names = {file.name.lower(): file for file in files}
    for file in sorted(files, key=lambda each: each.name):
        try:
            _sort(file, names, found, dicom)
        except StudyRefused as error:
            if error.code == "study-of-several-patients":
                raise
            found.refuse(error)
    _take_dicom(dicom, found)
    found.patient = found.patient or sha256_hex(b"".join(sorted(sha256_hex(file.data).encode() for file in files)))
    return found


def _sort(file: SourceFile, names: dict[str, SourceFile], found: Found, dicom: list[Dataset]) -> None:
    if is_nifti(file.data):
        _take_nifti(file, names, found)
    elif file.ends(".txt", ".md") or (file.ends(".json") and _is_report(file)):
        _take_report(file, found)
    elif file.ends(".json", ".bval", ".bvec", ".tsv", ".csv", ".nii", ".nii.gz"):
        if file.ends(".nii", ".nii.gz"):
            raise StudyRefused("nifti-invalid", "not a NIfTI file")
    elif is_dicom(file.data) or file.ends(".dcm", ".ima", ".dicom") or "." not in file.parts[-1]:
        dicom.append(parse(file.data))
    else:
        raise StudyRefused("file-not-image", "neither an image nor a report")


def _take_report(file: SourceFile, found: Found) -> None:
    if file.stem in ("readme", "changes", "license"):
        return
    text, source = report_of(file)
    found.report = "\n".join(filter(None, [found.report, text.strip()]))
    found.report_source = source


def report_of(file: SourceFile) -> tuple[str, ReportSource]:
    """Text of a plain or JSON report. Raises `StudyRefused` ``report-unreadable``."""
    text = file.data.decode("utf-8-sig", "replace")
    if not file.ends(".json"):
        return text, "text"
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise StudyRefused("report-unreadable", "the JSON cannot be read") from error
    for name in ("report", "findings", "text"):
        if isinstance(plain, dict) and isinstance(plain.get(name), str):
            return plain[name], "json"
    raise StudyRefused("report-unreadable", "the JSON has no text under report, findings or text")


def _is_report(file: SourceFile) -> bool:
    return "report" in file.stem or "findings" in file.stem


def _take_nifti(file: SourceFile, names: dict[str, SourceFile], found: Found) -> None:
    subject = next((part for part in file.parts if re.fullmatch(r"sub-[A-Za-z0-9]+", part)), "")
    subject = subject or next((p[:11] for p in re.findall(r"sub-[A-Za-z0-9]+", file.parts[-1])), "")
    case = re.sub(r"[_-](t1ce|t1c|t1gd|t1n|t1|t2f|t2w|t2|flair|seg|dwi|adc|swi|t1w)$", "", file.stem)
    _same_patient(found, subject or case)
    sidecar = names.get(re.sub(r"\.nii(\.gz)?$", ".json", file.name.lower()))
    b_values = _b_values(names.get(re.sub(r"\.nii(\.gz)?$", ".bval", file.name.lower())))
    if any(mark in file.stem for mark in _SEGMENTATION):
        raise StudyRefused("file-not-image", "a segmentation is not part of a study")
    found.sources.append(Source(lambda: read_nifti(file.data, b_values), _sidecar(sidecar), 1, named(file)))


def named(file: SourceFile) -> Recognised | None:
    """Which sequence a NIfTI file is by its name alone."""
    entities = file.stem.split("_")
    last = entities[-1]
    if len(entities) > 1 and entities[0].startswith("sub-") and last in _BIDS:
        sequence = _BIDS[last]
        if sequence == "T1WI" and any(each.startswith("ce-") for each in entities):
            sequence = "T1CE"
        return Recognised(sequence, 0.9, "its BIDS name")
    if (plain := _PLAIN.get(last) or _PLAIN.get(re.split(r"[_-]", file.stem)[-1])) is not None:
        return Recognised(plain, 0.85, "the file's name")
    return None


def _sidecar(file: SourceFile | None) -> SeriesFacts:
    """BIDS times are in seconds."""
    try:
        plain: Any = json.loads(file.data) if file is not None else {}
    except ValueError:
        plain = {}

    def of(name: str, factor: float) -> float | None:
        found = plain.get(name) if isinstance(plain, dict) else None
        return float(found) * factor if isinstance(found, int | float) else None

    return SeriesFacts(
        te=of("EchoTime", 1000), tr=of("RepetitionTime", 1000), ti=of("InversionTime", 1000), flip=of("FlipAngle", 1),
        field_t=of("MagneticFieldStrength", 1),
    )  # fmt: skip


def _b_values(file: SourceFile | None) -> tuple[float, ...]:
    try:
        return tuple(float(each) for each in file.data.split()) if file is not None else ()
    except ValueError:
        return ()


def _take_dicom(datasets: Sequence[Dataset], found: Found) -> None:
    frames: list[Slice] = []
    burned: set[str] = set()
    for dataset in datasets:
        found.census.add(dataset)
        try:
            if value(dataset, "PatientID") or value(dataset, "PatientName"):
                _same_patient(found, f"{value(dataset, 'IssuerOfPatientID') or ''}|{value(dataset, 'PatientID')}")
            found.date = found.date or str(value(dataset, "StudyDate") or "")
            if is_report(dataset):
                found.report = "\n".join(filter(None, [found.report, report_text(dataset)]))
                found.report_source = "dicom-sr"
                continue
            if value(dataset, "BurnedInAnnotation") == "YES":
                burned.add(str(value(dataset, "SeriesInstanceUID")))
            frames += slices(dataset)
        except StudyRefused as error:
            if error.code == "study-of-several-patients":
                raise
            found.refuse(error)
    for stack in stacks(frames):
        found.sources.append(
            Source(
                lambda stack=stack: assemble(stack),  # type: ignore[misc]  # mypy does not infer a bound default
                stack.facts, len(stack.slices), says_burned_in=stack.slices[0].series in burned,
            )
        )  # fmt: skip


def _same_patient(found: Found, identity: str) -> None:
    if found.patient and identity != found.patient:
        raise StudyRefused("study-of-several-patients", "its files name more than one patient")
    found.patient = identity
