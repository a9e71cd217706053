"""An archive of many synthetic studies in mixed layouts: is every file read or left out, and in which memory?

``python -m journalclip_devtools.benches.archive --studies 2000`` writes the archive to a temporary folder, or --folder,
reads it by `journalclip studies inspect`, and prints one JSON object. Studies are phantoms of few small slices:
what is measured is the reading of an archive, not of one large study.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from journalclip_pipelines.studies.reports import report_of
from journalclip_shared.ids import Json
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import DicomOptions
from journalclip_synthetic.studies.folders import Layout, write_study

_SHAPES = ("folder", "flat", "zip", "tar", "nifti", "bids", "litter")
_MIB = 1 << 10  # of the kilobytes that the kernel says
_MOST_MIB, _MOST_LEFT = 2048, 0.01
_EXPECTED = frozenset({"file-not-image", "dicom-invalid"})  # of the papers and the litter that are written


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
    """What `journalclip studies inspect --json` counts, and the peak memory of it and its children."""
    command = [
        str(Path(sys.executable).with_name("journalclip")),
        "studies",
        "inspect",
        str(root),
        "--json",
        "--no-face",
    ]
    started = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out)
        together = _most_together(process)
        out.seek(0)
        found = json.load(out)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // _MIB
    return {
        **counted(found), "exit": process.returncode, "seconds": round(time.monotonic() - started, 1),
        "peak_mib_of_a_process": largest, "peak_mib_together": together,
    }  # fmt: skip


def counted(found: dict[str, Any]) -> dict[str, Json]:
    """Of what `inspect` prints. ``lost`` are files that hold an image or a report and were not read."""
    alone: Counter[str] = Counter()
    for each in (left for left in found["left_out"] if left["what"] == "file"):
        alone[each["code"]] += each["count"]
    inside: Counter[str] = Counter()
    for each in (left for study in found["studies"] for left in study["left_out"]):
        inside[each["code"]] += each["count"]
    refused: Counter[str] = Counter()
    for each in found["refused"]:
        refused[each["code"]] += each["files"]
    in_studies = sum(each["files"] for each in found["studies"])
    every = in_studies + sum(alone.values()) + sum(refused.values())
    codes = alone + inside + refused
    return {
        "files": found["files"], "in_studies": in_studies, "every_file_counted_once": every == found["files"],
        "studies": len({each["study"] for each in found["studies"]}), "left_out": dict(sorted(codes.items())),
        "reports": sum(each["report"]["found"] for each in found["studies"]),
        "lost": sum(count for code, count in codes.items() if code not in _EXPECTED),
    }  # fmt: skip


def _most_together(process: subprocess.Popen[bytes]) -> int:
    """MiB that the process and all below it held at once, at most; pages that they share count for each."""
    most = 0
    while process.poll() is None:
        most = max(most, sum(_resident(pid) for pid in _family(process.pid)))
        time.sleep(0.25)
    return most // _MIB


def _family(pid: int) -> list[int]:
    found, of = [pid], Path(f"/proc/{pid}/task")
    with contextlib.suppress(OSError):  # it ended meanwhile
        for children in of.glob("*/children"):
            for child in children.read_text().split():
                found += _family(int(child))
    return found


def _resident(pid: int) -> int:
    """Kilobytes."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


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
    lost = int(str(found["lost"])) > _MOST_LEFT * int(str(found["files"]))
    good = found["every_file_counted_once"] and found["studies"] == options.studies and not lost
    sys.exit(0 if good and int(str(found["peak_mib_together"])) <= _MOST_MIB else 1)


if __name__ == "__main__":
    main()
