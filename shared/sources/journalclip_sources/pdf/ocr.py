"""Scanned pages read by OCR: Tesseract, as it is compiled into MuPDF, in this process and on one thread.

It starts no program and opens nothing but its language data, so it works inside the sandbox. What it reads becomes the
same `Page` that a page with a text layer gives: its words as lines and blocks, and what is left of the ink once the
words are taken away as pictures. Type sizes of a scan are uncertain: they are told from how wide letters run, lines of
one block share theirs, and a document's lines count as of one size unless they clearly are not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pymupdf

from journalclip_shared.errors import PermanentError
from journalclip_shared.text import clean
from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.geometry import Rect, union
from journalclip_sources.pdf.ink import WORD_MARGIN, inked, left_over

DPI = 200  # Tesseract asks for letters of 20 pixels: 9-point type at this resolution; 300 takes twice the time
FONT = "scan"
_SYSTEM = ("/usr/share/tesseract-ocr", "/usr/share/tessdata", "/usr/local/share/tessdata")
_ALIKE = 0.12  # of the usual size: lines that differ by less are of one size
_EM = 2.2  # average letters of a text face that make an em
_ENOUGH = 12  # letters whose width says more than their height
_SPACE = 1.0  # of the height of letters: between the pieces of a line


def find_data(language: str) -> Path:
    """The folder that holds every language of ``language`` ("eng+deu").

    It is that of the package extra ``ocr`` or of the system's Tesseract. Raises `PermanentError` ``ocr-data-missing``.
    """
    folders = [Path(sys.prefix) / "share" / "tessdata"]
    for root in map(Path, _SYSTEM):
        folders += [root, *sorted(root.glob("*/tessdata"), reverse=True)]
    wanted = [f"{each}.traineddata" for each in language.split("+")]
    for folder in folders:
        if all((folder / name).is_file() for name in wanted):
            return folder
    raise PermanentError(
        "ocr-data-missing",
        f"no language data for OCR in {language!r}",
        "Install journalclip-extraction[ocr] (English), or the system's tesseract-ocr package of that language.",
    )


def read_scan(page: pymupdf.Page, language: str, data: Path) -> Page:
    """Words and pictures of one scanned page; sizes are rough until `level` has seen all pages."""
    frame = Rect(*page.rect)
    text = page.get_textpage_ocr(flags=0, language=language, dpi=DPI, full=True, tessdata=str(data))
    lines = [line for block in text.extractDICT()["blocks"] for line in map(_line, block["lines"]) if line is not None]
    result = Page(number=page.number + 1, box=frame, lines=_in_blocks(_joined(lines)))
    result.pictures = left_over(page, frame, inked(page), result.lines)
    return result


def level(pages: Sequence[Page]) -> None:
    """Give all lines of nearly the usual size that size, in place."""
    sizes = [line.size for page in pages for line in page.lines if len(line.text) > 20]
    if not sizes:
        return
    usual = median(sizes)
    for page in pages:
        for line in page.lines:
            if abs(line.size - usual) <= _ALIKE * usual:
                line.size = usual


def _line(raw: dict[str, Any]) -> Line | None:
    spans = [span for span in raw["spans"] if span["text"].strip()]
    text = clean(" ".join(span["text"] for span in spans))
    if not text:
        return None
    box = union(Rect(*span["bbox"]) for span in spans)
    return Line(text, box, _size(text, box), FONT, False, FONT, False, len(text), block=0, order=0)


def _size(text: str, box: Rect) -> float:
    return _EM * box.width / len(text) if len(text) >= _ENOUGH else box.height


def _joined(lines: Sequence[Line]) -> list[Line]:
    """Printed lines that come in pieces; a gutter between columns is wider than any space between words."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.box.y_overlap(line.box) > 0.5 * min(last.box.height, line.box.height)
            and -WORD_MARGIN <= line.box.x0 - last.box.x1 < _SPACE * max(last.size, line.size)
        ):
            last.text, last.box = f"{last.text} {line.text}", union((last.box, line.box))
            last.size, last.lead_chars = _size(last.text, last.box), len(last.text)
        else:
            joined.append(line)
    return joined


def _in_blocks(lines: Sequence[Line]) -> list[Line]:
    """Lines in reading order, numbered by block: a line goes on the block whose last line stands close above it."""
    blocks: list[list[Line]] = []
    for line in sorted(lines, key=lambda li: (li.box.y0, li.box.x0)):
        for block in reversed(blocks):
            if _goes_on(block[-1], line):
                block.append(line)
                break
        else:
            blocks.append([line])
    ordered = sorted(blocks, key=lambda block: (round(block[0].box.x0 / 100), block[0].box.y0))
    result: list[Line] = []
    for number, block in enumerate(ordered):
        size = median(line.size for line in block)
        for line in block:
            line.block, line.order, line.size = number, len(result), size
            result.append(line)
    return result


def _goes_on(last: Line, line: Line) -> bool:
    below = line.box.y0 - last.box.y1
    beside = last.box.x_overlap(line.box) > 0.5 * min(last.box.width, line.box.width)
    return beside and -0.5 * last.size < below < 0.7 * last.size and abs(line.size - last.size) < 0.3 * last.size
