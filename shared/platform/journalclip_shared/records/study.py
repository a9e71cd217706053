"""The documents of head-MRI studies: submitted (de-identified), extracted (volumes on one grid), structured (pairs).

Nothing in here was typed by a person but the report's text, and that was scrubbed: a patient is a keyed pseudonym, a
series its sequence, dates are shifted. Volumes are gzipped NIfTI. Slices run from below upwards, rows from front to
back, columns from the patient's right to left, so that a slice reads as radiologists display it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records import Document
from journalclip_shared.records.report import ReportRecord, SequenceDescription, SequenceName

ReportSource = Literal["text", "json", "dicom-sr", "ris", "none"]


class SeriesTimes(Document):
    """What the header measured; ms, s/mm2, tesla."""

    te: float | None = None
    tr: float | None = None
    ti: float | None = None
    flip: float | None = None
    b_value: float | None = None
    field_t: float | None = None
    contrast_agent: bool = False


class SubmittedSeries(Document):
    """A series as it was taken in: decoded, de-identified, in its own grid."""

    series_id: str
    sequence: SequenceName
    confidence: float = Field(ge=0, le=1)
    by: str = Field(description="The evidence for the sequence, in words.")
    volume: ArtifactRef
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] = Field(description="mm along each index.")
    times: SeriesTimes = SeriesTimes()
    face_removed: bool = False


class LeftOut(Document):
    """A series or file that was not taken in."""

    what: Literal["series", "file"]
    code: str
    reason: str
    count: int = Field(1, ge=1, description="Files, or slices of the series.")


class DeidReport(Document):
    """What was done, without a value."""

    profile: str
    removed: dict[str, int] = Field(default_factory=dict, description="Header elements by group of the profile.")
    attributes: tuple[str, ...] = Field((), description="Names of removed attributes that the profile lists.")
    dates_shifted: bool = False
    report_scrubbed: dict[str, int] = Field(default_factory=dict, description="Places in the report, by kind.")
    burned_in_series: int = 0
    face: Literal["removed", "none-found", "off"] = "off"
    brain_estimated: bool = Field(False, description="The cut was laid around the brain, not the head's own shape.")


class SealedReport(Document):
    """A report's text, encrypted: in ``reports`` until its record is stored, in ``vault`` where somebody keeps it."""

    text: ArtifactRef
    vault: ArtifactRef | None = None
    owner: str = Field(description="Study and version, authenticated with the text.")


class SubmittedStudy(Document):
    """What `StudySubmitted` refers to."""

    study_id: str
    patient: str
    date: str | None = Field(None, description="Shifted; distances between a patient's studies are true.")
    series: tuple[SubmittedSeries, ...]
    left_out: tuple[LeftOut, ...] = ()
    report: str = Field("", description="Only in documents from before texts were sealed.")
    sealed: SealedReport | None = Field(None, description="Where the report's text lies; None without a report.")
    report_source: ReportSource = "none"
    deid: DeidReport
    frame: tuple[float, float, float] | None = Field(None, description="Centre of the brain, RAS mm.")
    reader: str = Field(description="Name and version of what read it.")


class ExtractedVolume(Document):
    """A sequence on the model's grid: uint8, 0 the background."""

    series_id: str
    sequence: SequenceName
    confidence: float
    volume: ArtifactRef
    spacing: tuple[float, float, float]


class ExtractedStudy(Document):
    """What `VolumesExtracted` refers to: at most one volume a sequence, all on one grid."""

    study_id: str
    patient: str
    extractor: str
    source: ArtifactRef = Field(description="The `SubmittedStudy`.")
    grid: tuple[int, int, int] = Field(description="Slices, rows, columns.")
    volumes: tuple[ExtractedVolume, ...]
    report: str = Field("", description="Only in documents from before texts were sealed.")
    sealed: SealedReport | None = None


class StudyPair(Document):
    """A sequence with what the report says of it: the unit that is trained on."""

    pair_id: str
    study_id: str
    patient: str
    sequence: SequenceName
    volume: ArtifactRef
    text: str = Field(min_length=1)
    description: SequenceDescription


class FailedReport(Document):
    """Why a study's report has no record: no structurer could do its text. The study keeps its volumes."""

    code: str
    reason: str


class StructuredStudy(Document):
    """What `StudyStructured` refers to. ``volumes`` holds undescribed sequences as well: they are part of the study."""

    study_id: str
    patient: str
    extractor: str
    structurer: str
    source: ArtifactRef = Field(description="The `ExtractedStudy`.")
    grid: tuple[int, int, int]
    volumes: tuple[ExtractedVolume, ...]
    record: ReportRecord
    pairs: tuple[StudyPair, ...] = ()
    without_pair: dict[str, int] = Field(
        default_factory=dict,
        description="Volumes without a pair, by reason: `not-described`, `nothing-recognised`, or the failure's code.",
    )
    report_failed: FailedReport | None = Field(None, description="Where the report could not be structured.")
