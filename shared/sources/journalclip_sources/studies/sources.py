"""What a study's files hold: series that can be read, the report, the patient's own number, and what is refused.

Knows two shapes: DICOM (whatever the files are called), and NIfTI with sidecars (BIDS, converters, plain names).
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydicom import Dataset

from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.study import ReportSource
from journalclip_sources.studies.case_names import bids_of, bids_sequence, is_mask, plain_sequence, stem
from journalclip_sources.studies.deidentify.profile import HeaderCensus
from journalclip_sources.studies.dicom.assemble import assemble, stacks
from journalclip_sources.studies.dicom.decode import is_dicom, parse, value
from journalclip_sources.studies.dicom.frames import Slice, slices
from journalclip_sources.studies.dicom.report import context_texts, is_measurement, is_report, replaced, report_text
from journalclip_sources.studies.encoding import decode_text
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.files import SourceFile
from journalclip_sources.studies.header import SeriesFacts
from journalclip_sources.studies.heads import plausible_dicom
from journalclip_sources.studies.nifti import b_groups, is_nifti, read_nifti
from journalclip_sources.studies.options import StudyHints
from journalclip_sources.studies.recognise import Recognised, recognise
from journalclip_sources.studies.volume import Volume

_NO_ID = frozenset(
    {
        "",
        "0",
        "00000",
        "ANON",
        "ANONYMOUS",
        "ANONYMIZED",
        "ANONYMISED",
        "UNKNOWN",
        "NONE",
        "NA",
        "N/A",
        "NULL",
        "DEIDENTIFIED",
        "REMOVED",
        "XXX",
        "NOID",
        "NO ID",
        "未知",
        "匿名",
    }
)
_INHERITED_KEYS = re.compile(r"(?:^|_)([a-z]+-[^_]+)")


@dataclass(frozen=True)
class Source:
    """One series: how to read it, and what is known of it beforehand. ``volume`` raises `StudyRefused`.

    ``other`` says what the series is besides the seven, where its name does.
    """

    volume: Callable[[], Volume]
    facts: SeriesFacts
    files: int
    recognised: Recognised | None = None
    says_burned_in: bool = False
    other: str | None = None


@dataclass
class Found:
    """A study's content; ``patient``, ``study`` and ``date`` are still the real ones."""

    sources: list[Source] = field(default_factory=list)
    refused: Counter[tuple[Literal["series", "file"], str, str]] = field(default_factory=Counter)
    census: HeaderCensus = field(default_factory=HeaderCensus)
    patient: str = ""
    study: str = ""
    date: str = ""
    report: str = ""
    report_source: ReportSource = "none"

    def refuse(self, error: StudyRefused, what: Literal["series", "file"] = "file") -> None:
        self.refused[what, error.code, error.reason] += 1


def gather(files: Sequence[SourceFile], hints: StudyHints | None = None) -> Found:
    """Raises `StudyRefused` where the files are of several patients, or there are none."""
    if not files:
        raise StudyRefused("study-empty", "there is no file")
    hints = hints or StudyHints()
    found, dicom = Found(), list[Dataset]()
    names = {file.name: file for file in files}
    ordered = sorted(files, key=lambda each: each.name)
    for file in ordered:
        found.census.add_name(file.name)
        try:
            _sort(file, names, found, dicom, hints)
        except StudyRefused as error:
            found.refuse(error)
    _take_dicom(dicom, found, hints)
    if hints.report:
        found.report, found.report_source = hints.report, "ris"
        found.census.add_words(hints.secrets)
    content = sha256_hex(
        "".join(sorted(sha256_hex(file.data) for file in files if is_nifti(file.data) or is_dicom(file.data))).encode()
    )
    found.study = found.study or hints.study or f"{hints.subject}|{hints.session}|{content}"
    # Without any number the study stands alone: never one patient for all that lack one.
    found.patient = found.patient or hints.subject or f"study|{found.study}"
    return found


def _sort(
    file: SourceFile, names: Mapping[str, SourceFile], found: Found, dicom: list[Dataset], hints: StudyHints
) -> None:
    if is_nifti(file.data):
        _take_nifti(file, names, found)
    elif file.name == hints.report_file or (not hints.report_file and not hints.report and file.ends(".txt", ".md")):
        _take_report(file, found)
    elif file.ends(".json", ".bval", ".bvec", ".tsv", ".csv", ".txt", ".md"):
        if file.ends(".json") and not hints.report_file and ("report" in file.stem or "findings" in file.stem):
            _take_report(file, found)
    elif file.ends(".nii", ".nii.gz"):
        raise StudyRefused("nifti-invalid", "not a NIfTI file")
    elif is_dicom(file.data) or plausible_dicom(file.data) or file.ends(".dcm", ".ima", ".dicom"):
        dicom.append(parse(file.data))
    else:
        raise StudyRefused("file-not-image", "neither an image nor a report")


def _take_report(file: SourceFile, found: Found) -> None:
    if file.stem in ("readme", "changes", "license", "version"):
        return
    text, source = report_of(file)
    found.report = text.strip()
    found.report_source = source


def report_of(file: SourceFile) -> tuple[str, ReportSource]:
    """Text of a plain or JSON report. Raises `StudyRefused` ``report-unreadable``."""
    text = decode_text(file.data)
    if not file.ends(".json"):
        return text, "text"
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise StudyRefused("report-unreadable", "the JSON cannot be read") from error
    if isinstance(plain, dict):
        for names in (("report",), ("text",), ("findings", "impression")):
            texts = [plain[name] for name in names if isinstance(plain.get(name), str)]
            if texts:
                return "\n".join(texts), "json"
    raise StudyRefused("report-unreadable", "the JSON has no text under report, findings or text")


def _take_nifti(file: SourceFile, names: Mapping[str, SourceFile], found: Found) -> None:
    if is_mask(file.name):
        raise StudyRefused("file-not-image", "a segmentation is not part of a study")
    plain = _sidecar(file, names)
    found.census.add_words(
        str(v)
        for k, v in plain.items()
        if isinstance(v, str)
        and re.search("Name|ID$|Institution|Physician|Operator|Station|Address|Accession|Comment", k)
    )
    facts = _sidecar_facts(plain)
    b_values = _b_values(_inherited(file.name, ".bval", names))
    recognised, other = _nifti_sequence(file, facts)
    weightings: tuple[float | None, ...] = b_groups(b_values) or (None,)
    for weighting in weightings:
        of_one = facts if weighting is None else replace(facts, b_value=weighting)
        found.sources.append(Source(
            lambda weighting=weighting: read_nifti(file.data, b_values, weighting=weighting),  # type: ignore[misc]  # a bound default
            of_one, 1, recognised, other=other,
        ))  # fmt: skip


def _nifti_sequence(file: SourceFile, facts: SeriesFacts) -> tuple[Recognised | None, str | None]:
    bids = bids_sequence(file.name)
    sequence, other = bids or plain_sequence(file.name)
    if other is not None:
        return None, other
    if sequence is None:
        return None, None
    if sequence == "T1WI" and facts.contrast_agent:
        sequence = "T1CE"
    by_header = recognise(facts)
    if by_header is not None and {by_header.sequence, sequence} == {"T1WI", "T1CE"} and by_header.sequence == "T1CE":
        sequence = "T1CE"
    return Recognised(sequence, 0.9 if bids else 0.85, "its BIDS name" if bids else "the file's name"), None


def named(file: SourceFile) -> Recognised | None:
    """Which sequence a NIfTI file is by its name alone."""
    return _nifti_sequence(file, SeriesFacts())[0]


def _inherited(name: str, suffix: str, names: Mapping[str, SourceFile]) -> SourceFile | None:
    """The file of that suffix that governs a NIfTI file: beside it, or above it under BIDS' rule of inheritance."""
    own = names.get(posixpath.join(posixpath.dirname(name), stem(name) + suffix))
    if own is not None or bids_of(name) is None:
        return own
    entities = set(_INHERITED_KEYS.findall(stem(name)))
    last = stem(name).rsplit("_", 1)[-1]
    folder = posixpath.dirname(name)
    fitting = [
        each for each in names
        if each.endswith(suffix) and (folder + "/").startswith(_slashed(posixpath.dirname(each)))
        and stem(each).rsplit("_", 1)[-1] == last and set(_INHERITED_KEYS.findall(stem(each))) <= entities
    ]  # fmt: skip
    best = max(
        fitting,
        key=lambda each: (posixpath.dirname(each).count("/"), len(posixpath.dirname(each)), len(stem(each))),
        default=None,
    )
    return None if best is None else names[best]


def _slashed(folder: str) -> str:
    return f"{folder}/" if folder else ""


def _sidecar(file: SourceFile, names: Mapping[str, SourceFile]) -> dict[str, Any]:
    found = _inherited(file.name, ".json", names)
    try:
        plain: Any = json.loads(found.data) if found is not None else {}
    except ValueError:
        plain = {}
    return plain if isinstance(plain, dict) else {}


def _sidecar_facts(plain: Mapping[str, Any]) -> SeriesFacts:
    """BIDS times are in seconds."""

    def of(name: str, factor: float) -> float | None:
        found = plain.get(name)
        return float(found) * factor if isinstance(found, int | float) and not isinstance(found, bool) else None

    def terms(name: str) -> list[str]:
        found = plain.get(name)
        return (
            [str(each).upper() for each in found]
            if isinstance(found, list)
            else re.split(r"[\\_ ]", str(found or "").upper())
        )

    agent = str(plain.get("ContrastBolusAgent") or plain.get("ContrastBolusIngredient") or "").strip().lower()
    words = [
        str(plain.get(name) or "")
        for name in ("SeriesDescription", "ProtocolName", "PulseSequenceDetails", "SequenceName")
    ]
    return SeriesFacts(
        te=of("EchoTime", 1000), tr=of("RepetitionTime", 1000), ti=of("InversionTime", 1000), flip=of("FlipAngle", 1),
        field_t=of("MagneticFieldStrength", 1), contrast_agent=agent not in ("", "no", "none", "without", "0"),
        scanning=frozenset(set(terms("ScanningSequence")) & {"SE", "IR", "GR", "EP", "RM"}),
        kinds=frozenset(set(terms("ImageType")[2:]) & _SIDECAR_KINDS),
        body_part=str(plain.get("BodyPartExamined") or ""),
        words=" | ".join(filter(None, words)),
    )  # fmt: skip


_SIDECAR_KINDS = frozenset(
    {"ADC", "TRACEW", "DIFFUSION", "SWI", "MNIP", "P", "PHASE", "FA", "MIP", "FAT", "WATER", "TOF"}
)


def _b_values(file: SourceFile | None) -> tuple[float, ...]:
    try:
        return tuple(float(each) for each in file.data.split()) if file is not None else ()
    except ValueError:
        return ()


def _take_dicom(datasets: Sequence[Dataset], found: Found, hints: StudyHints) -> None:
    frames: list[Slice] = []
    burned: set[str] = set()
    reports: list[Dataset] = []
    for dataset in datasets:
        found.census.add(dataset)
        try:
            found.study = found.study or str(value(dataset, "StudyInstanceUID") or "")
            found.date = found.date or str(value(dataset, "StudyDate") or "")
            if is_report(dataset):
                found.census.add_words(context_texts(dataset))
                reports.append(dataset)
                continue
            if value(dataset, "BurnedInAnnotation") == "YES":
                burned.add(str(value(dataset, "SeriesInstanceUID")))
            frames += slices(dataset)
        except StudyRefused as error:
            found.refuse(error)
    found.patient = patient_of(datasets, hints) if datasets else found.patient
    _take_structured(reports, found)
    for stack in stacks(frames):
        found.sources.append(
            Source(
                lambda stack=stack: assemble(stack),  # type: ignore[misc]  # mypy does not infer a bound default
                stack.facts, stack.files, says_burned_in=stack.slices[0].series in burned,
            )
        )  # fmt: skip


def _take_structured(reports: Sequence[Dataset], found: Found) -> None:
    """The latest report that no other replaces."""
    plain = [each for each in reports if not is_measurement(each)]
    if len(plain) < len(reports):
        found.refused["file", "report-measurements", "a viewer's measurements"] += len(reports) - len(plain)
    gone = {uid for each in plain for uid in replaced(each)}
    standing = [each for each in plain if str(value(each, "SOPInstanceUID")) not in gone] or plain
    if not standing:
        return
    when = ("ContentDate", "ContentTime", "InstanceNumber")
    latest = max(standing, key=lambda each: tuple(str(value(each, name) or "") for name in when))
    if len(plain) > 1:
        found.refused["file", "report-superseded", "an older report of the same study"] += len(plain) - 1
    if found.report:
        found.refused["file", "report-superseded", "a text beside a structured report"] += 1
    found.report, found.report_source = report_text(latest), "dicom-sr"


def patient_of(datasets: Sequence[Dataset], hints: StudyHints) -> str:
    """Issuer and PatientID, else name and birth date, else nothing. Raises `StudyRefused` for several patients."""

    def all_of(keyword: str) -> set[str]:
        return {text for each in datasets if (text := str(value(each, keyword) or "").strip())}

    ids = {each for each in all_of("PatientID") if each.upper() not in _NO_ID}
    issuers = all_of("IssuerOfPatientID")
    names = {_name(each) for each in all_of("PatientName")} - {""}
    births = all_of("PatientBirthDate")
    several = len(ids) > 1 or len(issuers) > 1 or (not ids and not _one_person(names)) or (not ids and len(births) > 1)
    if several:
        raise StudyRefused("study-of-several-patients", "its files name more than one patient")
    if ids:
        return f"{next(iter(issuers), hints.issuer)}|{next(iter(ids))}"
    if names and births:
        return f"name|{min(names)}|{next(iter(births))}"
    return ""


def _name(text: str) -> str:
    words = sorted(re.findall(r"\w+", text.split("=")[0].casefold()))
    return "" if " ".join(words).upper() in _NO_ID else " ".join(words)


def _one_person(names: set[str]) -> bool:
    """Names that share a word may be one person's, written in more than one way."""
    parts = [set(each.split()) for each in names]
    return len(parts) < 2 or bool(set.intersection(*parts))
