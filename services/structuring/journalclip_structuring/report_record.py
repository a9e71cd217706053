"""Findings, each once, to a report's record: the one place where descriptions of sequences are made.

A finding for which the report names no sequence stands under every sequence that is described and not called normal.
A sequence that the report names and says nothing of keeps an empty description, which reads "nothing recognised".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, get_args

from journalclip_shared.records.report import (
    ReportFinding,
    ReportRecord,
    SequenceDescription,
    SequenceName,
    WholeFinding,
)
from journalclip_structuring.report_rendering import rendered

SEQUENCES: Final[tuple[SequenceName, ...]] = get_args(SequenceName)


def make_record(
    findings: Sequence[WholeFinding], named: Iterable[str], normal: Iterable[str] = (), base: ReportRecord | None = None
) -> ReportRecord:
    """``named``: sequences that the report speaks of; ``normal``: those it calls normal; ``base``: all other fields."""
    calm = set(normal)
    shown = {name for finding in findings for name in finding.on}
    known = {*named, *calm, *shown}
    described = [_describe(findings, name, name in calm) for name in SEQUENCES if name in known]
    record = (base or ReportRecord()).model_copy(update={"findings": tuple(findings), "descriptions": tuple(described)})
    return rendered(record)


def attached(record: ReportRecord, sequences: Iterable[SequenceName]) -> ReportRecord:
    """A report that names no sequence, said of ``sequences``: those that its study has."""
    if record.descriptions or record.findings is None:
        return record
    names = list(sequences)
    return make_record(record.findings, names, names if record.normal else (), record)


def _describe(findings: Sequence[WholeFinding], sequence: SequenceName, normal: bool) -> SequenceDescription:
    shown = [each for each in findings if (sequence in each.on if each.on else not normal or each.negated)]
    normal = normal and all(each.negated for each in shown)
    return SequenceDescription(sequence=sequence, findings=tuple(_on(each, sequence) for each in shown), normal=normal)


def _on(finding: WholeFinding, sequence: SequenceName) -> ReportFinding:
    fields = finding.model_dump(exclude={"on"})
    if sequence != "T1CE":
        fields["enhancement"] = None
    return ReportFinding.model_validate({**fields, "signal": finding.on.get(sequence)})
