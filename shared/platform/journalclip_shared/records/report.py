"""What a radiology report says, as one description for each MRI sequence (the form SeLIP trains on).

A finding that several sequences show stands once under each of them, with that sequence's own signal: a sequence and
its description are one image-text pair. As in a caption's record, negation and certainty are fields, and coded values
keep the words and the character span they came from.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from journalclip_shared.records import Document
from journalclip_shared.records.caption import SCHEMA_VERSION, Finding, RecordFlag

SequenceName = Literal["T1WI", "T1CE", "T2WI", "FLAIR", "DWI", "ADC", "SWI"]
Signal = Literal["hypointense", "isointense", "hyperintense", "mixed"]
Shape = Literal["round", "oval", "irregular", "lobulated", "patchy", "linear"]
Enhancement = Literal["none", "homogeneous", "heterogeneous", "ring"]
MassEffect = Literal["none", "mild", "marked"]


class Size(Document):
    """One to three diameters, in the unit and order of the report."""

    values: tuple[float, ...] = Field(min_length=1, max_length=3)
    unit: Literal["mm", "cm"]


class ReportFinding(Finding):
    """A finding on one sequence; None means that the report does not say."""

    signal: Signal | None = None
    size: Size | None = None
    count: int | Literal["multiple"] | None = None
    shape: Shape | None = None
    mass_effect: MassEffect | None = None
    enhancement: Enhancement | None = None


class SequenceDescription(Document):
    """All that the report says of one sequence; no findings means that it is described as normal."""

    sequence: SequenceName
    findings: tuple[ReportFinding, ...] = ()
    rendering: str = Field("", description="The description as plain sentences; the text of a sequence's pair.")


class ReportRecord(Document):
    """One report, structured: sequences in the order of `SequenceName`, each at most once."""

    schema_version: str = SCHEMA_VERSION
    descriptions: tuple[SequenceDescription, ...] = ()
    flags: tuple[RecordFlag, ...] = ()
    by: str = Field("", description="Name and version of the structurer that made this record.")
    rendering: str = ""
