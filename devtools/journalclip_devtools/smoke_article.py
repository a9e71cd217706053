"""The page that `journalclip smoke` submits: ``python -m journalclip_devtools.smoke_article FILE``.

Its text is not compressed, so that the command can put another case number in its place without a PDF library.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from journalclip_synthetic.journals.cases import draw_case

_NUMBER = "0123456789"
_PLAIN, _BOLD = "Times-Roman", "Helvetica-Bold"
_PARTS: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    (_PLAIN, 8, ("Trial Journal of Installations, Volume 1, 2026",)),
    (_BOLD, 16, (f"An Installation under Test: Case {_NUMBER}",)),
    (_PLAIN, 11, ("A. Drawn",)),
    (_BOLD, 11, ("Abstract",)),
    (_PLAIN, 10, (
        "We describe an invented case that serves to try an installation of a search for medical figures.",
        f"The picture was drawn by a program and shows no person. The case has the number {_NUMBER}. It is",
        "taken out again at the end of the trial, as Figure 1 and this text are of no use to anybody else.",
    )),
    (_BOLD, 11, ("Case report",)),
    (_PLAIN, 10, (
        "The imaging of the invented patient is given in Figure 1. No treatment was needed, and the follow-up of",
        "the trial was without events. The text goes on for some lines, because a page of an article has more",
        "than a heading and a picture, and since the reader of the page looks for columns of running text.",
        "Nothing in it is true of any person, and none of it should be cited.",
    )),
)  # fmt: skip
_CAPTION = (
    f"Figure 1. Axial CT of the head of case {_NUMBER} showing a hyperdense right frontal lesion",
    "with surrounding edema and mild mass effect. The picture was drawn.",
)
_SIDE = 255  # of the picture, in points


def write(path: Path) -> None:
    """The same bytes each time."""
    canvas = Canvas(str(path), pagesize=(595, 842), pageCompression=0, invariant=1)
    canvas.setTitle("An installation under test")
    below = 790.0
    for font, size, lines in _PARTS:
        below = _set(canvas, font, size, lines, below - 6)
    picture = draw_case(np.random.default_rng(7), 320).image.convert("L")
    canvas.drawImage(ImageReader(picture), 170, below - _SIDE - 10, width=_SIDE, height=_SIDE)
    _set(canvas, _PLAIN, 9, _CAPTION, below - _SIDE - 28)
    canvas.showPage()
    canvas.save()


def _set(canvas: Canvas, font: str, size: int, lines: tuple[str, ...], top: float) -> float:
    canvas.setFont(font, size)
    for line in lines:
        canvas.drawString(60, top, line)
        top -= size * 1.25
    return top


if __name__ == "__main__":
    write(Path(sys.argv[1]))
