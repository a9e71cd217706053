"""A contact sheet: crops with their captions on pages of a picture, for people to look at.

What no score shows is seen at once: a cut axis, a caption in the crop, two figures in one, page furniture. Figures are
drawn at random over all articles, the same ones each time.
"""

from __future__ import annotations

import io
import random
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from journalclip_extraction.article import ReadArticle, ReadFigure

_COLUMNS, _ROWS = 5, 4
_CELL, _PICTURE, _WORDS = 300, 210, 62  # pixels a side; its picture's; characters of a line
_LINES = 4
_PANEL = (210, 40, 40)


@dataclass
class ContactSheet:
    """Keeps at most ``size`` figures of all that are added, each with the same chance (reservoir sampling)."""

    size: int
    seed: int = 0
    _kept: list[tuple[str, Image.Image]] = field(default_factory=list)
    _seen: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - a sample for people, repeatable

    def add(self, name: str, article: ReadArticle) -> None:
        for figure in article.figures:
            self._seen += 1
            if len(self._kept) < self.size:
                self._kept.append((f"{name} {figure.label}", _cell(name, figure)))
            elif (place := self._random.randrange(self._seen)) < self.size:
                self._kept[place] = (f"{name} {figure.label}", _cell(name, figure))

    def write(self, path: Path) -> Iterator[Path]:
        """``<stem>-1.png`` and so on; yields what was written."""
        cells = [cell for _, cell in sorted(self._kept, key=lambda each: each[0])]
        each = _COLUMNS * _ROWS
        path.parent.mkdir(parents=True, exist_ok=True)
        for number, start in enumerate(range(0, len(cells), each), start=1):
            page = Image.new("RGB", (_COLUMNS * _CELL, _ROWS * _CELL), "white")
            for at, cell in enumerate(cells[start : start + each]):
                page.paste(cell, (at % _COLUMNS * _CELL, at // _COLUMNS * _CELL))
            out = path.with_name(f"{path.stem}-{number}.png")
            page.save(out)
            yield out


def _cell(name: str, figure: ReadFigure) -> Image.Image:
    cell = Image.new("RGB", (_CELL, _CELL), "white")
    draw = ImageDraw.Draw(cell)
    draw.rectangle((0, 0, _CELL - 1, _CELL - 1), outline=(200, 200, 200))
    font = ImageFont.load_default(9)
    if figure.crop is not None:
        image = _with_panels(figure)
        image.thumbnail((_CELL - 12, _PICTURE))
        cell.paste(image, ((_CELL - image.width) // 2, 4))
        draw.rectangle(
            ((_CELL - image.width) // 2 - 1, 3, (_CELL + image.width) // 2, 4 + image.height), outline=(120, 170, 230)
        )
    modality = f"{figure.modality}, {figure.quality.usefulness}" if figure.quality else ""
    lines = [f"{name} p{figure.page} {figure.label} [{figure.kind}, {modality}]"[:_WORDS]]
    lines += textwrap.wrap(figure.caption, _WORDS)[:_LINES]
    # The default face has Latin letters only.
    shown = "\n".join(line.encode("latin-1", "replace").decode("latin-1") for line in lines)
    draw.multiline_text((6, _PICTURE + 10), shown, fill="black", font=font, spacing=3)
    return cell


def _with_panels(figure: ReadFigure) -> Image.Image:
    """The crop with the panels of its page drawn in."""
    assert figure.crop is not None
    image = Image.open(io.BytesIO(figure.crop.data)).convert("RGB")
    if figure.box is None:
        return image
    draw = ImageDraw.Draw(image)
    wide, high = figure.box.x1 - figure.box.x0, figure.box.y1 - figure.box.y0
    upright = abs(wide / max(high, 1) - image.width / image.height) < 0.1 * wide / max(high, 1)
    for panel in figure.panels if upright else ():
        if panel.page == figure.page:
            sx, sy = image.width / wide, image.height / high
            corners = (
                (panel.box.x0 - figure.box.x0) * sx,
                (panel.box.y0 - figure.box.y0) * sy,
                (panel.box.x1 - figure.box.x0) * sx,
                (panel.box.y1 - figure.box.y0) * sy,
            )
            draw.rectangle(corners, outline=_PANEL, width=max(2, image.width // 200))
    return image
