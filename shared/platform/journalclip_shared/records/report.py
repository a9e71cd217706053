"""What a radiology report says: its findings, once each, and a description for each MRI sequence (SeLIP's form).

A finding that several sequences show stands once in ``findings`` with the signal on each, and once under each of those
sequences: a sequence and its description are one image-text pair. All values are codes, whatever the language of the
report; negation and certainty are fields; coded values keep the words and the character span they came from. A
description without findings says nothing of its sequence unless it is ``normal``.
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
Change = Literal["new", "larger", "smaller", "stable", "resolved"]
ReportLanguage = Literal["en", "zh"]


class Size(Document):
    """One to three diameters, in the unit and order of the report."""

    values: tuple[float, ...] = Field(min_length=1, max_length=3)
    unit: Literal["mm", "cm"]


class _Described(Finding):
    """What is said of a finding whichever sequence shows it; None means that the report does not say."""

    size: Size | None = None
    count: int | Literal["multiple"] | None = None
    shape: Shape | None = None
    mass_effect: MassEffect | None = None
    enhancement: Enhancement | None = None
    change: Change | None = Field(None, description="Against an earlier examination; `resolved` findings are denied.")


class ReportFinding(_Described):
    """A finding on one sequence."""

    signal: Signal | None = None


class WholeFinding(_Described):
    """A finding of the report. ``on``: the sequences that show it, or on which a denied one was looked for."""

    on: dict[SequenceName, Signal | None] = Field(default_factory=dict)


class SequenceDescription(Document):
    """All that the report says of one sequence. No findings and not ``normal``: nothing was recognised of it."""

    sequence: SequenceName
    findings: tuple[ReportFinding, ...] = ()
    normal: bool = Field(False, description="The report itself calls this sequence, or all of them, normal.")
    rendering: str = Field("", description="The description as plain sentences; the text of a sequence's pair.")

    @property
    def recognised(self) -> bool:
        """Does it say anything? A description that does not is no example of a normal sequence."""
        return self.normal or bool(self.findings)


class ReportRecord(Document):
    """One report, structured: sequences in the order of `SequenceName`, each at most once."""

    schema_version: str = SCHEMA_VERSION
    language: ReportLanguage | None = Field(None, description="Language of the report; None in records made before.")
    findings: tuple[WholeFinding, ...] | None = Field(
        None, description="Every finding once, in the order of the report; None in records made before."
    )
    descriptions: tuple[SequenceDescription, ...] = ()
    normal: bool = Field(False, description="The report calls the whole examination normal.")
    compared: bool = Field(False, description="The report compares with an earlier examination.")
    unread: tuple[tuple[int, int], ...] = Field((), description="Spans of sentences of which nothing was understood.")
    read_share: float | None = Field(
        None, ge=0, le=1, description="Share of the characters that speak of this study in sentences understood."
    )
    flags: tuple[RecordFlag, ...] = ()
    by: str = Field("", description="Name and version of the structurer that made this record.")
    rendering: str = ""
