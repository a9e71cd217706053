"""The rules' reading of a report as a record. `reports` reads; this translates into codes."""

from __future__ import annotations

from typing import cast

from journalclip_shared.records.caption import Certainty, Laterality
from journalclip_shared.records.report import ReportRecord, SequenceName, Size, WholeFinding
from journalclip_structuring.report_record import make_record
from journalclip_structuring.reports.entity import Entity
from journalclip_structuring.reports.language import Language, language_of
from journalclip_structuring.reports.report import read_report_text

LOW_READ_SHARE = 0.5  # less than this of a report understood: its record is for people to look at


class UnsupportedLanguage(ValueError):
    """The text is in a language that the rules do not read."""


def read_report(text: str, language: Language | None = None) -> ReportRecord:
    """The record that the rules make. Raises `UnsupportedLanguage`; a text without letters reads as nothing."""
    known = language or language_of(text)
    if known is None:
        if any(char.isalpha() for char in text):
            raise UnsupportedLanguage("the report is neither English nor Chinese")
        return ReportRecord(findings=())
    reading = read_report_text(text, known)
    normal = reading.named if reading.exam_normal else reading.normal
    base = ReportRecord(
        language=known,
        normal=reading.exam_normal,
        compared=reading.compared,
        unread=reading.unread,
        read_share=round(reading.read_share, 4),
        flags=("low-read-share",) if reading.unread and reading.read_share < LOW_READ_SHARE else (),
    )
    return make_record([_finding(each, text) for each in reading.findings], reading.named, normal, base)


def _finding(entity: Entity, text: str) -> WholeFinding:
    values: list[float] = []
    if entity.size:
        values = [float(value) for value in entity.size[:-2].split("x")]
    on = {name: signal for name, signal in entity.on.items() if name not in entity.not_on}
    return WholeFinding.model_validate(
        {
            "term": entity.term,
            "text": text[entity.start : entity.end],
            "span": (entity.start, entity.end),
            "negated": entity.negated,
            "certainty": cast("Certainty", entity.certainty),
            "site": entity.site,
            "laterality": cast("Laterality | None", entity.side),
            "size": Size(values=tuple(values), unit="cm" if entity.size.endswith("cm") else "mm")
            if entity.size
            else None,
            "count": entity.count if entity.count in {None, "multiple"} else int(entity.count or 0),
            "shape": entity.shape,
            "mass_effect": entity.mass_effect,
            "enhancement": entity.enhancement if not entity.negated else None,
            "change": entity.change,
            "on": {cast("SequenceName", name): (None if entity.negated else signal) for name, signal in on.items()},
        }
    )
