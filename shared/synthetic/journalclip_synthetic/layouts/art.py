"""What a figure shows: one raster, tiles of one, a grid of several, a drawing, or a raster with printed marks."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from PIL import Image, ImageFilter

from journalclip_sources.pdf.geometry import Rect, union
from journalclip_synthetic.layouts.sheet import Sheet

Kind = Literal["raster", "tiles", "grid", "chart", "marked"]
KINDS: tuple[Kind, ...] = ("raster", "raster", "raster", "tiles", "grid", "chart", "marked")


def scan(rng: np.random.Generator, wide: int, high: int) -> Image.Image:
    """Something with the tones of a scan: soft blobs in noise."""
    coarse = Image.fromarray(rng.integers(20, 235, (max(2, high // 24), max(2, wide // 24)), dtype=np.uint8))
    image = coarse.resize((wide, high), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(3))
    noisy = np.asarray(image, np.int16) + rng.normal(0, 6, (high, wide)).astype(np.int16)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **({"quality": 85} if kind == "JPEG" else {}))
    return out.getvalue()


def draw(sheet: Sheet, kind: Kind, box: Rect, rng: np.random.Generator) -> Rect:
    """Draw into ``box``; returns what is covered."""
    if kind == "chart":
        return sheet.chart(box, rng)
    if kind == "grid":
        return _grid(sheet, box, rng)
    image = scan(rng, round(box.width * 1.6), round(box.height * 1.6))
    if kind == "tiles":
        return _tiles(sheet, box, image)
    sheet.picture(box, encoded(image, "JPEG" if rng.random() < 0.7 else "PNG"))
    if kind == "marked":
        for _ in range(int(rng.integers(1, 4))):
            x = box.x0 + box.width * float(rng.uniform(0.2, 0.8))
            y = box.y0 + box.height * float(rng.uniform(0.2, 0.8))
            sheet.line(x, y, x + 14, y + 9, 1.5)
        sheet.words("L", box.x0 + 6, box.y0 + 16, 10)
    return box


def _tiles(sheet: Sheet, box: Rect, image: Image.Image) -> Rect:
    """One raster stored in strips, as some printers' drivers do."""
    strips = 6
    for strip in range(strips):
        rows = image.height * strip // strips, image.height * (strip + 1) // strips
        part = image.crop((0, rows[0], image.width, rows[1]))
        scale = box.height / image.height
        sheet.picture(Rect(box.x0, box.y0 + rows[0] * scale, box.x1, box.y0 + rows[1] * scale), encoded(part, "PNG"))
    return box


def _grid(sheet: Sheet, box: Rect, rng: np.random.Generator) -> Rect:
    """Two to six pictures in rows, with letters printed on them."""
    columns, rows = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    gap = float(rng.choice([0.0, 3.0, 8.0]))
    wide, high = (box.width - gap * (columns - 1)) / columns, (box.height - gap * (rows - 1)) / rows
    cells = []
    for row in range(rows):
        for column in range(columns):
            x, y = box.x0 + column * (wide + gap), box.y0 + row * (high + gap)
            cell = Rect(x, y, x + wide, y + high)
            sheet.picture(cell, encoded(scan(rng, round(wide * 1.4), round(high * 1.4)), "JPEG"))
            sheet.words("ABCDEF"[row * columns + column], x + 4, y + 14, 10)
            cells.append(cell)
    return union(cells)
