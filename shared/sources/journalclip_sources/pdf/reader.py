"""PDF page -> `Page`, in one interpretation of its content stream.

MuPDF interprets a page once into a display list; text, vectors and images are then read from two structured-text
passes over that list, which costs about 60 % of asking for text, images and drawings each on its own. Vectors come
clipped to what is visible, so a chart that is drawn far beyond its clip keeps its printed size.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import pymupdf

from journalclip_shared.text import clean, cleaned
from journalclip_sources.pdf.content import Line, Page, Picture, Turn, Vector
from journalclip_sources.pdf.geometry import Rect, union
from journalclip_sources.pdf.hidden_text import under_pictures, unseen_on
from journalclip_sources.pdf.labels import parse_label, parse_unnumbered
from journalclip_sources.pdf.searchable import is_covered, is_hidden, read_ink
from journalclip_sources.pdf.stamps import has_stamps
from journalclip_sources.pdf.symbols import RAISED, as_drawn, font_kind

_TEXT_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CLIP | pymupdf.TEXT_COLLECT_VECTORS
_IMAGE_FLAGS = pymupdf.TEXT_PRESERVE_IMAGES | pymupdf.TEXT_CLIP
_TEXT, _VECTOR = 0, 3  # MuPDF's structured-text block types
_BOLD = 16  # MuPDF's span flag
_WHITE = 0xFAFAFA  # colours from here up print as paper
_BOLD_NAMES = ("bold", "black", "heavy", "semibold", "demi", "-bd", ".b", "-b")
MAX_VECTORS = 20_000  # a map or a scatter plot beyond this is one region anyway; the rest of its paths change no box
_FULL_PAGE = 2500  # characters: a page with this much text has no room for a figure that is captioned overleaf
_SAME_ROW = 0.4  # of the type size: how far two baselines may differ within one printed line
_ROW_GAP = 3.0  # of the type size: a wider gap starts another column
_CLIP_SLACK = 1.0  # points: an image cut by less is whole
_RAISED_FLAG = 1  # MuPDF's span flag
_SMALLER, _HIGHER = 0.9, 0.3  # of the type size: a raised span is that much smaller, or stands that much higher
_RAISED_SIGNS = re.compile(r"[\d+\-−–]+")
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
    unseen = unseen_on(page, shown, blocks)
    if _is_plain_text(result) and not is_hidden(result, unseen):
        result.unseen += unseen
        return result
    result.stamped = has_stamps(page)
    imaged = page.get_displaylist(annots=1) if result.stamped else shown
    for image in pymupdf.TextPage(imaged.get_textpage(_IMAGE_FLAGS)).extractIMGINFO():
        box = _inside(Rect(*image["bbox"]), frame)
        if box.area > 0:
            result.pictures.append(_picture(image, box))
    if is_covered(result) and read_ink(page, result, unseen):
        return result
    result.unseen += unseen
    printed = [(line.box, line.text) for line in result.lines]
    result.unseen += under_pictures(printed, [picture.box for picture in result.pictures])
    return result


def _picture(image: dict[str, Any], box: Rect) -> Picture:
    a, b, c, d, e, f = image["transform"]
    placed = Rect(min(e, e + a, e + c, e + a + c), min(f, f + b, f + d, f + b + d), 0, 0)
    placed = Rect(placed.x0, placed.y0, placed.x0 + abs(a) + abs(c), placed.y0 + abs(b) + abs(d))
    whole = box.grow(_CLIP_SLACK).holds(placed)
    return Picture(box, image["width"], image["height"], (a, b, c, d), whole)


def _is_plain_text(page: Page) -> bool:
    """A full page of text without any label, where looking for images would be in vain: half of an article's pages."""
    if sum(len(line.text) for line in page.lines) < _FULL_PAGE:
        return False
    return not any(parse_label(line.text) or parse_unnumbered(line.text) for line in page.lines)


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
        if last is not None and continues(last, line):
            append(last, line)
        else:
            page.lines.append(line)
            last = line


def _line(raw: dict[str, Any], block: int, order: int) -> Line | None:
    """One pass over the spans: this runs for every printed line of an archive."""
    spans = raw["spans"]
    if len(spans) == 1:
        return _plain_line(raw, spans[0], block, order)
    pieces: list[str] = []
    level: list[str] = []
    weights: dict[tuple[str, float, bool], int] = {}
    lead: tuple[str, bool] | None = None
    lead_chars, leading, doubtful, raised = 0, True, False, False
    ground: dict[str, Any] | None = None  # the last span on the base line
    for span in spans:
        text = span["text"]
        font = span["font"]
        if font_kind(font):
            text, unsure = as_drawn(text, font)
            doubtful |= unsure
        if ground is not None and span["flags"] & _RAISED_FLAG and _is_raised(span, ground):
            pieces.append(text.translate(RAISED) if _RAISED_SIGNS.fullmatch(text.strip()) else text)
            level.append(" ")
            raised = True
        else:
            pieces.append(text)
            level.append(text)
            ground = ground if text.isspace() else span
        if text.isspace():
            continue
        size = span["size"]
        bold = bool(span["flags"] & _BOLD) or _bold_name(font)
        if lead is None:
            lead = (font, bold)
        leading = leading and lead == (font, bold)
        lead_chars += len(text) if leading else 0
        weights[font, size, bold] = weights.get((font, size, bold), 0) + len(text)
    text, lost = cleaned("".join(pieces))
    if not text or lead is None:
        return None
    font, size, bold = next(iter(weights)) if len(weights) == 1 else max(weights, key=weights.__getitem__)
    edged = spans[0]["text"].isspace() or spans[-1]["text"].isspace()
    box = _ink(spans) if edged else Rect(*raw["bbox"])
    line = Line(text, box, size, font, bold, *lead, lead_chars, block, order, _turn(raw["dir"]), doubtful or lost)
    if raised:
        line.level_text = clean("".join(level))
    return line


def _is_raised(span: dict[str, Any], ground: dict[str, Any]) -> bool:
    """Stands above the base line of what comes before it; MuPDF's flag is also set where only sizes differ."""
    rise: float = ground["origin"][1] - span["origin"][1]
    size = ground["size"]
    return bool(rise > 0.1 * size and (span["size"] <= _SMALLER * size or rise > _HIGHER * size))


def _plain_line(raw: dict[str, Any], span: dict[str, Any], block: int, order: int) -> Line | None:
    """A line in one style: most are."""
    font, shown, doubtful = span["font"], span["text"], False
    if font_kind(font):
        shown, doubtful = as_drawn(shown, font)
    text, lost = cleaned(shown)
    if not text:
        return None
    bold = bool(span["flags"] & _BOLD) or _bold_name(font)
    turn = _turn(raw["dir"])
    chars, size = len(span["text"]), span["size"]
    return Line(text, Rect(*raw["bbox"]), size, font, bold, font, bold, chars, block, order, turn, doubtful or lost)


def _ink(spans: list[dict[str, Any]]) -> Rect:
    """The box of what is printed, without the spaces around it."""
    return union(Rect(*span["bbox"]) for span in spans if not span["text"].isspace())


@lru_cache(maxsize=4096)
def _bold_name(font: str) -> bool:
    name = font.lower()
    return any(mark in name for mark in _BOLD_NAMES)


def _turn(direction: tuple[float, float]) -> Turn:
    """Slanted text (watermarks, slanted tick labels) counts as upright: it is never a caption."""
    if direction == (1.0, 0.0):
        return 0
    return _TURNS.get((round(direction[0]), round(direction[1])), 0)


def continues(last: Line, line: Line) -> bool:
    """MuPDF breaks a printed line at wide spaces (a tab after the label); put it together again."""
    if last.turn or line.turn:
        return False
    slack = _SAME_ROW * max(last.size, line.size)
    level = abs(last.box.y1 - line.box.y1) < slack or abs(last.box.y0 - line.box.y0) < slack
    gap = last.box.x0 - line.box.x1 if last.leftward and line.leftward else line.box.x0 - last.box.x1
    return level and -1.0 <= gap < _ROW_GAP * max(last.size, line.size)


def append(last: Line, line: Line) -> None:
    if last.lead_chars >= len(last.text) and (line.lead_font, line.lead_bold) == (last.lead_font, last.lead_bold):
        last.lead_chars += line.lead_chars + 1
    if len(line.text) > len(last.text):
        last.size, last.font, last.bold = line.size, line.font, line.bold
    if last.level_text or line.level_text:
        last.level_text = f"{last.level_text or last.text} {line.level_text or line.text}"
    last.text = f"{last.text} {line.text}"
    last.doubtful |= line.doubtful
    last.box = union((last.box, line.box))
