"""What every fault test ends with: the system settles, its audit is clean, and its dataset is the undisturbed run's."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from journalclip_devtools.faults.chain import undisturbed
from journalclip_devtools.faults.cluster import Cluster, cpu_share
from journalclip_shared.settings import KafkaSettings, S3Settings, Settings

_T = TypeVar("_T")

PATIENCE_S = 400.0  # only a failure waits so long; a busy machine may take a minute for what needs a second


def settings_for(kafka: KafkaSettings, s3: S3Settings, workdir: Path) -> Settings:
    """Settings under which a dead member is missed soon, and not taken for dead on a busy machine."""
    quick = kafka.model_copy(update={"session_timeout_s": min(20.0, 2.0 * cpu_share()), "request_timeout_s": 20.0})
    return Settings(workdir=workdir, bus="kafka", artifacts="s3", kafka=quick, s3=s3)


def proven(cluster: Cluster, numbers: range, quarantined: frozenset[int] = frozenset()) -> None:
    """Raises `AssertionError` with the workers' logs."""
    found = cluster.settle(PATIENCE_S)
    assert found.violations == [], f"{found.violations}\n{cluster.logs()}"
    assert found.sources["articles"] == len(numbers)
    assert found.states["quarantined"] == len(quarantined & set(numbers))
    assert cluster.final_dataset() == undisturbed(cluster.folder / "undisturbed", numbers, quarantined), cluster.logs()


def reordered(items: Sequence[_T], window: int, rng: random.Random) -> list[_T]:
    """``items`` shuffled within windows of that many, as a log is whose writers overtake each other."""
    mixed: list[_T] = []
    for start in range(0, len(items), window):
        part = list(items[start : start + window])
        rng.shuffle(part)
        mixed += part
    return mixed
