"""Which studies an archive holds, which files belong to each, and which to none.

A study is a StudyInstanceUID, wherever its files lie; of NIfTI it is a case, or a session of a BIDS subject. Reports
are given to studies by StudyInstanceUID, by accession number, or by the folder they lie in. Every file ends in exactly
one study, or under what was left out with a reason. Only the names and a few words of each file are held in memory.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from journalclip_sources.studies.case_names import bids_of, cases_of, is_mask, stem
from journalclip_sources.studies.containers import Container, Entry, FolderFiles, entries_of, read_entries
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.files import SourceFile, pack
from journalclip_sources.studies.heads import FileFacts, SurveyOptions
from journalclip_sources.studies.options import StudyHints
from journalclip_sources.studies.ris import RisRow

_BATCH_BYTES, _BATCH_FILES = 32 << 20, 4000
_SYSTEM = re.compile(
    r"(?:^|/)(?:\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini|__MACOSX/.*|\.git/.*|\.bidsignore)$", re.IGNORECASE
)
_PAPERS = re.compile(
    r"(?:readme|version|changes|changelog|licen[cs]e|copying|notice|manifest|dataset_description|participants?|log)"
    r"(?![a-z])",
    re.IGNORECASE,
)
_PRIOR = re.compile(
    r"(?i)(?:^|[^a-z])(?:priors?|previous|prev|old|older|vorbefunde?|voraufnahmen?|voruntersuchung(?:en)?|vor|"
    r"ant[ée]rieure?s?|pr[eé]c[eé]dente?s?|precedenti|previos?|previas?|anterior(?:es)?|vorige?|poprzedni\w*)(?:[^a-z]|$)"
    r"|прошл|предыдущ|既往|前次|上次|前回|旧"
)
_LATER = re.compile(r"(?i)(?:amend|addend|correct|korrig|final|revis|更正|修正|补充)")


@dataclass
class Bundle:
    """One study's files; ``left_out`` counts files and rows of tables that belong to it and are not read.

    ``files`` are those of the archive that count as this study's: a file that several studies read (a table of reports,
    an inherited sidecar) counts once.
    """

    entries: list[Entry] = field(default_factory=list)
    hints: StudyHints = field(default_factory=StudyHints)
    accessions: set[str] = field(default_factory=set, repr=False)
    texts: list[tuple[Entry, FileFacts]] = field(default_factory=list, repr=False)
    rows: list[RisRow] = field(default_factory=list, repr=False)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    files: int = 0

    def packed(self) -> bytes:
        """Raises `StudyRefused`."""
        return pack(read_entries(self.entries))


@dataclass
class Archive:
    """By code and reason, ``left_out`` counts files that belong to no study, ``reports_left_out`` rows of tables."""

    bundles: list[Bundle] = field(default_factory=list)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    reports_left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    files: int = 0


class HeadReader(Protocol):
    """What looks at first bytes; the cell in production."""

    def read(self, data: bytes, options: SurveyOptions) -> tuple[FileFacts, ...]:
        """Raises `PermanentError`, `TransientError`."""
        ...


def survey(
    path: Path, reader: HeadReader, options: SurveyOptions, said: Callable[[int], None] = lambda _: None
) -> Archive:
    """Raises `StudyRefused` ``path-missing`` and ``study-empty``."""
    if not path.exists():
        raise StudyRefused("path-missing", "there is no such file or folder")
    return survey_container(FolderFiles(path), path.name, reader, options, said)


def survey_container(
    container: Container,
    root: str,
    reader: HeadReader,
    options: SurveyOptions,
    said: Callable[[int], None] = lambda _: None,
) -> Archive:
    """As `survey`; ``root`` is the archive's own name. Raises `StudyRefused` ``study-empty``."""
    archive = Archive()
    files = list(_looked_at(container, reader, options, archive, said))
    if not archive.files:
        raise StudyRefused("study-empty", "the folder holds no file")
    _Grouping(files, archive, root).bundles()
    return archive


def _looked_at(
    container: Container, reader: HeadReader, options: SurveyOptions, archive: Archive, said: Callable[[int], None]
) -> Iterator[tuple[Entry, FileFacts]]:
    batch: list[tuple[Entry, bytes]] = []
    size = 0
    for entry, head in entries_of(container):
        archive.files += 1
        if isinstance(head, StudyRefused):
            archive.left_out[head.code, head.reason] += 1
            continue
        if _SYSTEM.search(entry.name):
            archive.left_out["file-not-image", "a file of the operating system"] += 1
            continue
        batch.append((entry, head))
        size += len(head)
        if size > _BATCH_BYTES or len(batch) >= _BATCH_FILES:
            yield from _batch(batch, reader, options)
            batch, size = [], 0
            said(archive.files)
    yield from _batch(batch, reader, options)
    said(archive.files)


def _batch(
    batch: Sequence[tuple[Entry, bytes]], reader: HeadReader, options: SurveyOptions
) -> Iterator[tuple[Entry, FileFacts]]:
    if not batch:
        return
    ordered = sorted(batch, key=lambda each: each[0].name)
    facts = reader.read(pack(SourceFile(entry.name, head) for entry, head in ordered), options)
    for (entry, _), found in zip(ordered, facts, strict=True):
        if found.kind == "more":
            try:
                (found,) = reader.read(pack(read_entries([entry])), options)
            except StudyRefused as error:
                found = FileFacts("other", refused=error.code)
        yield entry, replace(found, kind="dicom") if found.kind == "more" else found


def _with_parents(folder: str) -> Iterator[str]:
    """The folder, and each above it up to the archive's own, which is empty."""
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


class _Grouping:
    def __init__(self, files: Sequence[tuple[Entry, FileFacts]], archive: Archive, root: str) -> None:
        self.files, self.archive, self.root = files, archive, root
        self.by_key: dict[tuple[str, ...], Bundle] = {}
        self.of_folder: dict[str, set[tuple[str, ...]]] = defaultdict(set)  # each folder and those above it
        self.niftis = [entry.name for entry, facts in files if facts.kind == "nifti"]

    def bundles(self) -> None:
        self._dicom()
        self._nifti()
        self._sidecars()
        self._reports()
        self._rows()
        counted: set[int] = set()
        for key in sorted(self.by_key):
            bundle = self.by_key[key]
            self._choose_report(bundle)
            own = {id(entry) for entry in bundle.entries} - counted
            counted |= own
            bundle.files += len(own) + sum(bundle.left_out.values())
            self._supersede_rows(bundle)
            self.archive.bundles.append(bundle)

    def _put(self, key: tuple[str, ...], entry: Entry) -> Bundle:
        bundle = self.by_key.setdefault(key, Bundle())
        bundle.entries.append(entry)
        for folder in _with_parents(posixpath.dirname(entry.name)):
            if key in self.of_folder[folder]:
                break
            self.of_folder[folder].add(key)
        return bundle

    def _leave(self, code: str, reason: str, count: int = 1) -> None:
        self.archive.left_out[code, reason] += count

    def _dicom(self) -> None:
        issuers: dict[str, set[str]] = defaultdict(set)
        for _, facts in self.files:
            if facts.kind == "dicom" and facts.issuer:
                issuers[facts.patient].add(facts.issuer)
        studies: dict[str, set[str]] = defaultdict(set)
        for entry, facts in self.files:
            if facts.kind == "dicom" and facts.study:
                for folder in _with_parents(posixpath.dirname(entry.name)):
                    studies[folder].add(facts.study)
        for entry, facts in self.files:
            if facts.kind == "index":
                self._leave("file-not-image", "the index of a medium")
            if facts.kind != "dicom":
                continue
            if self._beside_bids(entry.name):
                self._leave("file-derived", "derivatives and source data of a BIDS data set")
                continue
            folder = posixpath.dirname(entry.name)
            study = facts.study
            if not study and not facts.patient and len(studies[folder]) == 1:
                (study,) = studies[folder]  # a damaged file beside one study, whose report would be nobody's otherwise
            key = ("dicom", study) if study else ("folder", folder)
            bundle = self._put(key, entry)
            bundle.accessions |= {facts.accession} - {""}
            known = issuers.get(facts.patient, set())
            if len(known) == 1 and not bundle.hints.issuer:
                bundle.hints = replace(bundle.hints, issuer=next(iter(known)))

    def _nifti(self) -> None:
        sidecars = {
            stem_path(entry.name): facts for entry, facts in self.files if facts.kind == "sidecar" and facts.study
        }
        folders: dict[str, list[Entry]] = defaultdict(list)
        for entry, facts in self.files:
            if facts.kind != "nifti":
                continue
            bids = bids_of(entry.name)
            side = sidecars.get(stem_path(entry.name))
            if self._beside_bids(entry.name):
                self._leave("file-derived", "derivatives and source data of a BIDS data set")
            elif bids is not None:
                bundle = self._put(("bids", bids.root, bids.subject, bids.session), entry)
                bundle.hints = replace(
                    bundle.hints, subject=f"{self.root}/{bids.root}|{bids.subject}", session=bids.session
                )
            elif self._beside_dicom(entry.name):
                key = next(iter(self.of_folder[posixpath.dirname(entry.name)]))
                self.by_key[key].left_out["file-beside-dicom", "NIfTI beside the DICOM series that it was made of"] += 1
            elif side is not None:
                bundle = self._put(("uid", side.study), entry)
                bundle.hints = replace(
                    bundle.hints, study=side.study, subject=f"id|{side.patient}" if side.patient else ""
                )
                bundle.accessions |= {side.accession} - {""}
            else:
                folders[posixpath.dirname(entry.name)].append(entry)
        for folder, entries in folders.items():
            self._cases(folder, entries)

    def _cases(self, folder: str, entries: Sequence[Entry]) -> None:
        volumes = [each.name for each in entries if not is_mask(each.name)]
        labels = cases_of(volumes)
        for entry in entries:
            label = labels.get(entry.name)
            if label is None:
                label = next(
                    (
                        each
                        for each in sorted(set(labels.values()), key=len, reverse=True)
                        if each and each.replace("_", "") in re.sub(r"[\W_]", "", entry.name.lower())
                    ),
                    "",
                )
            if not volumes:
                self._leave("file-not-image", "a mask without its scan")
                continue
            bundle = self._put(("case", folder, label), entry)
            own = posixpath.basename(folder).lower()
            same = bool(label) and re.sub(r"[\W_]", "", own) == label.replace("_", "")
            parent = posixpath.dirname(folder) if same else folder
            if label and not re.fullmatch(r"\d{14}", label):
                bundle.hints = replace(bundle.hints, subject=f"{self.root}/{parent}|{label}")

    def _beside_bids(self, name: str) -> bool:
        found = re.search(r"(?:^|/)(?:derivatives|sourcedata|code|stimuli)/", name)
        if not found:
            return False
        root = name[: found.start()]
        base = f"{root}/sub-" if root else "sub-"
        return any(each.startswith(base) for each in self.niftis)

    def _beside_dicom(self, name: str) -> bool:
        keys = self.of_folder.get(posixpath.dirname(name), set())
        return bool(keys) and all(key[0] in ("dicom", "folder") for key in keys)

    def _sidecars(self) -> None:
        for entry, facts in self.files:
            if facts.kind != "sidecar" and not _is_diffusion_table(entry, facts):
                continue
            governed = list(self._governed(entry.name))
            for key in governed:
                self.by_key[key].entries.append(entry)
            if not governed:
                self._leave("file-not-image", "a sidecar of no image that is read")

    def _governed(self, name: str) -> Iterator[tuple[str, ...]]:
        """The cases in whose folder, or above whose folder within the data set, a sidecar lies."""
        folder = posixpath.dirname(name)
        bids = bids_of(name)
        for key in sorted(self.of_folder.get(folder, ())):
            if (key[0] == "bids" and (bids is None or (bids.subject == key[2] and bids.session in ("", key[3])))) or (
                key[0] in ("case", "uid") and any(posixpath.dirname(e.name) == folder for e in self.by_key[key].entries)
            ):
                yield key

    def _reports(self) -> None:
        for entry, facts in self.files:
            if facts.kind in ("sidecar", "nifti", "dicom", "index", "table") or _is_diffusion_table(entry, facts):
                continue
            name = stem(entry.name)
            if _PAPERS.match(name.split(".")[0]):
                self._leave("file-not-image", "a text about the archive")
                continue
            if facts.kind == "other" and not facts.refused:
                self._leave("file-not-image", "neither an image nor a report")
                continue
            bundle, below = self._owner(entry.name, facts.words)
            named = bundle is not None and re.sub(r"\.[^.]*$", "", name) in bundle.accessions
            if facts.refused:
                (bundle or self.archive).left_out[facts.refused, "a report whose character set or form is unknown"] += 1
            elif facts.kind == "text" and not named:
                self._leave("file-not-image", "a text that is no report")
            elif bundle is None:
                self._leave("report-unassigned", "a report that names no study of the archive")
            elif _PRIOR.search(name) or any(map(_PRIOR.search, below)):
                bundle.left_out["report-prior", "the report of an earlier examination"] += 1
            else:
                bundle.texts.append((entry, facts))

    def _owner(self, name: str, words: Iterable[str]) -> tuple[Bundle | None, list[str]]:
        """By the folder where that holds one study, else by a number in the name or the text.

        With the folders between that folder and the file: their names may say that it is an older report.
        """
        folder = own = posixpath.dirname(name)
        while folder and not self.of_folder.get(folder):
            folder = posixpath.dirname(folder)
        keys = self.of_folder.get(folder, set())
        below = [each for each in own[len(folder) :].split("/") if each]
        if len(keys) == 1:
            return self.by_key[next(iter(keys))], below
        plain = re.sub(r"\.[^.]*$", "", posixpath.basename(name))
        for said in ([plain], re.findall(r"[A-Za-z0-9][A-Za-z0-9.\-]{2,}", plain), words):
            wanted = set(said)
            found = [key for key in keys if self._named(key, wanted, plain)]
            if len(found) == 1:
                return self.by_key[found[0]], below
        return None, below

    def _named(self, key: tuple[str, ...], wanted: set[str], plain: str) -> bool:
        """Whether a study has one of these numbers, or a case this name."""
        if self.by_key[key].accessions & wanted or (key[0] in ("dicom", "uid") and key[1] in wanted):
            return True
        if key[0] == "bids":
            return bool({key[2], f"sub-{key[2]}"} & wanted)
        return key[0] == "case" and bool(key[2]) and key[2] == plain.lower()

    def _rows(self) -> None:
        by_accession: dict[str, list[Bundle]] = defaultdict(list)
        for bundle in self.by_key.values():
            for accession in bundle.accessions | {_bare(each) for each in bundle.accessions}:
                by_accession[accession].append(bundle)
        for _, facts in self.files:
            if facts.kind != "table":
                continue
            if not facts.rows:
                self._leave("file-not-image", "a table without a known column of reports (--report-column names one)")
                continue
            owners = [self._owner_of(row, by_accession) for row in facts.rows]
            for owner, row in zip(owners, facts.rows, strict=True):
                if owner is None:
                    reason = "a report that names no study of the archive"
                    self.archive.reports_left_out["report-unassigned", reason] += 1
                else:
                    owner.rows.append(row)
            first = next((owner for owner in owners if owner is not None), None)
            if first is None:
                self._leave("report-unassigned", "a table whose reports name no study of the archive")
            else:
                first.files += 1

    def _owner_of(self, row: RisRow, by_accession: Mapping[str, Sequence[Bundle]]) -> Bundle | None:
        """By StudyInstanceUID, else by the accession number; spreadsheets cut its zeros."""
        by_uid = (self.by_key.get(("dicom", row.study)) or self.by_key.get(("uid", row.study))) if row.study else None
        if by_uid is not None:
            return by_uid
        found = by_accession.get(row.accession) or by_accession.get(_bare(row.accession)) or ()
        return found[0] if len(found) == 1 else None

    def _choose_report(self, bundle: Bundle) -> None:
        """The latest; the others are counted. A row of an export goes before texts."""
        if bundle.rows:
            row = max(enumerate(bundle.rows), key=lambda each: (each[1].moment, each[0]))[1]
            bundle.hints = replace(bundle.hints, report=row.text, secrets=row.others)
        elif bundle.texts:
            entry = max(bundle.texts, key=lambda each: _rank(each[0].name))[0]
            bundle.entries.append(entry)
            bundle.hints = replace(bundle.hints, report_file=entry.name)
        older = len(bundle.texts) - (not bundle.rows and bool(bundle.texts))
        if older:
            bundle.left_out["report-superseded", "an older report of the same study"] += older
        bundle.texts = []

    @staticmethod
    def _supersede_rows(bundle: Bundle) -> None:
        if len(bundle.rows) > 1:
            bundle.left_out["report-superseded", "an older report of the same study"] += len(bundle.rows) - 1
        bundle.rows = []


def _is_diffusion_table(entry: Entry, facts: FileFacts) -> bool:
    return facts.kind in ("other", "text") and entry.name.lower().endswith((".bval", ".bvec"))


def _bare(accession: str) -> str:
    return accession.casefold().lstrip("0")


def stem_path(name: str) -> str:
    return posixpath.join(posixpath.dirname(name), stem(name))


def _rank(name: str) -> tuple[bool, str, bool, list[tuple[int, str]]]:
    base = posixpath.basename(name)
    numbers = re.findall(r"(?:19|20)\d{2}(?:[-_.]?\d{2}){0,2}", base)
    date = max((re.sub(r"\D", "", each) for each in numbers), default="")
    parts = [(int(each), "") if each.isdigit() else (-1, each) for each in re.split(r"(\d+)", base)]
    return bool(_LATER.search(base)), date, "report" in base.lower(), parts
