"""Submitting a study: read in the sandbox, stored de-identified, announced. The original is never stored.

A study is known by a keyed pseudonym of its StudyInstanceUID: the same files and key give the same id, whatever the
folder is called. The key for
pseudonyms is made once, beside the working folder's log, readable by its owner only; the review picture shows a face
and goes to a local folder, never to the store.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.atomic import write_once
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import SourceQuarantined, StudySubmitted
from journalclip_shared.ids import canonical_json, make_id, sha256_hex
from journalclip_shared.records.study import LeftOut, SealedReport, SeriesTimes, SubmittedSeries, SubmittedStudy
from journalclip_shared.sealed import ReportTexts
from journalclip_shared.withdrawals import SourceWithdrawn, Withdrawals
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.options import DeidentifyOptions
from journalclip_sources.studies.read import ReadSeries, ReadStudy
from journalclip_sources.studies.survey import Bundle
from journalclip_sources.studies.version import READER

_KEY_BYTES = 32
_GZIP = "application/gzip"


class StudyReader(Protocol):
    """What reads a study; the cell in production."""

    def read(self, data: bytes, options: DeidentifyOptions) -> ReadStudy:
        """Raises `PermanentError`, `TransientError`."""
        ...


@dataclass(frozen=True)
class Submission:
    """What became of one source: a study, or the fact that says why not."""

    study: SubmittedStudy | None
    fact: StudySubmitted | SourceQuarantined
    new: bool = False


def read_key(path: Path) -> bytes:
    """The key of pseudonyms, made at first use with mode 0600. Raises `StudyRefused` ``study-key-invalid``."""
    if not path.exists():
        write_once(path, secrets.token_bytes(_KEY_BYTES))
    key = path.read_bytes()
    if len(key) < _KEY_BYTES:
        raise StudyRefused("study-key-invalid", f"the key file has {len(key)} bytes")
    return key


def read_bundle(reader: StudyReader, bundle: Bundle, options: DeidentifyOptions) -> ReadStudy:
    """One study of an archive, with what was left out of it before it was read. Raises as the reader does."""
    return complete(reader.read(bundle.packed(), replace(options, hints=bundle.hints)), bundle)


def complete(read: ReadStudy, bundle: Bundle) -> ReadStudy:
    """With the files that the survey left out of the study."""
    more = tuple(
        LeftOut(what="file", code=code, reason=reason, count=count)
        for (code, reason), count in sorted(bundle.left_out.items())
    )
    return replace(read, left_out=(*read.left_out, *more))


def submit_study(
    texts: ReportTexts,
    words: Withdrawals,
    reader: StudyReader,
    bundle: Bundle,
    options: DeidentifyOptions,
    review: Path | None = None,
) -> Submission:
    """Read one study and store it; the caller publishes the fact. Raises `TransientError`.

    A source that cannot be used becomes a `SourceQuarantined` under a digest of its bytes; its name is not in it.
    """
    source_id = ""
    try:
        data = bundle.packed()
        source_id = make_id("std", "refused", sha256_hex(data))
        read = complete(reader.read(data, replace(options, hints=bundle.hints)), bundle)
        del data
        if (word := words.fresh().of_study(read.study, read.patient)) is not None:
            source_id = read.study
            raise SourceWithdrawn(word, read.study)
    except PermanentError as error:
        fact = SourceQuarantined(
            source_id=source_id or make_id("std", "refused", error.code),
            name="MRI study", stage="study-intake", code=error.code, reason=error.reason, remedy=error.remedy,
        )  # fmt: skip
        return Submission(None, fact)
    study, found, new = store_study(texts, read)
    if review is not None and read.review:
        review.mkdir(parents=True, exist_ok=True)
        (review / f"{study.study_id}.png").write_bytes(read.review)
    return Submission(study, StudySubmitted(study_id=study.study_id, study=found, name=describe(study)), new)


def store_study(texts: ReportTexts, read: ReadStudy) -> tuple[SubmittedStudy, ArtifactRef, bool]:
    """Volumes and the sealed report first, the manifest last; whether it is new. The store is that of ``texts``.

    A study that is submitted again with other content (a later report, a series more) keeps its id and is a version of
    its own, named after its digest.
    """
    store, identity = texts.reports.store, read.study
    study = SubmittedStudy(
        study_id=identity,
        patient=read.patient,
        date=read.date,
        series=tuple(_stored(store, identity, number, each) for number, each in enumerate(read.series)),
        left_out=read.left_out,
        report_source=read.report_source,
        deid=read.deid,
        frame=read.frame,
        reader=READER,
    )
    if read.report.strip():
        study = study.model_copy(update={"sealed": _sealed(texts, study, read.report)})
    data = canonical_json(study.model_dump(mode="json"))
    for name in (f"submitted/{identity}", f"submitted/{identity}/{sha256_hex(data)[:16]}"):
        known = store.find_manifest("studies", name)
        if known is None:
            return study, store.put_manifest("studies", name, data), True
        if store.get(known) == data:
            return study, known, False
    raise AssertionError("a manifest named after its digest holds other bytes")


def _sealed(texts: ReportTexts, study: SubmittedStudy, report: str) -> SealedReport:
    """Sealed for this version of the study alone: a version's text is deleted without another's."""
    owner = f"{study.study_id}/{sha256_hex(canonical_json(study.model_dump(mode='json')))[:16]}"
    vault = texts.vault.seal(report, owner) if texts.vault is not None else None
    return SealedReport(text=texts.reports.seal(report, owner), vault=vault, owner=owner)


def describe(study: SubmittedStudy) -> str:
    """The display name: what it holds, never what it was called."""
    return f"MRI study: {', '.join(sorted({each.sequence for each in study.series}))}"


def _stored(store: ArtifactStore, study_id: str, number: int, series: ReadSeries) -> SubmittedSeries:
    facts = series.facts
    return SubmittedSeries(
        series_id=make_id("ser", study_id, str(number)),
        sequence=series.sequence,
        confidence=series.confidence,
        by=series.by,
        volume=store.put("studies", series.nifti, _GZIP),
        shape=series.shape,
        spacing=series.spacing,
        times=SeriesTimes(
            te=facts.te, tr=facts.tr, ti=facts.ti, flip=facts.flip, b_value=facts.b_value, field_t=facts.field_t,
            contrast_agent=facts.contrast_agent,
        ),
        face_removed=series.face_removed,
    )  # fmt: skip
