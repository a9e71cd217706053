"""The panel benchmarks: synthetic compounds whose every cell is known, and hand-labelled figures of real articles.

The synthetic ones are random (grids, uneven rows, one beside a stack; gaps of 0 to 16 pixels on white and black;
letters in the pixels, over the image as page text, or absent; inside or above; charts) and half of them pass through
JPEG first. The real ones are a file of facts: article, figure, letters and boxes; the articles lie elsewhere.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pymupdf
from PIL import Image
from pydantic import BaseModel, TypeAdapter, ValidationError

from journalclip_devtools.benches.panel_scoring import Score, TruePanel
from journalclip_extraction.panels.split import split_figure
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.records.article import Box
from journalclip_sources.pdf.geometry import Rect, to_box

POINTS = 0.5  # a pixel of a synthetic figure, in points
REAL_PIXELS = 900  # longer side at which real figures are rendered


class LabelledPanel(BaseModel):
    """A panel of a real figure."""

    letter: str
    bbox: tuple[float, float, float, float]


class LabelledFigure(BaseModel):
    """A real compound figure; boxes in PDF points, origin top left. ``labelled`` says how the label was made."""

    file: str
    number: str
    page: int
    figure_bbox: tuple[float, float, float, float]
    labelled: str
    panels: list[LabelledPanel]


def bench_synthetic(figures: int, seed: int) -> dict[str, Json]:
    """Score ``figures`` random compounds."""
    # The generator draws with libraries that the service does without.
    from journalclip_synthetic.journals.compound import draw_compound, draw_look
    from journalclip_synthetic.journals.subcaptions import STYLES, Voice

    rng = np.random.default_rng(seed)
    total, times = Score(), []
    slices: dict[str, Score] = {}
    for index in range(figures):
        look = draw_look(rng)
        voice = Voice(bool(index % 2), STYLES[index % len(STYLES)], look.lower)
        figure = draw_compound(rng, look, voice=voice)
        image = _as_jpeg(figure.image) if index % 2 else figure.image
        truth = [TruePanel(p.letter, _scaled(p.cell), p.subcaption) for p in figure.pieces]
        words = [
            (p.mark.text, to_box(_scaled(p.mark.box)))
            for p in figure.pieces
            if p.mark is not None and figure.letters == "text"
        ]
        box = Box(x0=0, y0=0, x1=image.width * POINTS, y1=image.height * POINTS)
        started = time.process_time()
        split = split_figure(image, words, box, 1, figure.caption)
        times.append(1000 * (time.process_time() - started))
        total.add(split, truth)
        place = "inside" if look.inside else "above"
        for name in (
            f"letters {figure.letters}" + ("" if figure.letters == "none" else f" {place}"),
            "no gap" if look.gap == 0 else "gap",
            "charts" if look.charts else "pictures",
            "on white" if look.ground else "on black",
        ):
            slices.setdefault(name, Score()).add(split, truth)
    return {
        **total.summary(),
        "ms_per_figure": round(median(times), 1),
        "reasons": dict(sorted(total.reasons.items())),
        "slices": {name: score.summary() for name, score in sorted(slices.items())},
    }


def bench_real(corpus: Path, labels: Path) -> dict[str, Json]:
    """Score the hand-labelled figures in the articles of ``corpus`` (PDFs and gold.json, for the captions)."""
    total, times, wrong = Score(), [], []
    for figure, caption, page in _real(corpus, labels):
        area = pymupdf.Rect(figure.figure_bbox)
        pixmap = page.get_pixmap(clip=area, dpi=int(72 * REAL_PIXELS / max(area.width, area.height)))
        image = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
        words = [(w[4], to_box(Rect(*w[:4]))) for w in page.get_text("words", clip=area)]
        started = time.process_time()
        split = split_figure(image, words, to_box(Rect(*figure.figure_bbox)), figure.page, caption)
        times.append(1000 * (time.process_time() - started))
        if not total.add(split, [TruePanel(p.letter, Rect(*p.bbox)) for p in figure.panels]):
            wrong.append(f"{figure.file} {figure.number}: {split.reason}")
    return {
        **total.summary(),
        "ms_per_figure": round(median(times), 1),
        "reasons": dict(sorted(total.reasons.items())),
        "not_right": wrong,
    }


def _real(corpus: Path, labels: Path) -> Iterator[tuple[LabelledFigure, str, pymupdf.Page]]:
    """Each labelled figure with its caption and page. Raises `PermanentError` for files that cannot be read."""
    try:
        figures = TypeAdapter(list[LabelledFigure]).validate_json(labels.read_bytes())
        gold = json.loads((corpus / "gold.json").read_bytes())
    except (OSError, ValidationError, json.JSONDecodeError) as error:
        raise PermanentError(
            "bench-input", f"cannot read the labels or gold.json: {error}", "Name the folder of the real articles."
        ) from error
    for figure in figures:
        captions = {f["number"]: f["caption"] for f in gold.get(figure.file, {}).get("figures", [])}
        path = corpus / figure.file
        if figure.number not in captions or not path.exists():
            raise PermanentError(
                "bench-input", f"{corpus} lacks {figure.file}, figure {figure.number}", "Use the corpus of the labels."
            )
        with pymupdf.open(path) as document:
            yield figure, captions[figure.number], document.load_page(figure.page - 1)


def _scaled(cell: tuple[int, int, int, int]) -> Rect:
    return Rect(*(v * POINTS for v in cell))


def _as_jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return Image.open(buffer)
