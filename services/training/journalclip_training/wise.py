"""Forgetting control after training: the straight line from the start's weights to the tuned ones (WiSE-FT).

A model at ``alpha`` of the line keeps much of what the start knew and has much of what training taught
(arXiv 2109.01903). Each alpha is scored on the domain and on a general reference set; the point kept is the best on the
domain among those that lose at most ``cap`` of the start's general score. No training is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from journalclip_modeling.folder import ClipFolder

Score = Callable[[ClipFolder], float]
Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Point:
    """One model of the line: ``alpha`` 0 is the start, 1 the tuned model. Scores are shares, 0 to 1."""

    alpha: float
    domain: float
    general: float


def weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of the parameters."""
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def set_between(model: torch.nn.Module, start: Weights, tuned: Weights, alpha: float) -> None:
    """Put ``(1 - alpha) start + alpha tuned`` into ``model``; the ends are the very weights, bit for bit."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if alpha in (0.0, 1.0):
                parameter.copy_((tuned if alpha else start)[name])
            else:
                parameter.copy_(torch.lerp(start[name], tuned[name], alpha))


def sweep(
    tuned: ClipFolder, start: Weights, alphas: Iterable[float], domain: Score, general: Score
) -> tuple[Point, ...]:
    """Score every alpha, and both ends; ``tuned`` is left as it came."""
    end = weights(tuned.model)
    points = []
    for alpha in sorted({0.0, 1.0, *alphas}):
        set_between(tuned.model, start, end, alpha)
        points.append(Point(alpha, domain(tuned), general(tuned)))
    set_between(tuned.model, start, end, 1.0)
    return tuple(points)


def choose(points: Sequence[Point], cap: float) -> Point:
    """The best on the domain within the cap; the start itself always is."""
    floor = next(point for point in points if point.alpha == 0).general - cap
    return max((point for point in points if point.general >= floor), key=lambda point: (point.domain, point.alpha))


def draw_front(points: Sequence[Point], chosen: Point, path: Path) -> None:
    """The Pareto picture: general score across, domain score up, one mark an alpha."""
    from matplotlib.figure import Figure  # heavy, and only this needs it

    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([p.general for p in points], [p.domain for p in points], "o-", color="grey")
    axes.plot([chosen.general], [chosen.domain], "o", color="tab:red", label=f"kept: alpha {chosen.alpha:g}")
    for point in points:
        axes.annotate(f"{point.alpha:g}", (point.general, point.domain), textcoords="offset points", xytext=(5, 5))
    axes.set_xlabel("general reference")
    axes.set_ylabel("domain, validation split")
    axes.legend()
    figure.savefig(path, dpi=120)
