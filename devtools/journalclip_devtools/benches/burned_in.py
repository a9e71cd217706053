"""How well text burned into pictures is found, and how often a series without any is taken for one with text.

Each trial is one phantom series of six slices, drawn twice: as it is, and with a planted name, number or date on every
slice, as scanners and workstations write them (one bit a pixel, or smoothed). Trials depend on their number and seed
alone and are kept one a line, so that a run goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from pydantic import TypeAdapter

from journalclip_shared.ids import Json
from journalclip_shared.records.report import SequenceName
from journalclip_sources.studies.deidentify.burned_in import has_text, text_rows
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import burn
from journalclip_synthetic.studies.identifiers import planted

SIZES = (128, 160, 192, 224, 256)
SLICES = 6
_SEQUENCES: tuple[SequenceName, ...] = get_args(SequenceName)


@dataclass(frozen=True)
class BurnedInTrial:
    """``one_slice``: found where the text is looked for in a single slice, without the next one's word for it."""

    number: int
    sequence: SequenceName
    size: int
    found: bool
    one_slice: bool
    false_alarm: bool


_TRIAL = TypeAdapter(BurnedInTrial)


def try_series(number: int, seed: int = 0) -> BurnedInTrial:
    """Deterministic."""
    sequence, size = _SEQUENCES[number % len(_SEQUENCES)], SIZES[number % len(SIZES)]
    scan = draw_study(draw_truth(number, seed, (sequence,)), size, SLICES).scans[0]
    clean = np.clip(scan.voxels[::-1, ::-1].transpose(1, 0, 2) * 1000, 0, 65535).astype(np.uint16)
    text = planted_words(number, seed)
    written = np.stack(
        [burn(clean[:, :, k], text, np.random.default_rng((seed, number))) for k in range(SLICES)], -1
    ).astype(np.float32)
    middle = written[:, :, SLICES // 2]
    return BurnedInTrial(
        number, sequence, size,
        found=has_text(written),
        one_slice=any(row.alone for plane in (middle, middle.T) for row in text_rows(plane)),
        false_alarm=has_text(clean.astype(np.float32)),
    )  # fmt: skip


def run_trials(
    series: int, seed: int, kept: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> list[BurnedInTrial]:
    """All trials; those that ``kept`` holds are not run again."""
    known = [] if kept is None or not kept.exists() else [_TRIAL.validate_json(row) for row in kept.open()]
    done = {trial.number: trial for trial in known}
    for number in range(series):
        if number not in done:
            done[number] = try_series(number, seed)
            if kept is not None:
                with kept.open("ab") as out:
                    out.write(_TRIAL.dump_json(done[number]) + b"\n")
        if progress is not None:
            progress(number + 1, series)
    return [done[number] for number in range(series)]


def summary(trials: list[BurnedInTrial]) -> dict[str, Json]:
    """Shares of all trials, and the trials that went wrong."""
    missed = [trial for trial in trials if not trial.found]
    alarms = [trial for trial in trials if trial.false_alarm]
    return {
        "series": len(trials),
        "found": 1 - len(missed) / len(trials),
        "found_in_one_slice": sum(trial.one_slice for trial in trials) / len(trials),
        "false_alarms": len(alarms) / len(trials),
        "missed": [asdict(trial) for trial in missed],
        "alarms": [f"{trial.sequence} {trial.size}" for trial in alarms],
    }


def planted_words(number: int, seed: int) -> str:
    """A name, a number, a date or a place of an invented person."""
    person = planted(np.random.default_rng((seed, number, 1)))
    day = person.birth
    return (
        f"{person.family} {person.given}",
        person.patient_id,
        f"{person.family}^{person.given} {day}",
        person.accession,
        f"DOB {day[6:]}.{day[4:6]}.{day[:4]}",
        person.institution,
    )[number % 6]
