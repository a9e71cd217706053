"""A figure as extracted, with its panels: what the extractor calls for each figure that has a crop."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from PIL import Image

from journalclip_extraction.article import Crop, ReadFigure, ReadPanel
from journalclip_extraction.geometry import to_box
from journalclip_extraction.page.content import Line
from journalclip_extraction.panels.split import split_figure
from journalclip_extraction.panels.subcaptions import parse_subcaptions
from journalclip_extraction.quality import phash

LONGEST_MARK = 3  # characters of a panel letter with its brackets
JPEG_QUALITY = 92  # a second encoding of what may have been a JPEG


def with_panels(figure: ReadFigure, lines: Iterable[Line]) -> ReadFigure:
    """``figure`` in tier "panels" where caption, layout and letters agree, else as it was."""
    if figure.crop is None or figure.box is None or parse_subcaptions(figure.caption) is None:
        return figure
    image = Image.open(io.BytesIO(figure.crop.data))
    marks = [(line.text.strip(), to_box(line.box)) for line in lines if len(line.text.strip()) <= LONGEST_MARK]
    split = split_figure(image, marks, figure.box, figure.page, figure.caption)
    if split.tier == "whole":
        return figure
    panels = []
    for panel in split.panels:
        part = image.crop(panel.pixels)
        crop = _encoded(part, figure.crop.media_type)
        panels.append(ReadPanel(panel.letter, panel.page, panel.box, panel.subcaption, crop, phash(part)))
    return replace(figure, tier="panels", panels=tuple(panels))


def _encoded(image: Image.Image, media_type: Literal["image/jpeg", "image/png"]) -> Crop:
    out = io.BytesIO()
    if media_type == "image/jpeg":
        image.save(out, "JPEG", quality=JPEG_QUALITY)
    else:
        image.save(out, "PNG", compress_level=4)
    return Crop(out.getvalue(), media_type, image.width, image.height)
