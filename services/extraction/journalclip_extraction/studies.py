"""`StudySubmitted` -> `VolumesExtracted`: one volume a sequence on the model's grid, the manifest last.

Idempotent by the manifest ``extracted/<extractor>/<study_id>``. Where several series are one sequence the surest one is
taken, then the one with more slices.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pydantic import ValidationError

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import Event, Fact, StudySubmitted, VolumesExtracted
from journalclip_shared.records.study import ExtractedStudy, ExtractedVolume, SubmittedSeries, SubmittedStudy
from journalclip_shared.withdrawals import SourceWithdrawn, Withdrawals
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.files import SourceFile, pack
from journalclip_sources.studies.normalise import NormalisedStudy, NormaliseOptions
from journalclip_sources.studies.options import GridOptions
from journalclip_sources.studies.version import slug


class Normaliser(Protocol):
    """What lays volumes on the grid; the cell in production."""

    def read(self, data: bytes, options: NormaliseOptions) -> NormalisedStudy:
        """Raises `PermanentError`, `TransientError`."""
        ...


class StudyHandler:
    """One study an event."""

    group = names.group("extraction", "studies")
    consumes: tuple[type[Fact], ...] = (StudySubmitted,)

    def __init__(self, store: ArtifactStore, normaliser: Normaliser, grid: GridOptions | None = None) -> None:
        self._store, self._normaliser, self._grid = store, normaliser, grid or GridOptions()
        self._withdrawals = Withdrawals(store)
        self.extractor = slug(self._grid)

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `PermanentError` with the codes of studies and sandbox, `SourceWithdrawn`, `TransientError`."""
        fact = event.fact
        if not isinstance(fact, StudySubmitted):
            raise TypeError(f"{self.group} does not consume {event.topic}")
        document, done = self._document(fact)
        yield VolumesExtracted(study_id=document.study_id, document=done, volumes=len(document.volumes))

    def _document(self, fact: StudySubmitted) -> tuple[ExtractedStudy, ArtifactRef]:
        """What was made of this version of the study; one that was submitted again with other content is a second."""
        taken = self._withdrawals.current()
        if taken and (word := taken.of_study(fact.study_id, self._submitted(fact.study).patient)) is not None:
            raise SourceWithdrawn(word, fact.study_id)
        first = names.extracted(self.extractor, fact.study_id)
        for name in (first, f"{first}/{fact.study.sha256[:16]}"):
            done = self._store.find_manifest("studies", name)
            if done is None:
                document = self._extract(fact.study)
                return document, self._store.put_manifest("studies", name, document.canonical())
            document = ExtractedStudy.model_validate_json(self._store.get(done))
            if document.source == fact.study:
                return document, done
        raise AssertionError("a document named after its source is of another one")

    def _extract(self, source: ArtifactRef) -> ExtractedStudy:
        study = self._submitted(source)
        chosen = choose(study.series)
        files = [SourceFile(f"{n:03d}.nii.gz", self._store.get(each.volume)) for n, each in enumerate(chosen)]
        options = NormaliseOptions(tuple(each.sequence for each in chosen), self._grid, study.frame)
        found = self._normaliser.read(pack(files), options)
        return ExtractedStudy(
            study_id=study.study_id,
            patient=study.patient,
            extractor=self.extractor,
            source=source,
            grid=self._grid.shape,
            volumes=tuple(
                ExtractedVolume(
                    series_id=series.series_id,
                    sequence=series.sequence,
                    confidence=series.confidence,
                    volume=self._store.put("studies", volume.nifti, "application/gzip"),
                    spacing=self._grid.spacing_mm,
                )
                for series, volume in zip(chosen, found.volumes, strict=True)
            ),
            report=study.report,
            sealed=study.sealed,
        )

    def _submitted(self, source: ArtifactRef) -> SubmittedStudy:
        try:
            return SubmittedStudy.model_validate_json(self._store.get(source))
        except ValidationError as error:
            raise StudyRefused("study-archive-invalid", "the document is no submitted study of this version") from error


def choose(series: Iterable[SubmittedSeries]) -> list[SubmittedSeries]:
    """The best series of each sequence, in the order of their ids."""
    best: dict[str, SubmittedSeries] = {}
    for each in series:
        held = best.get(each.sequence)
        if held is None or _rank(each) > _rank(held):
            best[each.sequence] = each
    return sorted(best.values(), key=lambda each: each.series_id)


def _rank(series: SubmittedSeries) -> tuple[float, int, str]:
    return series.confidence, min(series.shape), series.series_id
