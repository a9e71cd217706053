"""Labelled cases in folders of the shape of BraTS 2019, ``PATH/CLASS/CASE/CASE_t1ce.nii.gz``, on a model's grid.

The folder above a case is its class; ``CASE_seg`` is its label map. Volumes and map are parsed in extraction's sandbox
and take one way to the grid. Cases of one patient, and cases that share a file, are one group that no split
takes apart. Nothing enters the archive: what was laid is kept in a folder of the caller's, by the digest of all that it
was made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_modeling.studies.stored import voxels_of
from journalclip_pipelines.downstream.errors import CasesUnusable
from journalclip_pipelines.studies.laid import spacing_for
from journalclip_shared.atomic import replacing
from journalclip_shared.components import components
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import canonical_json, sha256_hex
from journalclip_shared.records.report import SequenceName
from journalclip_sources.studies.files import SourceFile, pack
from journalclip_sources.studies.normalise import NormalisedStudy, NormaliseOptions
from journalclip_sources.studies.options import GridOptions
from journalclip_sources.studies.sources import named
from journalclip_training.studies.samples import stack_voxels

Tick = Callable[[int, int], None]
_NIFTI = (".nii", ".nii.gz")
_LABELS = re.compile(r"(^|[_-])seg$")
# BraTS numbers a patient's examinations last: BraTS19_CBICA_AAB_1, BraTS-GLI-00005-100.
_EXAMINATION = re.compile(r"(BraTS\d\d_\w+_\w+|BraTS-[A-Za-z]+-\d+)[_-]\d+")


class Normaliser(Protocol):
    """What lays a packed case on the grid; `journalclip_sources.studies.cells.normalising` in production."""

    def read(self, data: bytes, options: NormaliseOptions) -> NormalisedStudy:
        """Raises `PermanentError`, `TransientError`."""
        ...


class Cases(Protocol):
    """Labelled cases, wherever they lie."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def truth(self) -> NDArray[np.int64]:
        """[N]: each case's class by number."""
        ...

    @property
    def groups(self) -> NDArray[np.int64]:
        """[N]: equal for cases that must stand on one side of a split."""
        ...

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True)
class CaseFiles:
    """One case as it lies: files by sequence in the model's order, the label map, and a digest of each."""

    label: str
    name: str
    volumes: dict[SequenceName, Path]
    labels: Path | None
    digests: tuple[str, ...]  # of the volumes, then of the map

    @property
    def said(self) -> str:
        return f"{self.label}/{self.name}"

    @property
    def patient(self) -> str:
        """BraTS's own number without the examination's; elsewhere a case is a patient."""
        found = _EXAMINATION.fullmatch(self.name)
        return found[1] if found else self.said


@dataclass(frozen=True)
class CaseList:
    """All cases, sorted by class and name, with the classes' names in order."""

    cases: tuple[CaseFiles, ...]
    classes: tuple[str, ...]

    @property
    def truth(self) -> NDArray[np.int64]:
        """[N]: each case's class by number."""
        return np.array([self.classes.index(each.label) for each in self.cases], dtype=np.int64)

    @property
    def groups(self) -> NDArray[np.int64]:
        """[N]: equal for cases of one patient and for cases that share a file."""
        first: dict[str, str] = {}
        links = [
            (case.said, first.setdefault(key, case.said))
            for case in self.cases
            for key in (f"patient {case.patient}", *case.digests[: len(case.volumes)])
        ]
        joined = components([case.said for case in self.cases], links)
        number = {name: n for n, group in enumerate(joined) for name in group}
        return np.array([number[case.said] for case in self.cases], dtype=np.int64)

    @property
    def digest(self) -> str:
        return sha256_hex(canonical_json([[case.said, *case.digests] for case in self.cases]))


@dataclass(frozen=True)
class LaidCases:
    """On the grid, in the list's order."""

    voxels: Tensor  # uint8 [N, S, Z, H, W]
    present: Tensor  # bool [N, S]
    labels: Tensor | None  # uint8 [N, Z, H, W] in BraTS codes; None where maps were not asked for


def find_cases(root: Path, sequences: Sequence[SequenceName], labelled: bool, tick: Tick) -> CaseList:
    """What lies below ``root`` that has one of ``sequences``; with its label map where ``labelled``.

    Raises `CasesUnusable`.
    """
    folders = [case for group in _folders(root) for case in _folders(group) if any(map(_is_nifti, case.iterdir()))]
    if not folders:
        raise CasesUnusable("cases-missing", f"{root} holds no folder of a class with folders of NIfTI files in it")
    found = []
    for folder in folders:
        found.append(_case(folder, sequences, labelled))
        tick(len(found), len(folders))
    return CaseList(tuple(found), tuple(sorted({case.label for case in found})))


def lay_cases(found: CaseList, model: StudyModelConfig, normaliser: Normaliser, keep: Path, tick: Tick) -> LaidCases:
    """Raises `PermanentError` with the code of the file's fault and the case's name, `TransientError`."""
    grid, done = GridOptions(model.grid, spacing_for(model.grid)), []
    for case in found.cases:
        done.append(_laid(case, grid, normaliser, keep))
        tick(len(done), len(found.cases))
    voxels, present = stack_voxels([[case.get(name) for name in model.sequences] for case in done], model.grid)
    labels = [torch.from_numpy(case["labels"]) for case in done if "labels" in case]
    return LaidCases(voxels, present, torch.stack(labels) if labels else None)


def _case(folder: Path, sequences: Sequence[SequenceName], labelled: bool) -> CaseFiles:
    label, said = folder.parent.name, f"{folder.parent.name}/{folder.name}"
    by_sequence: dict[SequenceName, Path] = {}
    maps = []
    for path in sorted(filter(_is_nifti, folder.iterdir())):
        file = SourceFile(path.name, b"")
        if _LABELS.search(file.stem):
            maps.append(path)
        elif (found := named(file)) is not None and by_sequence.setdefault(found.sequence, path) != path:
            raise CasesUnusable("case-sequence-twice", f"{said} has two files of {found.sequence}")
    volumes = {name: by_sequence[name] for name in sequences if name in by_sequence}
    if not volumes:
        raise CasesUnusable("case-without-sequence", f"{said} has none of {', '.join(sequences)}")
    if labelled and len(maps) != 1:
        raise CasesUnusable("labels-missing", f"{said} has {len(maps)} label maps where one is needed")
    chosen = [*volumes.values(), *(maps if labelled else [])]
    digests = tuple(sha256_hex(path.read_bytes()) for path in chosen)
    return CaseFiles(label, folder.name, volumes, maps[0] if labelled else None, digests)


def _laid(case: CaseFiles, grid: GridOptions, normaliser: Normaliser, keep: Path) -> dict[str, NDArray[np.uint8]]:
    """uint8 [Z, H, W] by sequence, and ``labels``; read back where it was laid before."""
    made_of = [list(case.volumes), *case.digests, *map(str, grid.shape), *map(str, grid.spacing_mm)]
    path = keep / f"{sha256_hex(canonical_json(made_of))[:32]}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    files = [*case.volumes.values(), *([case.labels] if case.labels else [])]
    packed = pack(SourceFile(f"{n:03d}.nii.gz", each.read_bytes()) for n, each in enumerate(files))
    options = NormaliseOptions(tuple(case.volumes), grid, labelled=case.labels is not None)
    try:
        study = normaliser.read(packed, options)
    except PermanentError as error:
        raise PermanentError(error.code, f"{case.said}: {error.reason}", error.remedy) from error
    laid: dict[str, NDArray[np.uint8]] = {each.sequence: voxels_of(each.nifti) for each in study.volumes}
    if study.labels is not None:
        laid["labels"] = voxels_of(study.labels)
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **laid)  # type: ignore[arg-type]  # numpy's stub takes a name for `allow_pickle`
    return laid


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(each for each in root.iterdir() if each.is_dir() and not each.name.startswith("."))


def _is_nifti(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(_NIFTI)
