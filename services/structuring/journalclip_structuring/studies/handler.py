"""`VolumesExtracted` in, `StudyStructured` out: each sequence beside what the report says of it (SeLIP's pairs).

Idempotent by the manifest ``structured/<extractor>/<structurer>/<study_id>``. A sequence that the report does not speak
of, or of which nothing was recognised, has no pair and stays part of the study; ``without_pair`` counts why. A report
that names no sequence is said of all volumes, unless the options say otherwise. A description without a volume is in
the record only. A report that the structurer cannot do, such as one in a language that is not read, is refused alone:
its code and reason stand in the document, its volumes have no pair, and the study goes on. Where the structurer itself
is unavailable nothing is written. The report's text is deleted once its record is stored; a further record needs
the vault, or a new submit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client.registry import Collector
from pydantic import ValidationError

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import ConfigurationError
from journalclip_shared.events import Event, Fact, StudyStructured, VolumesExtracted
from journalclip_shared.ids import make_id
from journalclip_shared.records.report import ReportLanguage, ReportRecord, SequenceDescription, SequenceName
from journalclip_shared.records.study import ExtractedStudy, FailedReport, StructuredStudy, StudyPair
from journalclip_shared.sealed import ReportTexts
from journalclip_structuring.errors import UnreadableDocument
from journalclip_structuring.handler import finished, slug
from journalclip_structuring.report_record import attached
from journalclip_structuring.report_rendering import rendered
from journalclip_structuring.structurer import Failure, Structurer, StructureRequest, signature


@dataclass(frozen=True)
class ReportOptions:
    """How reports become pairs."""

    language: ReportLanguage = "en"  # of the renderings, whatever the language of the report
    unnamed: Literal["attach", "leave"] = "attach"  # a report that names no sequence: all volumes get it, or none


class StudyStructuringHandler:
    """One report an event."""

    group = names.group("structuring", "studies")
    consumes: tuple[type[Fact], ...] = (VolumesExtracted,)

    def __init__(
        self,
        store: ArtifactStore,
        structurer: Structurer,
        options: ReportOptions | None = None,
        texts: ReportTexts | None = None,
    ) -> None:
        self._store, self._structurer, self._texts = store, structurer, texts
        self._options = options or ReportOptions()
        self.metrics: Sequence[Collector] = getattr(structurer, "metrics", ())

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `UnreadableDocument`, and what `finished` raises."""
        fact = event.fact
        if not isinstance(fact, VolumesExtracted):
            raise TypeError(f"{type(fact).__name__} is not for structuring studies")
        study = self._read(fact)
        version = signature(self._structurer)
        structured, done = self._document(study, fact, version)
        if study.sealed is not None and self._texts is not None and structured.report_failed is None:
            self._texts.reports.erase(study.sealed.text)  # the record is stored: nothing needs the text any more
        return [StudyStructured(study_id=study.study_id, document=done, pairs=len(structured.pairs))]

    def _document(
        self, study: ExtractedStudy, fact: VolumesExtracted, version: str
    ) -> tuple[StructuredStudy, ArtifactRef]:
        """Of this version of the study; one that was submitted again with other content is a second."""
        first = names.structured(slug(study.extractor), slug(version), study.study_id)
        for name in (first, f"{first}/{fact.document.sha256[:16]}"):
            done = self._store.find_manifest("studies", name)
            if done is None:
                structured = self._structure(study, fact, version)
                return structured, self._store.put_manifest("studies", name, structured.canonical())
            structured = StructuredStudy.model_validate_json(self._store.get(done))
            if structured.source == fact.document:
                return structured, done
        raise AssertionError("a document named after its source is of another one")

    def _read(self, fact: VolumesExtracted) -> ExtractedStudy:
        try:
            return ExtractedStudy.model_validate_json(self._store.get(fact.document))
        except ValidationError as error:
            raise UnreadableDocument(fact.document.uri, error.error_count()) from error

    def _structure(self, study: ExtractedStudy, fact: VolumesExtracted, version: str) -> StructuredStudy:
        outcome = self._record(self._text(study))
        failure = outcome if isinstance(outcome, Failure) else None
        record = ReportRecord() if isinstance(outcome, Failure) else outcome
        if self._options.unnamed == "attach":
            record = attached(record, [volume.sequence for volume in study.volumes])
        record = rendered(record, self._options.language)
        described = {each.sequence: each for each in record.descriptions}
        said = {name: each for name, each in described.items() if each.recognised and each.rendering}
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
            if volume.sequence in said
        ]
        missing = Counter(
            failure.code if failure else _why(described, v.sequence) for v in study.volumes if v.sequence not in said
        )
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
            report_failed=FailedReport(code=failure.code, reason=failure.reason[:200]) if failure else None,
        )

    def _text(self, study: ExtractedStudy) -> str:
        """Raises `PermanentError` ``report-text-gone``, `ConfigurationError` where this service has no key."""
        if study.sealed is None:
            return study.report
        if self._texts is None:
            raise ConfigurationError(
                "report-key-missing", "a report is sealed and this service has no key for it", "Set REPORTS_KEY_FILE."
            )
        return self._texts.read(study.sealed.text, study.sealed.vault, study.sealed.owner)

    def _record(self, report: str) -> ReportRecord | Failure:
        if not report.strip():
            return ReportRecord()
        request = StructureRequest("report", report, kind="report")
        result = finished(self._structurer.structure([request]))[0]
        assert isinstance(result.outcome, ReportRecord | Failure), "a report's record is of a report"
        return result.outcome


def _why(described: dict[SequenceName, SequenceDescription], sequence: SequenceName) -> str:
    """Why a volume has no pair."""
    return "nothing-recognised" if sequence in described else "not-described"
