"""The experiment's figures: means over seeds with Student intervals, and paired differences against the baseline.

Baselines: plain CLIP for retrieval and classification, training from scratch for Dice. A difference is paired by seed:
same worlds, same start, same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from journalclip_evaluation.student import Row, interval


def table_of(seeds: Sequence[Mapping[str, Mapping[str, float]]]) -> list[Row]:
    """Rows by measure, the baseline first."""
    rows: list[Row] = []
    for measure in seeds[0]["clip"]:
        rows += _arms(seeds, measure, {"clip": "clip", "soft": "soft"})
    for measure in seeds[0]["dice scratch"]:
        arms = {name: f"dice {name}" for name in ("scratch", "clip", "soft")}
        rows += _arms(seeds, measure, arms, f"Dice {measure} of labels")
    if "subsets" in seeds[0]:
        everything = max(seeds[0]["subsets"], key=lambda name: name.count("+"))
        names = [everything, *(name for name in seeds[0]["subsets"] if name != everything)]
        whole = [seed["subsets"][everything] for seed in seeds]
        for name in names:
            values = tuple(seed["subsets"][name] for seed in seeds)
            lost = None if name == everything else interval([a - b for a, b in zip(values, whole, strict=True)])
            rows.append(Row("mAP by sequences present", name, values, lost))
    return rows


def _arms(
    seeds: Sequence[Mapping[str, Mapping[str, float]]], measure: str, arms: Mapping[str, str], title: str = ""
) -> list[Row]:
    """``arms`` maps a name to the part that holds its scores; the first is the baseline."""
    rows, base = [], tuple[float, ...]()
    for number, (name, part) in enumerate(arms.items()):
        values = tuple(seed[part][measure] for seed in seeds)
        base = values if number == 0 else base
        difference = None if number == 0 else interval([a - b for a, b in zip(values, base, strict=True)])
        rows.append(Row(title or measure, name, values, difference))
    return rows


def draw_report(rows: Sequence[Row], path: Path) -> None:
    """A PNG: one panel a measure, a dot a seed, the interval of the mean as a bar."""
    import matplotlib as mpl  # seconds to import, and only this picture needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    measures = list(dict.fromkeys(row.measure for row in rows))
    columns = 4
    figure, axes = plt.subplots(-(-len(measures) // columns), columns, figsize=(13, 2.7 * -(-len(measures) // columns)))
    for axis in axes.flat[len(measures) :]:
        axis.axis("off")
    for axis, measure in zip(axes.flat, measures, strict=False):
        of = [row for row in rows if row.measure == measure]
        for place, row in enumerate(of):
            mean, low, high = row.mean
            axis.plot([place] * len(row.values), row.values, "o", color="#999999", markersize=3)
            axis.errorbar(place + 0.15, mean, [[mean - low], [high - mean]], fmt="s", color="#0072b2", capsize=3)
        axis.set_xticks(range(len(of)), [row.arm.replace("+", "\n") for row in of], fontsize=8 if len(of) < 4 else 6)
        axis.set_xlim(-0.5, len(of) - 0.3)
        axis.set_title(measure, fontsize=9)
    figure.suptitle("Phantom studies: each dot a seed, bars 95 % intervals of the mean over seeds", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
