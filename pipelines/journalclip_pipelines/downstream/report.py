"""Few-shot curves as figures: means over seeds with Student intervals, and pretrained minus scratch paired by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from journalclip_evaluation.student import Row, interval
from journalclip_pipelines.downstream.curves import HD95, STARTS, Arm
from journalclip_shared.ids import Json


@dataclass(frozen=True)
class CurvePoint(Row):
    """One measure at one share of the labels, from one start; ``labels`` is the median number of labelled cases."""

    fraction: float
    labels: float

    @property
    def most(self) -> float:
        return math.inf if self.measure.startswith(HD95) else 1.0

    def as_json(self) -> dict[str, Json]:
        return super().as_json() | {"fraction": self.fraction, "labels": self.labels}


def points_of(arms: Sequence[Arm]) -> list[CurvePoint]:
    """By measure, then share, the baseline first; what an arm could not measure (no case with a region) is left out."""
    points: list[CurvePoint] = []
    for task in dict.fromkeys(arm.task for arm in arms):
        of = [arm for arm in arms if arm.task == task]
        for measure in of[0].scores:
            if all(measure in arm.scores for arm in of):
                for fraction in sorted({arm.fraction for arm in of}):
                    points += _at([arm for arm in of if arm.fraction == fraction], measure, fraction)
    return points


def _at(arms: Sequence[Arm], measure: str, fraction: float) -> list[CurvePoint]:
    by_seed = sorted(arms, key=lambda arm: arm.seed)
    values = {start: tuple(arm.scores[measure] for arm in by_seed if arm.start == start) for start in STARTS}
    labels = float(median(arm.labels for arm in arms))
    base = values[STARTS[0]]
    points = []
    for start, of in values.items():
        difference = None if start == STARTS[0] else interval([a - b for a, b in zip(of, base, strict=True)])
        points.append(CurvePoint(measure, start, of, difference, fraction, labels))
    return points


def draw_curves(points: Sequence[CurvePoint], path: Path) -> None:
    """A PNG: one panel a measure, the mean by share of the labels (log), the interval as a band."""
    import matplotlib as mpl  # seconds to import, and only this picture needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    measures, columns = list(dict.fromkeys(point.measure for point in points)), 3
    rows = -(-len(measures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(11, 3 * rows), squeeze=False)
    for axis in axes.flat[len(measures) :]:
        axis.axis("off")
    for axis, measure in zip(axes.flat, measures, strict=False):
        for start, colour in zip(STARTS, ("#999999", "#0072b2"), strict=True):
            of = [point for point in points if (point.measure, point.arm) == (measure, start)]
            shares = [point.fraction for point in of]
            means, lows, highs = zip(*(point.mean for point in of), strict=True)
            axis.plot(shares, means, "o-", color=colour, label=start, markersize=4)
            axis.fill_between(shares, lows, highs, color=colour, alpha=0.2, linewidth=0)
        axis.set_xscale("log")
        axis.set_xticks(shares, [f"{share:.0%}" if share >= 0.01 else f"{share:.1%}" for share in shares])
        axis.minorticks_off()
        axis.set_title(measure, fontsize=9)
    axes.flat[0].legend(fontsize=8)
    figure.suptitle("By share of the training labels: mean over seeds, bands 95 % intervals", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
