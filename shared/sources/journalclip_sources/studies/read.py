"""One study from its files to what may leave: de-identified volumes with their sequence, the report, and what was done.

Runs in the sandbox's child. It is a pure function of the files and the options: the same study and key give the same
bytes. Headers, names of files and folders, and the words of descriptions end here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from journalclip_shared.errors import PermanentError
from journalclip_shared.records.report import SequenceName
from journalclip_shared.records.study import DeidReport, LeftOut, ReportSource
from journalclip_sources.studies.deidentify.burned_in import has_text
from journalclip_sources.studies.deidentify.face import HeadFound, find_head, picture, remove_face, shows_a_face
from journalclip_sources.studies.deidentify.profile import HeaderCensus
from journalclip_sources.studies.deidentify.pseudonym import day_shift, patient_pseudonym, shifted, study_key
from journalclip_sources.studies.deidentify.text import scrub
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.files import unpack
from journalclip_sources.studies.header import SeriesFacts
from journalclip_sources.studies.options import DeidentifyOptions
from journalclip_sources.studies.recognise import Recognised, recognise, why_not
from journalclip_sources.studies.sources import Found, Source, gather
from journalclip_sources.studies.volume import Volume, orientation, slices_last, to_mm2_per_s, to_nifti

_MIN_KEY = 32
_FACE_STAYS = "the face was not removed: brain and face could not be told apart for certain"


@dataclass(frozen=True)
class ReadSeries:
    """A series that may leave; ``nifti`` is gzipped."""

    sequence: SequenceName
    confidence: float
    by: str
    facts: SeriesFacts
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    face_removed: bool
    orientation: str = ""  # directions in which the three indices rise, as in "LPS"
    nifti: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class ReadStudy:
    """All of a study that may leave the child; ``review`` is the before/after picture and stays on this machine."""

    patient: str
    date: str | None
    series: tuple[ReadSeries, ...]
    left_out: tuple[LeftOut, ...]
    report: str
    report_source: ReportSource
    deid: DeidReport
    frame: tuple[float, float, float] | None
    study: str = ""  # keyed pseudonym of the StudyInstanceUID, or of the bytes
    review: bytes = field(default=b"", repr=False)


def read_study(data: bytes, options: DeidentifyOptions) -> ReadStudy:
    """From `files.pack`'s bytes. Raises `StudyRefused`."""
    if len(options.key) < _MIN_KEY:
        raise StudyRefused("study-key-invalid", f"the key for pseudonyms has fewer than {_MIN_KEY} bytes")
    return _Reading(gather(unpack(data), options.hints), options).study()


@dataclass
class _Taken:
    """A series on its way."""

    volume: Volume
    recognised: Recognised
    source: Source


class _Reading:
    def __init__(self, found: Found, options: DeidentifyOptions) -> None:
        self.found, self.options = found, options
        self.left_out: Counter[tuple[Literal["series", "file"], str, str]] = Counter(found.refused)
        self.burned = 0
        self.faces = 0
        self._heads: dict[int, HeadFound | None] = {}  # by the volume's identity: volumes live as long as the reading

    def study(self) -> ReadStudy:
        taken = [each for each in map(self._take, self.found.sources) if each is not None]
        if not taken:
            raise StudyRefused("study-no-series", self._reasons())
        head = self._head(taken)
        taken, volumes = self._defaced(taken, head)
        if not taken:
            raise StudyRefused("study-no-series", self._reasons())
        census = self.found.census
        report, scrubbed = scrub(self.found.report, census.secrets, census.persons, census.hearsay)
        shift = day_shift(self.options.key, self.found.patient, self.options.shift_days)
        date = shifted(self.found.date, shift) if self.found.date else None
        review = self._review(taken, volumes) if head is not None and self.options.face else b""
        return ReadStudy(
            patient=patient_pseudonym(self.options.key, self.found.patient),
            date=date,
            series=tuple(self._series(each, volume, head) for each, volume in zip(taken, volumes, strict=True)),
            left_out=tuple(
                LeftOut(what=what, code=code, reason=reason, count=count)
                for (what, code, reason), count in sorted(self.left_out.items())
            ),
            report=report,
            report_source=self.found.report_source,
            deid=self._deid(self.found.census, head, date is not None, scrubbed),
            frame=head.centre if head else None,
            study=study_key(self.options.key, self.found.study),
            review=review,
        )

    def _take(self, source: Source) -> _Taken | None:
        """A series worth keeping, or a line under what was left out."""
        try:
            recognised = None if source.other else source.recognised or recognise(source.facts)
            if recognised is None:
                said = f"it is {source.other}, none of the seven sequences" if source.other else why_not(source.facts)
                raise StudyRefused("series-unrecognised", said)
            volume = slices_last(source.volume())
            if recognised.sequence == "ADC":
                volume = to_mm2_per_s(volume)
            if self.options.burned_in and (source.says_burned_in or has_text(volume.voxels, volume.spacing[2])):
                self.burned += 1
                raise StudyRefused("series-burned-in", "there is text in the picture")
        except PermanentError as error:
            self.left_out["series", error.code, error.reason] += source.files
            return None
        return _Taken(volume, recognised, source)

    def _head(self, taken: Sequence[_Taken]) -> HeadFound | None:
        """From the volume that shows most of the head; the cut is then the same for all."""
        order = ("T1WI", "FLAIR", "T1CE", "T2WI", "SWI", "DWI", "ADC")
        ranked = sorted(taken, key=lambda each: (order.index(each.recognised.sequence), -each.volume.voxels.size))
        other = None
        for each in ranked[:3]:
            head = self._find(each.volume)
            if head is not None and (head.brain or not self.options.face):
                return head
            other = other or head
        return other

    def _find(self, volume: Volume) -> HeadFound | None:
        """`find_head`, once a volume: it is seconds of work."""
        if id(volume) not in self._heads:
            self._heads[id(volume)] = find_head(volume, cut=self.options.face)
        return self._heads[id(volume)]

    def _defaced(self, taken: Sequence[_Taken], head: HeadFound | None) -> tuple[list[_Taken], list[Volume]]:
        """Each series without its face; one whose brain nobody found for certain is left out."""
        if not self.options.face:
            return list(taken), [each.volume for each in taken]
        kept, volumes = [], []
        for each in taken:
            found = head if head is not None and head.brain else None
            if shows_a_face(each.volume):
                own = self._find(each.volume)
                found = own if own is not None and own.brain else found
                if found is None:
                    self.left_out["series", "series-face-not-removed", _FACE_STAYS] += each.source.files
                    continue
                self.faces += 1
            elif found is None:
                kept.append(each)
                volumes.append(each.volume)
                continue
            kept.append(each)
            volumes.append(remove_face(each.volume, found))
        return kept, volumes

    def _review(self, taken: Sequence[_Taken], after: Sequence[Volume]) -> bytes:
        shown = max(range(len(taken)), key=lambda n: taken[n].volume.voxels.size)
        return picture(taken[shown].volume, after[shown])

    def _series(self, taken: _Taken, volume: Volume, head: HeadFound | None) -> ReadSeries:
        a, b, c = volume.voxels.shape
        return ReadSeries(
            sequence=taken.recognised.sequence,
            confidence=taken.recognised.confidence,
            by=taken.recognised.by,
            facts=taken.source.facts.without_words(),
            shape=(a, b, c),
            spacing=volume.spacing,
            orientation=orientation(volume.affine),
            face_removed=self.options.face and self.faces > 0,
            nifti=to_nifti(volume.voxels, volume.affine),
        )

    def _deid(self, census: HeaderCensus, head: HeadFound | None, dated: bool, scrubbed: dict[str, int]) -> DeidReport:
        return DeidReport(
            profile="DICOM PS3.15 basic profile, all else removed as well",
            removed=census.removed(),
            attributes=census.keywords(),
            dates_shifted=dated,
            report_scrubbed=scrubbed,
            burned_in_series=self.burned,
            face="off" if not self.options.face else "removed" if self.faces else "none-found",
            brain_estimated=head is not None and head.brain,
        )

    def _reasons(self) -> str:
        said = "; ".join(f"{code} ({count})" for (_, code, _), count in sorted(self.left_out.items()))
        return f"none of its series can be used: {said or 'no image was found'}"


def without_review(study: ReadStudy) -> ReadStudy:
    """The study as it may be stored."""
    return replace(study, review=b"")
