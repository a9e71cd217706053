"""What each file of an archive is, from its first bytes: enough to say which study it belongs to, and no more.

Runs in the sandbox's child over many files at once. DICOM is told by its bytes, whatever a file is called. Texts and
tables are looked into whole. Identifying values leave the child only to put files together; they stay in memory.
"""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zlib
from dataclasses import dataclass, field
from typing import Any, Literal

from pydicom import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from journalclip_sources.studies.dicom.decode import BROKEN, is_dicom, value
from journalclip_sources.studies.encoding import decode_text
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.files import SourceFile, unpack
from journalclip_sources.studies.nifti import is_nifti
from journalclip_sources.studies.ris import RisRow, read_rows, wrapped_rows

HEAD_BYTES = 16 << 10
TEXT_SUFFIXES = (".txt", ".text", ".md", ".json", ".csv", ".tsv", ".jsonl", ".ndjson")
_PAPER_FORMS = (".pdf", ".rtf", ".doc", ".docx", ".odt", ".html", ".htm", ".xml", ".xls", ".xlsx")
_REPORT_NAME = re.compile(r"(?i)report|befund|bericht|rapport|informe|referto|laudo|verslag|opis|报告|レポート")
_LAST = BaseTag(0x0020000D)
# (0002,0000) and what a dataset of group 8 begins with: group length, character set, image type, times, class.
_ELEMENTS = ((2, 0), (2, 1), (2, 2), (2, 0x10), (8, 0), (8, 1), (8, 5), (8, 6), (8, 8), (8, 0x12), (8, 0x16))
_FIRST = frozenset(struct.pack(f"{order}HH", *each) for each in _ELEMENTS for order in "<>")
_DICOMDIR = "1.2.840.10008.1.3.10"
_REPORT_WORDS = re.compile(
    r"(?i)\b(?:t1|t2|flair|dwi|swi|mri?|mrt|irm|rm|rmn|infarct\w*|lesion\w*|l[äae]sion\w*|brain|cerebr\w*|signal\w*|"
    r"normal\w*|"
    r"tumou?r\w*|h[aä]?emorr?h\w*|findings|impression|befund\w*|beurteilung|conclusion\w*|frontal\w*|ventric\w*|"
    r"ventrik\w*|stroke|"
    r"мрт|головн\w*|мозг\w*|очаг\w*|сигнал\w*)\b|脑|颅|信号|病变|梗死|异常|脳|梗塞|所見"
)


@dataclass(frozen=True)
class SurveyOptions:
    """``columns`` names a report table's columns by role; see `ris.NAMES`."""

    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileFacts:
    """``kind`` ``more``: its first bytes do not say which study it belongs to, and all of it is needed."""

    kind: Literal["dicom", "nifti", "sidecar", "report", "text", "table", "index", "other", "more"] = "other"
    study: str = ""
    issuer: str = field(default="", repr=False)
    patient: str = field(default="", repr=False)
    accession: str = field(default="", repr=False)
    image: bool = False
    words: tuple[str, ...] = field(default=(), repr=False)  # of a text: what may be a number of a study
    rows: tuple[RisRow, ...] = field(default=(), repr=False)
    refused: str = ""  # a code


def survey_files(data: bytes, options: SurveyOptions) -> tuple[FileFacts, ...]:
    """From `files.pack`'s bytes, in their order."""
    return tuple(_facts(file, options) for file in unpack(data, nested=False))


def _facts(file: SourceFile, options: SurveyOptions) -> FileFacts:
    data = file.data
    if is_nifti(data):
        return FileFacts("nifti")
    if is_dicom(data) or plausible_dicom(data):
        return _dicom(data)
    if file.ends(*TEXT_SUFFIXES):
        try:
            return _text(file, options)
        except StudyRefused as error:
            return FileFacts("text", refused=error.code)
    if file.ends(*_PAPER_FORMS) and _REPORT_NAME.search(file.stem):
        return FileFacts("text", refused="report-unreadable")
    return FileFacts(
        "nifti" if file.ends(".nii", ".nii.gz") else "dicom" if file.ends(".dcm", ".ima", ".dicom") else "other"
    )


def plausible_dicom(data: bytes) -> bool:
    """Without a preamble a file begins with an element of group 2 or 8, in either byte order."""
    return data[:4] in _FIRST


def _dicom(data: bytes) -> FileFacts:
    whole = len(data) != HEAD_BYTES
    try:
        dataset = _until_study(data)
    except (*BROKEN, zlib.error):
        return FileFacts("dicom" if whole else "more")
    if str(getattr(dataset.file_meta, "MediaStorageSOPClassUID", "")) == _DICOMDIR:
        return FileFacts("index")
    study = str(value(dataset, "StudyInstanceUID") or "")
    if not study and not whole:
        return FileFacts("more")
    return FileFacts(
        "dicom", study,
        issuer=str(value(dataset, "IssuerOfPatientID") or "").strip(),
        patient=str(value(dataset, "PatientID") or "").strip(),
        accession=str(value(dataset, "AccessionNumber") or "").strip(),
        image=str(value(dataset, "Modality") or "") not in ("SR", "KO", "PR", "DOC", "REG", "SEG"),
    )  # fmt: skip


def _until_study(data: bytes) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_partial(io.BytesIO(data), stop_when=lambda tag, _vr, _length: tag > _LAST, force=True)


def _text(file: SourceFile, options: SurveyOptions) -> FileFacts:
    text = decode_text(file.data)
    if file.ends(".csv", ".tsv", ".jsonl", ".ndjson"):
        return FileFacts("table", rows=read_rows(text, file.name, options.columns))
    if file.ends(".json"):
        return _json(file, text, options)
    if len(set(map(str.lower, _REPORT_WORDS.findall(text)))) >= 1 or "report" in file.stem:
        return FileFacts("report", words=_numbers(text))
    return FileFacts("text", words=_numbers(text))


def _json(file: SourceFile, text: str, options: SurveyOptions) -> FileFacts:
    try:
        plain: Any = json.loads(text)
    except ValueError:
        if text.lstrip().startswith("{") and "\n{" in text:
            return FileFacts("table", rows=read_rows(text, file.name, options.columns))
        return FileFacts("text", refused="report-unreadable") if "report" in file.stem else FileFacts("sidecar")
    if isinstance(plain, list):
        return FileFacts("table", rows=read_rows(text, file.name, options.columns))
    if not isinstance(plain, dict):
        return FileFacts("text")
    if any(isinstance(plain.get(name), str) for name in ("report", "findings", "text")):
        return FileFacts("report", words=_numbers(text))
    if wrapped_rows(plain) and (rows := read_rows(text, file.name, options.columns)):
        return FileFacts("table", rows=rows)
    if "report" in file.stem:
        return FileFacts("text", refused="report-unreadable")
    return FileFacts("sidecar", study=str(plain.get("StudyInstanceUID") or ""),
                     patient=str(plain.get("PatientID") or ""),
                     accession=str(plain.get("AccessionNumber") or ""))  # fmt: skip


def _numbers(text: str) -> tuple[str, ...]:
    """Words with digits that may be an accession number or a UID."""
    return tuple(
        dict.fromkeys(word for word in re.findall(r"[A-Za-z0-9][\w.\-]{3,63}", text[:20_000]) if re.search(r"\d", word))
    )[:400]
