"""An archive of many synthetic studies in mixed layouts: is every file read or left out, and in which memory?

``python -m journalclip_devtools.benches.archive --studies 2000`` writes the archive to a temporary folder, or --folder,
reads it as `journalclip studies inspect` does, and prints one JSON object. Studies are phantoms of few small slices:
what is measured is the reading of an archive, not of one large study.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

from journalclip_intake.studies import read_bundle
from journalclip_pipelines.studies.reports import report_of
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_sources.studies.cells import reading, surveying
from journalclip_sources.studies.heads import SurveyOptions
from journalclip_sources.studies.options import DeidentifyOptions
from journalclip_sources.studies.survey import Archive, survey
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import DicomOptions
from journalclip_synthetic.studies.folders import Layout, write_study

_SHAPES = ("folder", "flat", "zip", "tar", "nifti", "bids", "litter")
_MIB = 1 << 10  # of the kilobytes that the kernel says
_MOST_MIB, _MOST_LEFT = 2048, 0.01


def write_archive(root: Path, studies: int) -> Counter[str]:
    """Files of each layout; ``litter`` adds files that are no studies to a folder of DICOM."""
    written: Counter[str] = Counter()
    for number in range(studies):
        shape = _SHAPES[number % len(_SHAPES)]
        drawn = draw_study(draw_truth(number, 9, ("FLAIR", "DWI")), 24, 8)
        layout: Layout = "nifti" if shape == "nifti" else "bids" if shape == "bids" else "dicom"
        with tempfile.TemporaryDirectory() as scratch:
            folder = write_study(drawn, Path(scratch), layout, report_of, DicomOptions(number=number))
            files = sorted(each for each in folder.rglob("*") if each.is_file())
            written[shape] += len(files)
            _place(root, shape, number, folder, files)
    return written


def _place(root: Path, shape: str, number: int, folder: Path, files: list[Path]) -> None:
    target = root / shape
    target.mkdir(parents=True, exist_ok=True)
    names = {each: each.relative_to(folder.parent).as_posix() for each in files}
    if shape == "flat":  # the reports of a flat folder belong to nobody: one folder a study would say whose
        for n, each in enumerate(each for each in files if each.suffix == ".dcm"):
            shutil.copy(each, target / f"{number:05d}{n:04d}")
    elif shape == "zip":
        with zipfile.ZipFile(target / f"{number:05d}.zip", "w") as archive:
            for each, name in names.items():
                archive.write(each, name)
    elif shape == "tar":
        with tarfile.open(target / f"{number:05d}.tar.gz", "w:gz", compresslevel=1) as packed:
            for each, name in names.items():
                packed.add(each, name)
    else:
        shutil.copytree(folder, target / folder.name)
        if shape == "litter":
            (target / folder.name / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
            (target / folder.name / "cut.dcm").write_bytes(files[0].read_bytes()[:300])


def read_archive(root: Path) -> dict[str, Json]:
    """Counts of files and studies, and the peak memory of this process and of its children."""
    started, out = time.monotonic(), Counter[str]()
    reasons: Counter[str] = Counter()
    with surveying() as heads, reading() as cell:
        archive = survey(root, heads, SurveyOptions())
        for (code, _), count in archive.left_out.items():
            reasons[code] += count
        for bundle in archive.bundles:
            files = len(bundle.entries) + sum(bundle.left_out.values())
            out["in studies"] += files
            try:
                read = read_bundle(cell, bundle, DeidentifyOptions(key=bytes(32), face=False))
            except PermanentError as error:
                reasons[error.code] += files
                continue
            out["studies"] += 1
            for each in read.left_out:
                reasons[each.code] += each.count
    return _figures(archive, out, reasons, time.monotonic() - started)


def _figures(archive: Archive, out: Counter[str], reasons: Counter[str], seconds: float) -> dict[str, Json]:
    own, child = (resource.getrusage(who).ru_maxrss // _MIB for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    alone = sum(archive.left_out.values())
    return {
        "files": archive.files, "in_studies": out["in studies"], "in_no_study": alone,
        "every_file_counted_once": archive.files == out["in studies"] + alone,
        "studies": out["studies"], "bundles": len(archive.bundles), "left_out": dict(sorted(reasons.items())),
        "peak_mib": own, "peak_child_mib": child, "seconds": round(seconds, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="Keep the archive there, and use it when it is there already.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = options.folder or Path(scratch) / "archive"
        written = write_archive(root, options.studies) if not root.exists() else Counter[str]()
        found = read_archive(root)
    sys.stdout.write(json.dumps({"written": dict(written), **found}) + "\n")
    lost = options.studies - int(str(found["studies"]))
    good = found["every_file_counted_once"] and lost <= _MOST_LEFT * options.studies
    peak = max(int(str(found["peak_mib"])), int(str(found["peak_child_mib"])))
    sys.exit(0 if good and peak <= _MOST_MIB else 1)


if __name__ == "__main__":
    main()
