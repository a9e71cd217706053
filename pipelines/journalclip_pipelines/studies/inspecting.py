"""What `studies inspect` finds: each study as a submit would store it, and what it leaves out; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from journalclip_intake.studies import complete
from journalclip_pipelines.studies.laid import spacing_for, surest
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_sources.studies.cells import normalising, reading, surveying
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.files import SourceFile, pack
from journalclip_sources.studies.heads import SurveyOptions
from journalclip_sources.studies.normalise import NormaliseOptions
from journalclip_sources.studies.options import DeidentifyOptions, GridOptions
from journalclip_sources.studies.read import ReadStudy
from journalclip_sources.studies.survey import Archive, survey


@dataclass(frozen=True)
class InspectOptions:
    """``grid`` is a folder for what a model of ``recipe`` would read."""

    key: bytes = field(default=bytes(32), repr=False)
    face: bool = True
    burned_in: bool = True
    columns: tuple[tuple[str, str], ...] = ()
    review: Path | None = None
    grid: Path | None = None
    recipe: str = "study_demo"


@dataclass
class Inspected:
    """``studies`` and ``refused`` as they are printed."""

    studies: list[dict[str, Json]] = field(default_factory=list)
    refused: list[dict[str, Json]] = field(default_factory=list)
    archive: Archive = field(default_factory=Archive)

    def printed(self) -> dict[str, Json]:
        left: list[Json] = [
            {"what": what, "code": code, "reason": reason, "count": count}
            for what, counts in (("file", self.archive.left_out), ("report", self.archive.reports_left_out))
            for (code, reason), count in sorted(counts.items())
        ]
        return {
            "studies": list(self.studies), "refused": list(self.refused), "left_out": left, "files": self.archive.files,
        }  # fmt: skip

    def nothing(self) -> str:
        """Why no study was read."""
        reasons = [f"{each['code']}: {each['reason']}" for each in self.refused[:5]]
        reasons += [f"{code}: {reason} ({n})" for (code, reason), n in sorted(self.archive.left_out.items())[:5]]
        return f"no study was read from {self.archive.files} files; " + ("; ".join(reasons) or "none is an image")


def inspect_studies(path: Path, options: InspectOptions) -> Inspected:
    """Raises `PermanentError` where there is no such path. An empty folder is one of which no study was read."""
    found = Inspected()
    try:
        with surveying() as heads:
            found.archive = survey(path, heads, SurveyOptions(dict(options.columns)))
    except StudyRefused as error:
        if error.code != "study-empty":
            raise
        found.refused.append({"code": error.code, "reason": error.reason, "remedy": error.remedy, "files": 0})
    for study, files in _read(found, options):
        found.studies.append({**described(study), "files": files})
        if options.review is not None and study.review:
            options.review.mkdir(parents=True, exist_ok=True)
            (options.review / f"{study.study}.png").write_bytes(study.review)
        if options.grid is not None:
            write_grid(study, options.grid, options.recipe)
    return found


def _read(found: Inspected, options: InspectOptions) -> Iterator[tuple[ReadStudy, int]]:
    """Each study with the number of its files, those that were left out of it included."""
    with reading() as cell:
        for bundle in found.archive.bundles:
            chosen = DeidentifyOptions(
                key=options.key, face=options.face, burned_in=options.burned_in, hints=bundle.hints
            )
            try:
                study = complete(cell.read(bundle.packed(), chosen), bundle)
            except PermanentError as error:
                found.refused.append(
                    {"code": error.code, "reason": error.reason, "remedy": error.remedy, "files": bundle.files}
                )
                continue
            yield study, bundle.files


def described(study: ReadStudy) -> dict[str, Json]:
    """One study as `inspect --json` prints it."""
    return {
        "study": study.study,
        "patient": study.patient,
        "date": study.date,
        "series": [
            {
                "sequence": each.sequence, "confidence": each.confidence, "by": each.by, "slices": each.shape[2],
                "shape": list(each.shape), "spacing": list(each.spacing), "orientation": each.orientation,
                "b_value": each.facts.b_value if each.sequence == "DWI" else None,
            }
            for each in study.series
        ],
        "left_out": [each.model_dump(mode="json") for each in study.left_out],
        "report": {"found": study.report_source != "none", "source": study.report_source, "text": study.report},
        "deid": study.deid.model_dump(mode="json"),
    }  # fmt: skip


def write_grid(study: ReadStudy, folder: Path, recipe: str) -> None:
    """One NIfTI a sequence, as a model of the recipe reads it."""
    from journalclip_training.recipes import study_config

    shape = study_config(recipe).model.grid
    chosen = surest(study.series)
    volumes = pack(SourceFile(f"{n:03d}.nii.gz", each.nifti) for n, each in enumerate(chosen))
    grid = GridOptions(shape, spacing_for(shape))
    with normalising() as cell:
        laid = cell.read(volumes, NormaliseOptions(tuple(e.sequence for e in chosen), grid, study.frame))
    (folder / study.study).mkdir(parents=True, exist_ok=True)
    for volume in laid.volumes:
        (folder / study.study / f"{volume.sequence}.nii.gz").write_bytes(volume.nifti)
