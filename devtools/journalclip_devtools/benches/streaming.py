"""Memory of a training on an archive of SeLIP's size: volumes read by position from shards, on a narrow 3-D tower.

The manifest lists 10,825 examinations of five sequences at the published grid. They repeat some drawn ones, over the
same shards, so that they fit a disk; nothing of the training knows that. What is measured is the process's peak
resident memory (Linux) before, and after the steps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from journalclip_devtools.doubles.frozen_studies import freeze_studies
from journalclip_modeling.studies.config import TextTowerConfig, tiny_volume
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.folder import scratch_study_model
from journalclip_pipelines.progress import reporter
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.ids import Json
from journalclip_shared.records.report import SequenceName
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.fit import fit_studies
from journalclip_training.studies.load import load_samples
from journalclip_training.studies.recipes import selip_paper

EXAMINATIONS = 10_825  # the paper's
SEQUENCES: tuple[SequenceName, ...] = ("T1WI", "T2WI", "FLAIR", "DWI", "ADC")
GIB = 1 << 30


@dataclass(frozen=True)
class Streamed:
    """``archive_bytes`` is what holding every voxel would take; ``shard_bytes`` what lies on the disk."""

    examinations: int
    volumes: int
    grid: tuple[int, int, int]
    batch: int
    steps: int
    archive_bytes: int
    shard_bytes: int
    opened_peak_bytes: int
    peak_bytes: int
    seconds_per_step: float

    def as_json(self) -> dict[str, Json]:
        return {**asdict(self), "grid": list(self.grid)}


def narrow() -> StudyTrainConfig:
    """`selip_paper` on its own grid with towers that a CPU can bear."""
    paper = selip_paper()
    model = replace(
        paper.model, sequences=SEQUENCES, tower=tiny_volume((4, 8)), hidden=8, dim=16,
        text=TextTowerConfig(kind="encoder", width=32, layers=1, heads=2, context=64, vocabulary=600),
    )  # fmt: skip
    return replace(paper, model=model, optim=replace(paper.optim, batch=4), precision="float32")


def stream(
    folder: Path, drawn: int, steps: int, tick: Callable[[int, int], None], examinations: int = EXAMINATIONS
) -> Streamed:
    """``drawn`` studies are written below ``folder``; the manifest lists at least ``examinations``."""
    torch.set_num_threads(1)
    config, store = narrow(), LocalArtifacts(folder / "artifacts")
    config = replace(config, optim=replace(config.optim, steps=steps))
    repeat = -(-examinations // drawn)
    frozen = freeze_studies(store, config.model.grid, drawn, repeat=repeat, shard=10, sequences=SEQUENCES)
    dataset = FrozenStudies.open(store, frozen.manifest)
    samples = load_samples(dataset, "train", config.model, folder / "shards", RunOptions(cache_bytes=0))
    samples = samples.subset(range(examinations))
    opened = peak()
    start = scratch_study_model(samples.texts, config.model, config.seed)
    times: list[float] = []

    def observe(point: Point, total: int) -> None:
        times.append(time.perf_counter())
        tick(point.step + 1, total)

    fit_studies(
        config, start.model, start.tokenizer, samples, folder / "run",
        options=RunOptions(checkpoint_every=steps), observe=observe,
    )  # fmt: skip
    shards = {each.sha256: each.bytes for each in dataset.manifest.splits["train"].shards}
    z, rows, columns = config.model.grid
    return Streamed(
        examinations=len(samples), volumes=len(samples.texts), grid=config.model.grid, batch=config.optim.batch,
        steps=steps, archive_bytes=len(samples.texts) * z * rows * columns, shard_bytes=sum(shards.values()),
        opened_peak_bytes=opened, peak_bytes=peak(),
        seconds_per_step=(times[-1] - times[0]) / max(1, len(times) - 1),
    )  # fmt: skip


def peak() -> int:
    """Peak resident bytes of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


def main() -> None:
    """Print the figures as JSON; with ``--most-gib``, exit 1 where the peak is higher."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examinations", type=int, default=EXAMINATIONS)
    parser.add_argument("--drawn", type=int, default=20, help="studies that are drawn; the manifest repeats them")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--most-gib", type=float, default=0.0)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="journalclip-stream-") as folder, reporter().stage("steps", 1) as stage:
        found = stream(Path(folder), wanted.drawn, wanted.steps, stage.update, wanted.examinations)
    sys.stdout.write(json.dumps(found.as_json(), indent=1) + "\n")
    if wanted.most_gib and found.peak_bytes > wanted.most_gib * GIB:
        sys.exit(f"peak memory is {found.peak_bytes / GIB:.2f} GiB")


if __name__ == "__main__":
    main()
