"""Plots as SVG text: quiet, labelled, readable in black and white; the same data gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from journalclip_evaluation.retrieval import SIDES, Ranked
from journalclip_modeling.encoder import Vectors

COLOURS = ("#1b5e7a", "#b35c1e", "#4b7f3a", "#7a3b7a", "#6b6b6b", "#a08a1e")
_LINES = ("-", "--", ":", "-.")
_MAP_POINTS = 1500  # more are a blot at this size


def recall_curves(models: Mapping[str, Ranked]) -> str:
    """Recall@k over k, both directions, with chance."""
    figure, left = _figure(7.2, 3.1, 2)
    pool = next(iter(models.values())).strict["image_to_text"].pool
    ks = np.unique(np.geomspace(1, pool, 40).astype(int))
    for axes, side in zip(left, SIDES, strict=True):
        for number, (name, ranked) in enumerate(models.items()):
            values = [ranked.strict[side].hits(int(k)).mean() for k in ks]
            axes.plot(ks, values, _LINES[number % 4], color=COLOURS[number % 6], label=name)
        axes.plot(ks, ks / pool, color="#bbbbbb", label="chance", linewidth=1)
        axes.set(xscale="log", xlabel="k", title=side.replace("_", " "), ylim=(0, 1.02))
    left[0].set_ylabel("recall@k")
    left[0].legend(frameon=False, fontsize=8)
    return _svg(figure)


def intervals(rows: Sequence[tuple[str, float, tuple[float, float]]], label: str, marker: float | None = None) -> str:
    """Points with their intervals, one row each, and a line where ``marker`` (chance) is."""
    figure, [axes] = _figure(6.4, 0.8 + 0.28 * len(rows), 1)
    for place, (_, value, (low, high)) in enumerate(rows):
        axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=2)
        axes.plot(value, place, "o", color=COLOURS[0])
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.invert_yaxis()
    axes.set(xlabel=label, xlim=(0, 1))
    if marker is not None:
        axes.axvline(marker, color="#bbbbbb", linewidth=1)
    return _svg(figure)


def embedding_map(images: Vectors, texts: Vectors, modalities: Sequence[str]) -> str:
    """Pictures (dots) and captions (crosses) on two principal components, coloured by modality.

    Each tower's vectors are centred on their own mean first: the gap between the towers would hide all else.
    """
    rows = np.linspace(0, len(images) - 1, min(len(images), _MAP_POINTS)).astype(int)
    both = np.concatenate([side[rows] - side.mean(0) for side in (images, texts)])
    places = PCA(2, svd_solver="full").fit_transform(both) if len(both) > 2 else np.zeros((len(both), 2))
    figure, [axes] = _figure(6.4, 4.4, 1)
    names = np.asarray(modalities)[rows]
    common = [str(name) for name in sorted(set(names), key=lambda name: -int((names == name).sum()))]
    for number, name in enumerate(common[:6]):
        mine = np.flatnonzero(names == name)
        _scatter(axes, places[mine], "o", COLOURS[number], f"{name}")
        _scatter(axes, places[len(rows) + mine], "x", COLOURS[number], "")
    axes.set(xticks=[], yticks=[])
    axes.legend(frameon=False, fontsize=8, title="dot: picture, cross: caption", title_fontsize=8)
    return _svg(figure)


def pareto(points: Mapping[str, tuple[float, float]]) -> str:
    """Domain retrieval against general accuracy; the points that no other beats in both are joined."""
    figure, [axes] = _figure(5.0, 3.6, 1)
    front = sorted(at for at in points.values() if not any(_beats(other, at) for other in points.values()))
    axes.plot(*zip(*front, strict=True), color="#bbbbbb", linewidth=1)
    for number, (name, at) in enumerate(points.items()):
        axes.plot(*at, "o", color=COLOURS[number % 6])
        axes.annotate(name, at, textcoords="offset points", xytext=(6, 4), fontsize=8)
    axes.set(xlabel="general accuracy, zero-shot", ylabel="domain recall@10, mean of both directions")
    axes.margins(0.2)
    return _svg(figure)


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] >= other[0] and one[1] >= other[1]


def _scatter(axes: Axes, places: NDArray[np.float64], marker: str, colour: str, label: str) -> None:
    axes.scatter(places[:, 0], places[:, 1], s=12, marker=marker, color=colour, alpha=0.6, label=label or None)


def _figure(width: float, height: float, columns: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = [figure.add_subplot(1, columns, column + 1) for column in range(columns)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.tick_params(labelsize=8)
    return figure, axes


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    canvas = FigureCanvasSVG(figure)
    with matplotlib.rc_context({"svg.hashsalt": "journalclip"}):  # else the ids inside are random
        canvas.print_svg(buffer, metadata={"Date": None})  # type: ignore[no-untyped-call]
    text = buffer.getvalue()
    return text[text.index("<svg") :]
