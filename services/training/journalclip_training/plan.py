"""A dry run: what a recipe on a dataset will take, found by really doing a few of its steps."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from journalclip_modeling.data import FrozenDataset
from journalclip_training.articles.run import open_replayed
from journalclip_training.base import check_pictures, describe_base, load_base
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions, TrainConfig
from journalclip_training.errors import DatasetTooSmall
from journalclip_training.fit import fit, order_of, steps_of
from journalclip_training.samples import open_samples

PROBE_STEPS = 4  # the first warms caches up and is not counted


@dataclass(frozen=True)
class Plan:
    """Expected cost. ``peak_bytes`` is the process's peak after the probe, libraries included (Linux)."""

    pairs: int
    batch: int
    steps: int
    base: str
    parameters: int
    trainable: int
    state_bytes: int  # weights, gradients, two moments and the average, float32
    peak_bytes: int
    seconds_per_step: float
    seconds: float


def plan(config: TrainConfig, dataset: FrozenDataset, options: RunOptions) -> Plan:
    """Raises as training does: `DatasetTooSmall`, `BaseUnavailable`, `TrainingDiverged`, and for an unknown dataset."""
    pairs = dataset.manifest.splits["train"].pairs
    if pairs < config.data.min_pairs:
        raise DatasetTooSmall(dataset.manifest.dataset_id, pairs, "pairs", config.data.min_pairs, "data.min_pairs")
    start = load_base(config, [pair.text for pair in dataset.pairs("train")])
    check_pictures(dataset.manifest, start)
    parameters = sum(each.numel() for each in start.model.parameters())
    seconds: list[float] = []

    def observe(point: Point, total: int) -> None:
        del point, total
        seconds.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        samples = open_samples(dataset, "train", start.preprocess, Path(folder) / "shards", options)
        replayed = open_replayed(dataset.store, config, start.preprocess, Path(folder), options)
        order = order_of(config, pairs, len(replayed) if replayed is not None else 0)
        probe = replace(config, optim=replace(config.optim, steps=PROBE_STEPS))
        fit(probe, start, samples, Path(folder), options=options, observe=observe, replay=replayed)
    steps = steps_of(order, config.optim)
    each = (seconds[-1] - seconds[0]) / max(1, len(seconds) - 1)
    trainable = sum(p.numel() for p in start.model.parameters() if p.requires_grad)
    copies = 3 + bool(config.optim.ema)  # gradient and two moments, and the average
    return Plan(
        pairs=pairs,
        batch=order.size,
        steps=steps,
        base=describe_base(config),
        parameters=parameters,
        trainable=trainable,
        state_bytes=4 * (parameters + copies * trainable),
        peak_bytes=_peak(),
        seconds_per_step=each,
        seconds=each * steps,
    )


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
