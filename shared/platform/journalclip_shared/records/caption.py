"""What a caption says, as coded values beside the words they came from.

A coded value names a term of a controlled vocabulary (services/structuring holds them as data files) and the character
span of its source text, so that every claim can be checked by eye. Negation and certainty are fields of a finding, not
of its wording: edit distance and sentence cosine both call "infarct" and "no infarct" alike, this record does not.
"""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from journalclip_shared.records import Document

SCHEMA_VERSION = "1"

Laterality = Literal["left", "right", "bilateral", "midline"]
Certainty = Literal["certain", "probable", "possible"]
Stage = Literal["preoperative", "intraoperative", "postoperative", "follow-up"]
RecordFlag = Literal["hidden-instruction", "fallback", "low-read-share"]
FLAGS: tuple[RecordFlag, ...] = get_args(RecordFlag)


class Coded(Document):
    """A vocabulary term and where the text says it."""

    term: str
    text: str = ""
    span: tuple[int, int] | None = Field(None, description="Start and end character of ``text`` in the source.")


class Finding(Coded):
    """A finding, present or denied."""

    negated: bool = False
    certainty: Certainty = "certain"
    site: str | None = None
    laterality: Laterality | None = None


class CaptionRecord(Document):
    """One caption (or subcaption), structured."""

    schema_version: str = SCHEMA_VERSION
    modality: tuple[Coded, ...] = ()
    sequence: tuple[Coded, ...] = Field((), description="MRI sequence or CT phase: T1WI, FLAIR, contrast ...")
    plane: tuple[Coded, ...] = ()
    anatomy: tuple[Coded, ...] = ()
    laterality: tuple[Coded, ...] = ()
    findings: tuple[Finding, ...] = ()
    procedure: tuple[Coded, ...] = ()
    stage: tuple[Coded, ...] = ()
    panel: str | None = Field(None, description="Letter of the panel this text belongs to; None for a whole figure.")
    unread: tuple[tuple[int, int], ...] = Field((), description="Spans of sentences of which nothing was coded.")
    read_share: float | None = Field(
        None, ge=0, le=1, description="Share of the characters in sentences of which something was coded."
    )
    flags: tuple[RecordFlag, ...] = Field(
        (), description="Suspected instructions in the text; a stand-in structurer; little of the text read."
    )
    by: str = Field("", description="Name and version of the structurer that made this record.")
    rendering: str = Field("", description="The record as one plain sentence; recipes may train on it.")
