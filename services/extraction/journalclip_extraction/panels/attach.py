"""A figure as extracted, with its panels: what the extractor calls for each figure that has a crop.

A figure that goes on over pages is split as one image, its parts one below the other, and each panel is then told on
which page it stands. A figure on a turned page is split upright, as its crop is, and its panels are turned back.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from PIL import Image

from journalclip_extraction.article import Crop, ReadFigure, ReadPanel
from journalclip_extraction.panels.raster import Region
from journalclip_extraction.panels.split import SplitPanel, split_figure
from journalclip_extraction.quality.phash import phash
from journalclip_shared.records.article import Box
from journalclip_sources.pdf.content import Page
from journalclip_sources.pdf.geometry import Rect, to_box
from journalclip_sources.pdf.upright import as_displayed

LONGEST_MARK = 6  # characters of a panel letter with its brackets
JPEG_QUALITY = 92  # a second encoding of what may have been a JPEG
BETWEEN = 0.06  # of a part's width: white between the parts of a stack, wider than any gap within them


@dataclass(frozen=True)
class _Part:
    """A part's picture, where it stands on its upright page, and the rows that it takes in the stack."""

    page: Page
    box: Rect
    image: Image.Image
    media_type: Literal["image/jpeg", "image/png"]
    top: int
    scale: float  # stack pixels a pixel

    @property
    def bottom(self) -> int:
        return self.top + round(self.image.height * self.scale)


def with_panels(figure: ReadFigure, places: Sequence[tuple[Page, Rect | None]]) -> ReadFigure:
    """``figure`` in tier "panels" where caption, layout and letters agree, else as it was.

    ``places`` are the upright page and box of the figure's first part and of each that continues it.
    """
    if figure.crop is None:
        return figure
    parts = _parts(figure, places)
    stack, marks = _stacked(parts), _marks(parts)
    split = split_figure(stack, marks, _frame(stack), figure.page, figure.caption, layout=False)
    if split.tier == "whole":
        return figure
    panels = [_panel(panel, parts) for panel in split.panels]
    if any(panel is None for panel in panels):
        return figure  # a panel over two pages is none
    found = tuple(panel for panel in panels if panel is not None)
    return replace(figure, tier="panels", panels=found, lettered=split.lettered)


def with_panels_of(figure: ReadFigure, crop: Crop) -> ReadFigure:
    """Panels of a picture that stands on no page; their boxes are in its pixels."""
    frame = Rect(0.0, 0.0, float(crop.width), float(crop.height))
    return with_panels(figure, [(Page(number=1, box=frame), frame)])


def _parts(figure: ReadFigure, places: Sequence[tuple[Page, Rect | None]]) -> list[_Part]:
    crops = (figure.crop, *(part.crop for part in figure.continued))
    known = [(page, box, crop) for (page, box), crop in zip(places, crops, strict=True) if box and crop]
    images = [Image.open(io.BytesIO(crop.data)) for _, _, crop in known]
    width = images[0].width
    parts: list[_Part] = []
    for (page, box, crop), image in zip(known, images, strict=True):
        top = parts[-1].bottom + round(BETWEEN * width) if parts else 0
        parts.append(_Part(page, box, image, crop.media_type, top, width / image.width))
    return parts


def _stacked(parts: Sequence[_Part]) -> Image.Image:
    if len(parts) == 1:
        return parts[0].image
    stack = Image.new("RGB", (parts[0].image.width, parts[-1].bottom), "white")
    for part in parts:
        stack.paste(part.image.convert("RGB").resize((stack.width, part.bottom - part.top)), (0, part.top))
    return stack


def _marks(parts: Sequence[_Part]) -> list[tuple[str, Box]]:
    """Short words printed over the figure, in pixels of the stack."""
    return [
        (line.text.strip(), to_box(_into_stack(line.box, part)))
        for part in parts
        for line in part.page.lines
        if len(line.text.strip()) <= LONGEST_MARK and part.box.holds_centre(line.box)
    ]


def _into_stack(box: Rect, part: _Part) -> Rect:
    sx = part.image.width * part.scale / part.box.width
    sy = (part.bottom - part.top) / part.box.height
    x0, y0 = part.box.x0, part.box.y0
    return Rect((box.x0 - x0) * sx, (box.y0 - y0) * sy + part.top, (box.x1 - x0) * sx, (box.y1 - y0) * sy + part.top)


def _frame(image: Image.Image) -> Box:
    """The stack's own box: its units are pixels."""
    return Box(x0=0, y0=0, x1=image.width, y1=image.height)


def _panel(panel: SplitPanel, parts: Sequence[_Part]) -> ReadPanel | None:
    x0, y0, x1, y1 = panel.pixels
    part = next((p for p in parts if p.top <= y0 and y1 <= p.bottom + 1), None)
    if part is None:
        return None
    k = part.scale
    pixels = Region(
        round(x0 / k), round((y0 - part.top) / k), round(x1 / k), min(part.image.height, round((y1 - part.top) / k))
    )
    sx, sy = part.box.width / part.image.width, part.box.height / part.image.height
    corner = part.box
    box = Rect(
        corner.x0 + pixels.x0 * sx, corner.y0 + pixels.y0 * sy, corner.x0 + pixels.x1 * sx, corner.y0 + pixels.y1 * sy
    )
    image = part.image.crop(pixels)
    look = phash(image)
    crop = _encoded(image, part.media_type)  # the pixels are used up
    shown = to_box(as_displayed(box, part.page))
    return ReadPanel(panel.letter, part.page.number, shown, panel.subcaption, crop, look, panel.text)


def _encoded(image: Image.Image, media_type: Literal["image/jpeg", "image/png"]) -> Crop:
    out = io.BytesIO()
    if media_type == "image/jpeg":
        image.save(out, "JPEG", quality=JPEG_QUALITY)
    else:
        image.save(out, "PNG", compress_level=1)
    return Crop(out.getvalue(), media_type, image.width, image.height).shown_by(image)
