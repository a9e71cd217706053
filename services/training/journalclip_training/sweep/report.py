"""A sweep's one table and one plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from journalclip_shared.ids import Json
from journalclip_training.sweep.trial import SCORE, Trial


def best(trials: Sequence[Trial]) -> Trial:
    """The highest score; of equals the first, so that the recipe as it is wins a tie."""
    return max(trials, key=lambda each: (each.score, -each.number))


def rows_of(trials: Sequence[Trial]) -> list[dict[str, Json]]:
    """Best first. Nothing in a row depends on how long a trial took or how often it was stopped."""
    ordered = sorted(trials, key=lambda each: (-each.score, each.number))
    return [
        {
            "trial": each.number,
            "settings": " ".join(each.overrides) or "the recipe as it is",
            SCORE: round(each.score, 4),
            "steps": each.steps,
            "final_loss": round(each.final_loss, 4),
            "failed": each.failed,
        }
        for each in ordered
    ]


def draw_sweep(trials: Sequence[Trial], path: Path) -> None:
    """A PNG: a panel for each key that was varied, the score by its value; the best trial is marked."""
    import matplotlib as mpl  # seconds to import, and only this picture needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    varied = [each for each in trials if each.overrides]
    keys = list(dict.fromkeys(one.partition("=")[0] for each in varied for one in each.overrides)) or ["trial"]
    winner, plain = best(trials), next((each for each in trials if not each.overrides), None)
    figure, axes = plt.subplots(1, len(keys), figsize=(3.4 * len(keys), 3.2), squeeze=False, sharey=True)
    for axis, key in zip(axes.flat, keys, strict=True):
        values = [dict(one.split("=", 1) for one in each.overrides).get(key, "") for each in varied]
        numbers = all(_is_number(value) for value in values)
        places = [float(value) for value in values] if numbers else values
        colours = ["#d55e00" if each is winner else "#0072b2" for each in varied]
        axis.scatter(places, [each.score for each in varied], c=colours, s=22)
        if numbers and len(set(places)) > 4:
            axis.set_xscale("log")
        if plain is not None:
            axis.axhline(plain.score, color="#999999", linewidth=1, linestyle="--")
        axis.set_title(key, fontsize=9)
    axes.flat[0].set_ylabel(f"{SCORE}, {trials[0].pool} in the pool")
    figure.suptitle("Each dot a trial, orange the best; the line is the recipe as it is", fontsize=9)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _is_number(said: str) -> bool:
    try:
        float(said)
    except ValueError:
        return False
    return True
