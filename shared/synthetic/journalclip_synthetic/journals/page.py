"""Pages and columns: where the next block goes, and what every page carries besides it.

Blocks flow down the columns of a page and on to the next; a figure that does not fit waits for the next column (or, if
it spans the page, for the next page) while text goes on, as in print. Coordinates are the canvas's own, bottom up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from reportlab.pdfgen.canvas import Canvas

from journalclip_synthetic.journals.style import Style
from journalclip_synthetic.journals.typeset import LEADING, Run, break_lines, draw_line

FLOAT_GAP = 12.0


class Block(Protocol):
    """Something that cannot be split."""

    @property
    def spans(self) -> bool:
        """Does it take the whole width of the page?"""
        ...

    def height(self, width: float) -> float: ...

    def draw(self, canvas: Canvas, page: int, x: float, top: float, width: float) -> None: ...


@dataclass
class Flow:
    """An article being set."""

    canvas: Canvas
    style: Style
    head: str
    foot: str
    page: int = 0
    column: int = 0
    y: float = 0.0
    top: float = 0.0
    waiting: deque[Block] = field(default_factory=deque)

    @property
    def bottom(self) -> float:
        return self.style.margin + 6

    @property
    def full_width(self) -> float:
        return self.style.page[0] - 2 * self.style.margin

    @property
    def width(self) -> float:
        s = self.style
        return (self.full_width - s.gutter * (s.columns - 1)) / s.columns

    @property
    def x(self) -> float:
        return self.style.margin + self.column * (self.width + self.style.gutter)

    def new_page(self) -> None:
        """The next page, with its furniture and the page-wide floats that wait at its head."""
        if self.page:
            self.canvas.showPage()
        self.page += 1
        self.column = 0
        self.top = self.style.page[1] - self.style.margin - 14
        self._furniture()
        while self._put_wide():
            pass
        self.y = self.top
        self._drop_waiting()

    def next_column(self) -> None:
        """The next column, or page after the last one."""
        if self.column + 1 < self.style.columns and self.page:
            self.column += 1
            self.y = self.top
            self._drop_waiting()
        else:
            self.new_page()

    def add(self, block: Block) -> None:
        """A float: here if it fits the column, else it waits."""
        queued = any(not self._wide(b) for b in self.waiting)
        need = block.height(self.width) + 2 * FLOAT_GAP
        if self._wide(block) or queued or self.y - need < self.bottom:
            self.waiting.append(block)
            return
        block.draw(self.canvas, self.page, self.x, self.y - FLOAT_GAP, self.width)
        self.y -= need

    def text(self, runs: tuple[Run, ...], size: float, indent: bool = False, after: float = 3.0) -> None:
        """A paragraph, split over columns where needed."""
        step = size * LEADING
        ragged = self.style.body[0] == "Vera"
        inset = 10.0 if indent else 0.0
        for line in break_lines(runs, size, self.width - inset):
            if self.y - step < self.bottom:
                self.next_column()
            self.y -= step
            draw_line(self.canvas, line, self.x + inset, self.y, size, self.width - inset, justify=not ragged)
        self.y -= after

    def finish(self) -> int:
        """Set what still waits; returns the number of pages."""
        while self.waiting:
            self.next_column()
        self.canvas.showPage()
        return self.page

    def _wide(self, block: Block) -> bool:
        return block.spans and self.style.columns > 1

    def _put_wide(self) -> bool:
        """Set the first page-wide float at the page's head if it leaves room for text; the first always fits."""
        block = next((b for b in self.waiting if self._wide(b)), None)
        if block is None:
            return False
        height = block.height(self.full_width)
        fresh = self.top == self.style.page[1] - self.style.margin - 14
        if not fresh and self.top - height < 0.35 * self.style.page[1]:
            return False
        self.waiting.remove(block)
        block.draw(self.canvas, self.page, self.style.margin, self.top, self.full_width)
        self.top -= height + FLOAT_GAP
        return True

    def _drop_waiting(self) -> None:
        """Set the column floats that wait and fit; the first always does at the head of a fresh column."""
        while (block := next((b for b in self.waiting if not self._wide(b)), None)) is not None:
            height = block.height(self.width)
            if self.y - height < self.bottom and (self.y < self.top or self.top < 0.8 * self.style.page[1]):
                return
            self.waiting.remove(block)
            block.draw(self.canvas, self.page, self.x, self.y, self.width)
            self.y -= height + FLOAT_GAP

    def _furniture(self) -> None:
        width, height = self.style.page
        canvas, margin = self.canvas, self.style.margin
        canvas.setFont(self.style.body[0], 7.5)
        if self.head and self.page > 1:
            canvas.drawString(margin, height - margin + 6, self.head)
            canvas.drawRightString(width - margin, height - margin + 6, self.style.short)
            canvas.setLineWidth(0.4)
            canvas.line(margin, height - margin + 2, width - margin, height - margin + 2)
        canvas.drawString(margin, margin - 16, self.foot)
        canvas.drawRightString(width - margin, margin - 16, str(self.page))
