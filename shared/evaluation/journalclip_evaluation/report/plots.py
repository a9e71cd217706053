"""Plots as SVG text: quiet, labelled, readable in black and white; the same data gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from journalclip_evaluation.embedding_map import EmbeddingMap, Place
from journalclip_evaluation.retrieval import SIDES, Ranked

COLOURS = ("#1b5e7a", "#b35c1e", "#4b7f3a", "#7a3b7a", "#6b6b6b", "#a08a1e")
GREY = "#bbbbbb"
_LINES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "D", "^")
_VECTORS = 300  # more points than this are drawn as one small picture inside the SVG
_DPI = 160
_TITLE = 9  # points
Row = tuple[str, float, tuple[float, float]]


def recall_curves(models: Mapping[str, Ranked]) -> str:
    """Recall@k over k, both directions, with chance."""
    figure, both = _figure(7.4, 3.1, 2)
    pool = next(iter(models.values())).strict["image_to_text"].pool
    ks = np.unique(np.geomspace(1, pool, 40).astype(int))
    for axes, side in zip(both, SIDES, strict=True):
        for number, (name, ranked) in enumerate(models.items()):
            values = [ranked.strict[side].hits(int(k)).mean() for k in ks]
            axes.plot(ks, values, _LINES[number % 4], color=COLOURS[number % 6], label=name, linewidth=1.6)
        axes.plot(ks, ks / pool, color=GREY, label="chance", linewidth=1)
        axes.set(xscale="log", xlabel="k", ylim=(0, 1.02))
        axes.set_title(side.replace("_", " "), fontsize=_TITLE)
        axes.set_xticks(
            [10**n for n in range(int(np.log10(pool)) + 1)], [f"{10**n:,}" for n in range(int(np.log10(pool)) + 1)]
        )
        axes.grid(axis="y", color="#eeeeee")
    both[0].set_ylabel("recall@k")
    names, lines = both[0].get_legend_handles_labels()[::-1]
    figure.legend(lines, names, frameon=False, fontsize=8, loc="outside lower center", ncols=len(names))
    return _svg(figure, "Recall at k over k in both directions")


def intervals(rows: Sequence[Row], label: str, marker: float | None = None, marker_label: str = "chance") -> str:
    """Points with their intervals, one row each, between 0 and 1, and a line where ``marker`` is."""
    figure, axes = _forest(rows)
    axes.set(xlabel=label, xlim=(0, 1))
    if marker is not None:
        axes.axvline(marker, color=GREY, linewidth=1, zorder=0)
        axes.annotate(marker_label, (marker, 1), xycoords=("data", "axes fraction"), xytext=(3, 0),
                      textcoords="offset points", fontsize=7, color="#777777", va="top")  # fmt: skip
    return _svg(figure, label)


def differences(rows: Sequence[Row], label: str) -> str:
    """Paired differences with their intervals around a line at no difference."""
    figure, axes = _forest(rows)
    axes.axvline(0, color="#777777", linewidth=1, zorder=0)
    reach = max([0.01, *(abs(end) for _, _, ends in rows for end in ends)])
    axes.set(xlabel=label, xlim=(-1.08 * reach, 1.08 * reach))
    return _svg(figure, label)


def embedding_map(drawn: EmbeddingMap) -> str:
    """Pictures (dots) and captions (crosses), coloured by modality."""
    figure, [axes] = _figure(7.0, 4.6, 1)
    names = np.asarray(drawn.modalities)
    common = [str(name) for name in sorted(set(drawn.modalities), key=lambda name: (-int((names == name).sum()), name))]
    raster = 2 * len(names) > _VECTORS
    for number, name in enumerate(common[:6]):
        mine = names == name
        for marker, side, label in (("o", drawn.images, name), ("x", drawn.texts, None)):
            places = np.asarray(side)[mine]
            axes.scatter(
                places[:, 0], places[:, 1], s=13, marker=marker, color=COLOURS[number], alpha=0.6, linewidths=0.9,
                label=label, rasterized=raster,
            )  # fmt: skip
    first, second = (f"{100 * share:.0f} % of the variance" for share in drawn.explained)
    axes.set(xticks=[], yticks=[], xlabel=f"component 1, {first}", ylabel=f"component 2, {second}")
    axes.legend(frameon=False, fontsize=8, title="dot: picture, cross: caption", title_fontsize=8,
                loc="center left", bbox_to_anchor=(1, 0.5))  # fmt: skip
    return _svg(figure, "Map of pictures and captions")


def pareto(points: Mapping[str, Place], line: Sequence[tuple[str, Place]], axes_are: tuple[str, str]) -> str:
    """General accuracy across, domain retrieval up; ``line`` is a sweep between two models, labelled by its alphas."""
    figure, [axes] = _figure(5.6, 3.8, 1)
    if line:
        axes.plot(*zip(*(at for _, at in line), strict=True), ".-", color=GREY, linewidth=1)
        for name, at in line:
            axes.annotate(name, at, textcoords="offset points", xytext=(4, -9), fontsize=7, color="#777777")
    elif len(front := sorted(at for at in points.values() if not any(beats(o, at) for o in points.values()))) > 1:
        axes.plot(*zip(*front, strict=True), color=GREY, linewidth=1)
    for number, (name, at) in enumerate(points.items()):
        axes.plot(*at, _MARKERS[number % 4], color=COLOURS[number % 6])
        axes.annotate(name, at, textcoords="offset points", xytext=(6, 4), fontsize=8)
    axes.set(xlabel=axes_are[0], ylabel=axes_are[1])
    axes.margins(0.25)
    return _svg(figure, "What was gained and what was forgotten")


def curves(of: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Training curves over steps, one panel each."""
    figure, panels = _figure(2.5 * len(of), 2.2, len(of))
    for axes, (name, points) in zip(panels, of.items(), strict=True):
        axes.plot(*zip(*points, strict=True), color=COLOURS[0], linewidth=1.2)
        axes.set(xlabel="step")
        axes.set_title(name.replace("_", " "), fontsize=_TITLE)
        axes.margins(x=0.02)
        axes.locator_params(nbins=4)
    return _svg(figure, "Training curves")


def beats(one: Place, other: Place) -> bool:
    """At least as good in both, and not the same."""
    return one != other and one[0] >= other[0] and one[1] >= other[1]


def _forest(rows: Sequence[Row]) -> tuple[Figure, Axes]:
    figure, [axes] = _figure(6.6, 0.7 + 0.27 * len(rows), 1)
    for place, (_, value, (low, high)) in enumerate(rows):
        axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=2, solid_capstyle="butt")
        axes.plot(value, place, "o", color=COLOURS[0], markersize=5, clip_on=False)  # 1.0 stands on the edge
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    return figure, axes


def _figure(width: float, height: float, columns: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained", dpi=_DPI)
    axes = [figure.add_subplot(1, columns, column + 1) for column in range(columns)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.tick_params(labelsize=8)
        each.xaxis.label.set_fontsize(8)
        each.yaxis.label.set_fontsize(8)
    return figure, axes


def _svg(figure: Figure, title: str) -> str:
    buffer = io.StringIO()
    canvas = FigureCanvasSVG(figure)
    with matplotlib.rc_context({"svg.hashsalt": "journalclip"}):  # else the ids inside are random
        canvas.print_svg(buffer, metadata={"Date": None, "Title": title})  # type: ignore[no-untyped-call]
    text = buffer.getvalue()
    return text[text.index("<svg") :]
