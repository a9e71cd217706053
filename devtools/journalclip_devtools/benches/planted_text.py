"""Text planted in series of an archive: does `journalclip studies inspect` leave each one out?

``python -m journalclip_devtools.benches.planted_text`` writes 60 one-series DICOM studies of the phantom with a planted
name, number or date in corners, on edges and over the brain, in small and in large letters, on some slices or on all,
and, with ``--clean``, as many without text. Prints one JSON object; exit code 1 where fewer than 0.95 of the series
with text are left out for it. What is left out of the clean ones is not judged: the phantom is no head.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from journalclip_devtools.benches.burned_in import planted_words
from journalclip_shared.ids import Json
from journalclip_shared.records.report import SequenceName
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import DicomOptions, dicom_files
from journalclip_synthetic.studies.scan import DrawnStudy

Place = Literal["corner", "edge", "over"]
_PLACES: tuple[Place, ...] = get_args(Place)
_SEQUENCES: tuple[SequenceName, ...] = get_args(SequenceName)
_SIZES = (192, 256, 320)
_SLICES, _SOME = 8, (3, 4)  # slices of a series, and those that have text where not all have
_SMALL, _LARGE = 24, 9  # of the slice's height: one letter
_AIM = 0.95


@dataclass(frozen=True)
class Planted:
    """How one series' text is drawn."""

    place: Place
    large: bool
    everywhere: bool  # on all slices
    smooth: bool  # as workstations draw, not one bit a pixel

    @classmethod
    def of(cls, number: int) -> Planted:
        """All combinations in turn."""
        return cls(_PLACES[number % 3], number // 3 % 2 == 0, number // 6 % 2 == 0, number // 12 % 2 == 0)

    @property
    def named(self) -> str:
        letters, slices = "large" if self.large else "small", "all slices" if self.everywhere else "two slices"
        return f"{self.place} {letters} {slices}"


def drawn(plane: NDArray[np.float32], text: str, how: Planted, rng: np.random.Generator) -> NDArray[np.float32]:
    """A slice [rows, columns] with the text on it."""
    height, width = plane.shape
    size = max(10, height // (_LARGE if how.large else _SMALL))
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    draw.fontmode = "L" if how.smooth else "1"
    left, top, right, bottom = draw.textbbox((0, 0), text, font=ImageFont.load_default(size))
    while right - left > width - 4:
        size -= 1
        left, top, right, bottom = draw.textbbox((0, 0), text, font=ImageFont.load_default(size))
    free_x, free_y = width - (right - left) - 3, height - (bottom - top) - 3
    corner = (2 + free_x * int(rng.integers(2)), 2 + free_y * int(rng.integers(2)))
    x, y = {
        "corner": corner,
        "edge": (free_x // 2, corner[1]),
        "over": (free_x // 2, int(free_y * rng.uniform(0.35, 0.65))),
    }[how.place]
    draw.text((x - left, y - top), text, fill=255, font=ImageFont.load_default(size))
    ink = np.asarray(canvas, np.float32) / 255
    white = float(plane.max()) * rng.uniform(0.85, 1.1)
    return np.asarray(plane * (1 - ink) + white * ink, np.float32)


def series(number: int, marked: bool) -> DrawnStudy:
    """One series, with its text where it is ``marked``."""
    size = _SIZES[number % len(_SIZES)]
    study = draw_study(draw_truth(number, 6, (_SEQUENCES[number % len(_SEQUENCES)],)), size, _SLICES)
    if not marked:
        return study
    (scan,), how, text = study.scans, Planted.of(number), planted_words(number, 6)
    voxels = scan.voxels.copy()
    for k in range(_SLICES) if how.everywhere else _SOME:
        seen = voxels[::-1, ::-1, k].T  # as `dicom_files` stores it
        voxels[:, :, k] = drawn(seen, text, how, np.random.default_rng((6, number))).T[::-1, ::-1]
    return replace(study, scans=(replace(scan, voxels=voxels),))


def left_out_for_text(folder: Path) -> int:
    """Series below it that `studies inspect` leaves out for text."""
    journalclip = str(Path(sys.executable).with_name("journalclip"))
    command = [journalclip, "studies", "inspect", str(folder), "--json", "--no-face"]
    found = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    said = [each["code"] for study in found["studies"] for each in study["left_out"]]
    # A study whose only series is left out is refused, and its reason names the code.
    said += [each["reason"] for each in found["refused"]]
    return sum("series-burned-in" in each for each in said)


def measured(count: int, clean: bool) -> dict[str, Json]:
    """One `inspect` for each way to draw and, if asked for, one for the series without text."""
    ways = Counter(Planted.of(number).named for number in range(count))
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(count):
            way = Planted.of(number).named.replace(" ", "-")
            _write(Path(scratch) / way / f"{number:03d}", series(number, True), number)
            if clean:
                _write(Path(scratch) / "clean" / f"{number:03d}", series(number, False), number)
        found = {way: left_out_for_text(Path(scratch) / way.replace(" ", "-")) for way in ways}
        alarms = left_out_for_text(Path(scratch) / "clean") if clean else None
    return {
        "series": count, "recall": round(sum(found.values()) / count, 3),
        "found": {way: f"{found[way]}/{total}" for way, total in sorted(ways.items())},
        "clean_left_out": alarms,
    }  # fmt: skip


def _write(folder: Path, study: DrawnStudy, number: int) -> None:
    for name, data in dicom_files(study, DicomOptions(number=number)).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=60)
    parser.add_argument("--clean", action="store_true", help="The same series without text as well.")
    options = parser.parse_args()
    found = measured(options.series, options.clean)
    sys.stdout.write(json.dumps(found) + "\n")
    sys.exit(0 if float(str(found["recall"])) >= _AIM else 1)


if __name__ == "__main__":
    main()
