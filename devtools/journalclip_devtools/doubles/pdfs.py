"""Small PDFs drawn on the spot, so that each test shows the page it is about."""

from __future__ import annotations

import io

import pymupdf
from PIL import Image

Point4 = tuple[float, float, float, float]

BODY = (
    "Patients were followed for two years after the procedure and their outcome was recorded at every visit. "
    "The scale that was used has been described before, and two readers who did not know the group applied it. "
)


def jpeg(width: int = 320, height: int = 240, tint: int = 90) -> bytes:
    """A JPEG with some structure, so that no two tints are the same bytes."""
    image = Image.radial_gradient("L").resize((width, height)).point(lambda v: (v + tint) % 256)
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue()


class Journal:
    """A document being set: ``paragraph``, ``text``, ``picture``, ``chart`` draw at given points of the last page."""

    def __init__(self) -> None:
        self.document = pymupdf.open()
        self.page = self.document.new_page(width=595, height=842)

    def turn(self) -> Journal:
        self.page = self.document.new_page(width=595, height=842)
        return self

    def text(self, x: float, y: float, *lines: str, size: float = 8, font: str = "helv", lead: float = 1.25) -> Journal:
        for row, line in enumerate(lines):
            self.page.insert_text((x, y + row * size * lead), line, fontsize=size, fontname=font)
        return self

    def paragraph(self, x: float, y: float, width: float = 240, rows: int = 8, text: str = BODY) -> Journal:
        """Body text: Times, 10 points, ``rows`` full lines."""
        words = (text * (1 + rows * 60 // len(text))).split()
        lines: list[str] = [""]
        for word in words:
            longer = f"{lines[-1]} {word}".strip()
            if pymupdf.get_text_length(longer, fontname="tiro", fontsize=10) > width:
                lines.append(word)
            else:
                lines[-1] = longer
        return self.text(x, y, *lines[:rows], size=10, font="tiro", lead=1.2)

    def picture(self, box: Point4, data: bytes | None = None, rotate: int = 0) -> Journal:
        self.page.insert_image(pymupdf.Rect(*box), stream=data or jpeg(), keep_proportion=False, rotate=rotate)
        return self

    def chart(self, box: Point4, bars: int = 6) -> Journal:
        """Axes and bars, all vectors."""
        x0, y0, x1, y1 = box
        shape = self.page.new_shape()
        shape.draw_line((x0, y0), (x0, y1))
        shape.draw_line((x0, y1), (x1, y1))
        shape.finish(color=(0, 0, 0), width=0.8)
        step = (x1 - x0) / bars
        for bar in range(bars):
            left = x0 + bar * step + 0.2 * step
            top = y0 + (y1 - y0) * ((bar * 7) % bars) / bars
            shape.draw_rect(pymupdf.Rect(left, top, left + 0.6 * step, y1))
        shape.finish(color=(0, 0, 0), fill=(0.3, 0.5, 0.8), width=0.5)
        shape.commit()
        return self

    def pdf(self) -> bytes:
        data: bytes = self.document.tobytes(deflate=True, no_new_id=True)
        return data
