"""What a sweep varies, and which settings each trial has: a function of recipe, axes and seed alone.

Trial 0 is the recipe as it is. The others are points of a Halton sequence, which covers few dimensions evenly however
many trials there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from scipy.stats import qmc

from journalclip_training.config import LossConfig, OptimConfig, RunConfig, with_overrides
from journalclip_training.errors import SettingInvalid

FACTOR = 3.0  # the default range of the rate: a third of the recipe's to three times it


@dataclass(frozen=True)
class Axis:
    """One key of the configuration: some values, or a range whose logarithm is drawn evenly."""

    key: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0

    def at(self, place: float) -> str:
        """The value at ``place``, 0 to 1, as an override has it."""
        if self.choices:
            return self.choices[min(int(place * len(self.choices)), len(self.choices) - 1)]
        drawn = math.exp(math.log(self.low) + place * (math.log(self.high) - math.log(self.low)))
        return f"{drawn:.3g}"


def axis(said: str) -> Axis:
    """``optim.lr=1e-5..1e-3`` or ``loss.kind=clip,soft``. Raises `SettingInvalid`."""
    key, equals, value = said.partition("=")
    if not equals or not value:
        raise SettingInvalid(said, "not of the form KEY=A,B,C or KEY=LOW..HIGH")
    low, dots, high = value.partition("..")
    if not dots:
        return Axis(key, tuple(each.strip() for each in value.split(",")))
    try:
        found = Axis(key, low=float(low), high=float(high))
    except ValueError as error:
        raise SettingInvalid(said, "LOW and HIGH of a range are numbers") from error
    if not 0 < found.low < found.high:
        raise SettingInvalid(said, "a range goes from a LOW above 0 to a larger HIGH")
    return found


def default_axes(config: RunConfig) -> list[Axis]:
    """Rate, length, loss and, where the loss mixes similarities, their weight.

    Start and resolution are the caller's: only they know which folders there are (``model.base=A,B``).
    """
    optim, loss = cast(OptimConfig, config.optim), cast(LossConfig, config.loss)  # type: ignore[attr-defined]  # every kind's
    length = (
        Axis("optim.steps", tuple(str(round(optim.steps * share)) for share in (0.5, 1, 2)))
        if optim.steps
        else Axis("optim.epochs", tuple(f"{optim.epochs * share:g}" for share in (0.5, 1, 2)))
    )
    kinds = dict.fromkeys((loss.kind, "clip", "soft"))
    return [
        Axis("optim.lr", low=optim.lr / FACTOR, high=optim.lr * FACTOR), length,
        Axis("loss.kind", tuple(kinds)), Axis("loss.alpha", ("0.3", "0.5", "0.7", "1.0")),
    ]  # fmt: skip


def draws(config: RunConfig, axes: Sequence[Axis], trials: int, seed: int) -> list[tuple[str, ...]]:
    """The overrides of each trial; a longer sweep begins with a shorter one's. Raises `SettingInvalid`."""
    found: list[tuple[str, ...]] = [()]
    if trials > 1 and axes:
        points = qmc.Halton(len(axes), seed=seed).random(trials - 1)
        found += [tuple(f"{one.key}={one.at(float(u))}" for one, u in zip(axes, row, strict=True)) for row in points]
    for overrides in found[:trials]:
        with_overrides(config, overrides)  # a wrong key is refused before any trial runs
    return found[:trials]
