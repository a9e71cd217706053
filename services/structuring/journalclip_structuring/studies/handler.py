"""`VolumesExtracted` in, `StudyStructured` out: each sequence beside what the report says of it (SeLIP's pairs).

Idempotent by the manifest ``structured/<extractor>/<structurer>/<study_id>``. A sequence that the report does not speak
of has no pair and stays part of the study; a description without a volume is in the record only. A report that the
structurer cannot do is refused with its reason; where the world is at fault nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client.registry import Collector
from pydantic import ValidationError

from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, Fact, StudyStructured, VolumesExtracted
from journalclip_shared.ids import make_id
from journalclip_shared.records.report import ReportRecord
from journalclip_shared.records.study import ExtractedStudy, StructuredStudy, StudyPair
from journalclip_structuring.errors import UnreadableDocument
from journalclip_structuring.handler import finished, slug
from journalclip_structuring.structurer import Structurer, StructureRequest, signature


class StudyStructuringHandler:
    """One report an event."""

    group = "structuring-studies"
    consumes: tuple[type[Fact], ...] = (VolumesExtracted,)

    def __init__(self, store: ArtifactStore, structurer: Structurer) -> None:
        self._store, self._structurer = store, structurer
        self.metrics: Sequence[Collector] = getattr(structurer, "metrics", ())

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `UnreadableDocument`, `StructurerStopped`, and `PermanentError` for a report that cannot be done."""
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
        said = {each.sequence: each for each in record.descriptions}
        pairs = [
            StudyPair(
                pair_id=make_id("pair", study.study_id, volume.series_id, study.extractor, record.by or version),
                study_id=study.study_id,
                patient=study.patient,
                sequence=volume.sequence,
                volume=volume.volume,
                text=said[volume.sequence].rendering,
                description=said[volume.sequence],
            )
            for volume in study.volumes
            if volume.sequence in said and said[volume.sequence].rendering
        ]
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
        )

    def _record(self, report: str) -> ReportRecord:
        if not report.strip():
            return ReportRecord()
        request = StructureRequest("report", report, kind="report")
        result = finished(self._structurer.structure([request]))[0]
        if result.failure is not None:
            raise PermanentError(
                result.failure.code, result.failure.reason, "Read the report; docs/operations/errors.md."
            )
        assert isinstance(result.record, ReportRecord), "a report's record is of a report"
        return result.record
