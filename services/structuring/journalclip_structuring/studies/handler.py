"""`VolumesExtracted` in, `StudyStructured` out: each sequence beside what the report says of it (SeLIP's pairs).

Idempotent by the manifest ``structured/<extractor>/<structurer>/<study_id>``. A sequence that the report does not speak
of, or of which nothing was recognised, has no pair and stays part of the study; ``without_pair`` counts why. A report
that names no sequence is said of all volumes, unless the options say otherwise. A description without a volume is in
the record only. A report in a language that is not read is refused; any other that the structurer cannot do is done by
rules and flagged; when the structurer itself is unavailable the delivery is tried again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.events import Event, Fact, StudyStructured, VolumesExtracted
from journalclip_shared.ids import make_id
from journalclip_shared.records.report import ReportLanguage, ReportRecord, SequenceDescription, SequenceName
from journalclip_shared.records.study import ExtractedStudy, StructuredStudy, StudyPair
from journalclip_structuring.errors import StructurerUnavailable, UnreadableDocument, UnsupportedReport
from journalclip_structuring.handler import slug
from journalclip_structuring.report_record import attached
from journalclip_structuring.report_rendering import rendered
from journalclip_structuring.report_rules import UnsupportedLanguage
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.structurer import Structurer, StructureRequest, signature


@dataclass(frozen=True)
class ReportOptions:
    """How reports become pairs."""

    language: ReportLanguage = "en"  # of the renderings, whatever the language of the report
    unnamed: Literal["attach", "leave"] = "attach"  # a report that names no sequence: all volumes get it, or none


class StudyStructuringHandler:
    """One report an event."""

    group = "structuring-studies"
    consumes: tuple[type[Fact], ...] = (VolumesExtracted,)

    def __init__(self, store: ArtifactStore, structurer: Structurer, options: ReportOptions | None = None) -> None:
        self._store, self._structurer = store, structurer
        self._options = options or ReportOptions()
        self._rules = RuleStructurer()

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `UnreadableDocument`, `UnsupportedReport`, `StructurerUnavailable`."""
        fact = event.fact
        if not isinstance(fact, VolumesExtracted):
            raise TypeError(f"{type(fact).__name__} is not for structuring studies")
        study = self._read(fact)
        version = signature(self._structurer)
        name = f"structured/{slug(study.extractor)}/{slug(version)}/{study.study_id}"
        done = self._store.find_manifest("studies", name)
        if done is not None:
            structured = StructuredStudy.model_validate_json(self._store.get(done))
        else:
            structured = self._structure(study, fact, version)
            done = self._store.put_manifest("studies", name, structured.canonical())
        return [StudyStructured(study_id=study.study_id, document=done, pairs=len(structured.pairs))]

    def _read(self, fact: VolumesExtracted) -> ExtractedStudy:
        try:
            return ExtractedStudy.model_validate_json(self._store.get(fact.document))
        except ValidationError as error:
            raise UnreadableDocument(fact.document.uri, error.error_count()) from error

    def _structure(self, study: ExtractedStudy, fact: VolumesExtracted, version: str) -> StructuredStudy:
        record = self._record(study.report)
        if self._options.unnamed == "attach":
            record = attached(record, [volume.sequence for volume in study.volumes])
        record = rendered(record, self._options.language)
        described = {each.sequence: each for each in record.descriptions}
        said = {name: each for name, each in described.items() if each.recognised and each.rendering}
        pairs = [
            StudyPair(
                pair_id=make_id("pair", study.study_id, volume.series_id, study.extractor, version),
                study_id=study.study_id,
                patient=study.patient,
                sequence=volume.sequence,
                volume=volume.volume,
                text=said[volume.sequence].rendering,
                description=said[volume.sequence],
            )
            for volume in study.volumes
            if volume.sequence in said
        ]
        missing = Counter(_why(described, v.sequence) for v in study.volumes if v.sequence not in said)
        return StructuredStudy(
            study_id=study.study_id,
            patient=study.patient,
            extractor=study.extractor,
            structurer=version,
            source=fact.document,
            grid=study.grid,
            volumes=study.volumes,
            record=record,
            pairs=tuple(pairs),
            without_pair=dict(sorted(missing.items())),
        )

    def _record(self, report: str) -> ReportRecord:
        if not report.strip():
            return ReportRecord()
        request = StructureRequest("report", report, kind="report")
        result = self._structurer.structure([request])[0]
        if isinstance(result.record, ReportRecord):
            return result.record
        if result.failure is not None and result.failure.retryable:
            raise StructurerUnavailable(result.failure.code, result.failure.reason, 1)
        try:
            stand_in = self._rules.report(request)
        except UnsupportedLanguage as error:
            raise UnsupportedReport(str(error)) from error
        return stand_in.model_copy(update={"flags": (*stand_in.flags, "fallback")})


def _why(described: dict[SequenceName, SequenceDescription], sequence: SequenceName) -> str:
    """Why a volume has no pair."""
    return "nothing-recognised" if sequence in described else "not-described"
