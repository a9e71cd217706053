"""Studies dropped on the page, read by extraction's sandbox: serving is given it, since services import no other."""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_inference.studies.shelf import DroppedSeries, DroppedStudy
from journalclip_modeling.studies.stored import voxels_of
from journalclip_sources.sandbox import Cell
from journalclip_sources.studies.files import SourceFile, pack
from journalclip_sources.studies.normalise import NormalisedStudy, NormaliseOptions
from journalclip_sources.studies.options import DeidentifyOptions, GridOptions
from journalclip_sources.studies.read import ReadSeries, ReadStudy


class SandboxedReader:
    """`journalclip_inference.studies.shelf.DroppedStudyReader` over extraction's two cells."""

    def __init__(
        self, read: Cell[DeidentifyOptions, ReadStudy], normalise: Cell[NormaliseOptions, NormalisedStudy], key: bytes
    ) -> None:
        self._read, self._normalise, self._key = read, normalise, key

    def read(self, files: Sequence[tuple[str, bytes]], grid: tuple[int, int, int]) -> DroppedStudy:
        """Raises `PermanentError` with the codes of studies and sandbox, `TransientError`."""
        packed = pack(SourceFile(name, data) for name, data in files)
        study = self._read.read(packed, DeidentifyOptions(key=self._key))
        chosen = surest(study.series)
        options = GridOptions(grid, spacing_for(grid))
        volumes = pack(SourceFile(f"{n:03d}.nii.gz", each.nifti) for n, each in enumerate(chosen))
        found = self._normalise.read(volumes, NormaliseOptions(tuple(e.sequence for e in chosen), options, study.frame))
        return DroppedStudy(
            volumes={each.sequence: voxels_of(each.nifti) for each in found.volumes},
            spacing=options.spacing_mm,
            series=tuple(DroppedSeries(each.sequence, each.confidence, each.by) for each in chosen),
            left_out=study.left_out,
            deid=study.deid,
        )


def surest(series: Sequence[ReadSeries]) -> list[ReadSeries]:
    """One series a sequence."""
    best: dict[str, ReadSeries] = {}
    for each in series:
        if each.sequence not in best or each.confidence > best[each.sequence].confidence:
            best[each.sequence] = each
    return [best[name] for name in sorted(best)]


def spacing_for(grid: tuple[int, int, int]) -> tuple[float, float, float]:
    """Millimetres of a grid that holds a head: 156 from below up, 224 front to back, 192 across."""
    return 156.0 / grid[0], 224.0 / grid[1], 192.0 / grid[2]
