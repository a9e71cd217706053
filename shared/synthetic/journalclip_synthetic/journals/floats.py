"""Figures and tables on the page, and the truth of where they came to stand."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image
from reportlab.lib.utils import ImageReader

from journalclip_synthetic.journals.charts import Sketch, paint_vectors
from journalclip_synthetic.journals.compound import Compound, Piece
from journalclip_synthetic.journals.facts import CaseFacts
from journalclip_synthetic.journals.style import Style
from journalclip_synthetic.journals.truth import Bounds, FigureTruth, PanelTruth
from journalclip_synthetic.journals.typeset import LEADING, Line, Run, break_lines, draw_line

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

GAP = 7.0  # between picture and caption
BESIDE_SHARE = 0.6  # of the width, for the picture when its caption stands beside it


@dataclass
class FigureBlock:
    """A figure with its caption; `truth` is known once it is drawn."""

    number: int
    style: Style
    caption: str
    art: Image.Image | Compound | Sketch
    facts: CaseFacts | None = None
    spans: bool = False
    jpeg: bool = True
    scattered: bool = False  # each panel is an image of its own
    truths: list[FigureTruth] = field(default_factory=list)

    @property
    def truth(self) -> FigureTruth:
        """Raises IndexError before the figure is drawn."""
        return self.truths[0]

    @property
    def label(self) -> str:
        return self.style.label.format(n=self.number)

    def height(self, width: float) -> float:
        art, text = self._sizes(width)
        rules = 8.0 if self.style.rules else 0.0
        return (max(art[1], text) if self._beside else art[1] + GAP + text) + rules

    def draw(self, canvas: Canvas, page: int, x: float, top: float, width: float) -> None:
        (w, h), text = self._sizes(width)
        if self.style.rules:
            canvas.setLineWidth(0.5)
            canvas.line(x, top, x + width, top)
            top -= 5
        if self._beside:
            self._caption(canvas, x + w + 10, top, width - w - 10)
            left, upper = x, top
        elif self.style.caption == "above":
            self._caption(canvas, x, top, width)
            left, upper = x + (width - w) / 2, top - text - GAP
        else:
            left, upper = x + (width - w) / 2, top
            self._caption(canvas, x, top - h - GAP, width)
        self._art(canvas, left, upper, w, h)
        self.truths.append(self._truth(page, left, upper, w, h))

    @property
    def _beside(self) -> bool:
        return self.style.caption == "beside" and (self.spans or self.style.columns == 1)

    def _lines(self, width: float) -> list[Line]:
        regular, bold = self.style.caption_font
        label = Run(self.label, bold if self.style.bold_label else regular)
        return break_lines((label, Run(self.caption, regular)), self.style.caption_size, width)

    def _sizes(self, width: float) -> tuple[tuple[float, float], float]:
        """Width and height of the picture, height of the caption's text."""
        pixels_w, pixels_h = _pixels(self.art)
        dpi = 72 if isinstance(self.art, Sketch) else self.style.dpi
        room = width * BESIDE_SHARE if self._beside else width
        w = min(room, pixels_w * 72 / dpi)
        limit = 0.62 * self.style.page[1]
        scale = min(w / pixels_w, limit / pixels_h)
        text_width = width - pixels_w * scale - 10 if self._beside else width
        text = len(self._lines(text_width)) * self.style.caption_size * LEADING
        return (pixels_w * scale, pixels_h * scale), text

    def _caption(self, canvas: Canvas, x: float, top: float, width: float) -> None:
        size = self.style.caption_size
        for i, line in enumerate(self._lines(width)):
            draw_line(canvas, line, x, top - (i + 0.82) * size * LEADING, size, width, justify=False)

    def _art(self, canvas: Canvas, x: float, top: float, w: float, h: float) -> None:
        if isinstance(self.art, Sketch):
            paint_vectors(self.art, canvas, x, top)
            return
        if isinstance(self.art, Image.Image):
            _place(canvas, self.art, x, top - h, w, h, self.jpeg)
            return
        scale = w / self.art.image.width
        if self.scattered:
            for piece in self.art.pieces:
                x0, y0, x1, y1 = (v * scale for v in piece.cell)
                _place(canvas, self.art.image.crop(piece.cell), x + x0, top - y1, x1 - x0, y1 - y0, self.jpeg)
        else:
            _place(canvas, self.art.image, x, top - h, w, h, self.jpeg)
        if self.art.letters == "text":
            for piece in self.art.pieces:
                _print_letter(canvas, piece, x, top, scale)

    def _truth(self, page: int, x: float, top: float, w: float, h: float) -> FigureTruth:
        upper = self.style.page[1] - top
        parts = self.art.pieces if isinstance(self.art, Compound) else ()
        scale = w / _pixels(self.art)[0]
        cells = [tuple(v * scale + (x if i % 2 == 0 else upper) for i, v in enumerate(p.cell)) for p in parts]
        facts = self.facts or (parts[0].facts if parts else None)
        box: Bounds = (x, upper, x + w, upper + h)
        if self.scattered:  # what is printed are the cells; letters above them may stand out
            box = (
                min(c[0] for c in cells),
                min(c[1] for c in cells),
                max(c[2] for c in cells),
                max(c[3] for c in cells),
            )
        return FigureTruth(
            number=str(self.number),
            label=self.label,
            caption=self.caption,
            page=page,
            bbox=_rounded(box),
            bbox_page=page,
            bbox_kind="complex" if self.scattered or isinstance(self.art, Sketch) else "single",
            panels=tuple(
                PanelTruth(p.letter, _rounded(c), p.subcaption, p.facts) for p, c in zip(parts, cells, strict=True)
            ),
            letters=self.art.letters if isinstance(self.art, Compound) else "none",
            facts=self.facts,
            modality=facts.modality if facts else "chart",
        )


@dataclass
class TableBlock:
    """A table: a caption above, rules, rows."""

    style: Style
    caption: str
    rows: list[list[str]]
    spans: bool = False

    def height(self, width: float) -> float:
        del width  # rows do not wrap
        return (len(self.rows) + 2.4) * self.style.caption_size * 1.4

    def draw(self, canvas: Canvas, page: int, x: float, top: float, width: float) -> None:
        del page  # a table has no truth to keep
        step = self.style.caption_size * 1.4
        canvas.setFont(self.style.caption_font[1], self.style.caption_size)
        canvas.drawString(x, top - step, self.caption)
        canvas.setLineWidth(0.6)
        canvas.line(x, top - 1.4 * step, x + width, top - 1.4 * step)
        canvas.setFont(self.style.caption_font[0], self.style.caption_size)
        for r, row in enumerate(self.rows):
            for c, cell in enumerate(row):
                canvas.drawString(x + width * c / len(row), top - (2.4 + r) * step, cell)
        low = top - (1.8 + len(self.rows)) * step
        canvas.line(x, low, x + width, low)


def _pixels(art: Image.Image | Compound | Sketch) -> tuple[float, float]:
    if isinstance(art, Sketch):
        return art.width, art.height
    return art.image.size if isinstance(art, Compound) else art.size


def _rounded(box: tuple[float, ...]) -> Bounds:
    x0, y0, x1, y1 = (round(v, 1) for v in box)
    return x0, y0, x1, y1


def _place(canvas: Canvas, image: Image.Image, x: float, y: float, w: float, h: float, jpeg: bool) -> None:
    """An image on the page, as a JPEG stream passed through or as deflated pixels."""
    if not jpeg:
        canvas.drawImage(ImageReader(image), x, y, w, h)
        return
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    buffer.seek(0)
    canvas.drawImage(ImageReader(buffer), x, y, w, h)


def _print_letter(canvas: Canvas, piece: Piece, x: float, top: float, scale: float) -> None:
    if piece.mark is None:
        return
    x0, y0, _, y1 = piece.mark.box
    shade = 1 if piece.mark.light else 0
    canvas.setFillColorRGB(shade, shade, shade)
    canvas.setFont("Helvetica-Bold", max(6.0, (y1 - y0) * scale * 1.3))
    canvas.drawString(x + x0 * scale, top - y1 * scale, piece.mark.text)
    canvas.setFillColorRGB(0, 0, 0)
