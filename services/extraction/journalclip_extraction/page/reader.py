"""PDF page -> `Page`, in one interpretation of its content stream.

MuPDF interprets a page once into a display list; text, vectors and images are then read from two structured-text
passes over that list, which costs about 60 % of asking for text, images and drawings each on its own. Vectors come
clipped to what is visible, so a chart that is drawn far beyond its clip keeps its printed size.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

import pymupdf

from journalclip_extraction.geometry import Rect, union
from journalclip_extraction.page.content import Line, Page, Picture, Turn, Vector

_TEXT_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CLIP | pymupdf.TEXT_COLLECT_VECTORS
_IMAGE_FLAGS = pymupdf.TEXT_PRESERVE_IMAGES | pymupdf.TEXT_CLIP
_TEXT, _VECTOR = 0, 3  # MuPDF's structured-text block types
_BOLD = 16  # MuPDF's span flag
_WHITE = 0xFAFAFA  # colours from here up print as paper
_BOLD_NAMES = ("bold", "black", "heavy", "semibold", "demi", "-bd", ".b", "-b")
MAX_VECTORS = 20_000  # a map or a scatter plot beyond this is one region anyway; the rest of its paths change no box
_SAME_ROW = 0.4  # of the type size: how far two baselines may differ within one printed line
_ROW_GAP = 3.0  # of the type size: a wider gap starts another column
_TURNS: dict[tuple[int, int], Turn] = {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}


def read_page(page: pymupdf.Page) -> Page:
    """Read one page. Raises what MuPDF raises on a page that cannot be interpreted."""
    frame = Rect(*page.rect)
    shown = page.get_displaylist(annots=0)
    result = Page(number=page.number + 1, box=frame)
    blocks = pymupdf.TextPage(shown.get_textpage(_TEXT_FLAGS)).extractDICT()["blocks"]
    for block in blocks:
        if block["type"] == _TEXT:
            _add_lines(result, block)
        elif block["type"] == _VECTOR and len(result.vectors) < MAX_VECTORS:
            box = _inside(Rect(*block["bbox"]), frame)
            white = block["color"] >= _WHITE and _is_white(block["color"])
            result.vectors.append(Vector(box, block["stroked"], block["isrect"], white))
    for image in pymupdf.TextPage(shown.get_textpage(_IMAGE_FLAGS)).extractIMGINFO():
        box = _inside(Rect(*image["bbox"]), frame)
        if box.area > 0:
            result.pictures.append(Picture(box, image["width"], image["height"]))
    return result


def _inside(box: Rect, frame: Rect) -> Rect:
    if frame.x0 <= box.x0 and frame.y0 <= box.y0 and box.x1 <= frame.x1 and box.y1 <= frame.y1:
        return box
    return box.clip(frame)


def _is_white(colour: int) -> bool:
    return min(colour >> 16 & 255, colour >> 8 & 255, colour & 255) >= _WHITE & 255


def _add_lines(page: Page, block: dict[str, Any]) -> None:
    last: Line | None = None
    for raw in block["lines"]:
        line = _line(raw, block["number"], len(page.lines))
        if line is None:
            continue
        if last is not None and _continues(last, line):
            _append(last, line)
        else:
            page.lines.append(line)
            last = line


def _line(raw: dict[str, Any], block: int, order: int) -> Line | None:
    spans = [span for span in raw["spans"] if not span["text"].isspace()]
    text = clean("".join(span["text"] for span in raw["spans"]))
    if not text:
        return None
    font, size, bold = _main_style(spans)
    first = spans[0]
    lead_bold = _bold(first)
    return Line(
        text=text,
        box=Rect(*raw["bbox"]) if len(spans) == len(raw["spans"]) else union(Rect(*span["bbox"]) for span in spans),
        size=size,
        font=font,
        bold=bold,
        lead_font=first["font"],
        lead_bold=lead_bold,
        lead_chars=_lead_chars(spans, first["font"], lead_bold),
        block=block,
        order=order,
        turn=_turn(raw["dir"]),
    )


def _main_style(spans: list[dict[str, Any]]) -> tuple[str, float, bool]:
    """Font, size and weight of most characters."""
    if len(spans) == 1:
        return spans[0]["font"], spans[0]["size"], _bold(spans[0])
    weights: dict[tuple[str, float, bool], int] = {}
    for span in spans:
        style = (span["font"], span["size"], _bold(span))
        weights[style] = weights.get(style, 0) + len(span["text"])
    return max(weights, key=weights.__getitem__)


def _lead_chars(spans: list[dict[str, Any]], font: str, bold: bool) -> int:
    count = 0
    for span in spans:
        if span["font"] != font or _bold(span) != bold:
            break
        count += len(span["text"])
    return count


def _bold(span: dict[str, Any]) -> bool:
    return bool(span["flags"] & _BOLD) or _bold_name(span["font"])


@lru_cache(maxsize=4096)
def _bold_name(font: str) -> bool:
    name = font.lower()
    return any(mark in name for mark in _BOLD_NAMES)


def _turn(direction: tuple[float, float]) -> Turn:
    """Slanted text (watermarks, slanted tick labels) counts as upright: it is never a caption."""
    return _TURNS.get((round(direction[0]), round(direction[1])), 0)


def _continues(last: Line, line: Line) -> bool:
    """MuPDF breaks a printed line at wide spaces (a tab after the label); put it together again."""
    if last.turn or line.turn:
        return False
    slack = _SAME_ROW * max(last.size, line.size)
    level = abs(last.box.y1 - line.box.y1) < slack or abs(last.box.y0 - line.box.y0) < slack
    return level and -1.0 <= line.box.x0 - last.box.x1 < _ROW_GAP * max(last.size, line.size)


def _append(last: Line, line: Line) -> None:
    if last.lead_chars >= len(last.text) and (line.lead_font, line.lead_bold) == (last.lead_font, last.lead_bold):
        last.lead_chars += line.lead_chars + 1
    if len(line.text) > len(last.text):
        last.size, last.font, last.bold = line.size, line.font, line.bold
    last.text = f"{last.text} {line.text}"
    last.box = union((last.box, line.box))


def clean(text: str) -> str:
    """One spelling of what print shows: ligatures apart, hard spaces soft, no control characters, single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c.isspace() else "" for c in text)
    return " ".join(text.split())
