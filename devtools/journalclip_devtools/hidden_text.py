"""Articles with text for machines that no reader sees: white, tiny, transparent, covered, off the page, beside it.

One page each, with a figure and an honest caption; ``words`` are put where the name of the way says. The caption in
plain sight is the eleventh, for comparison: there, too, the words are part of the file's text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pymupdf

from journalclip_devtools.doubles.pdfs import Journal

_CAPTION: Final = "Axial CT showing a left frontal hematoma with surrounding edema."
_BELOW: Final = (60, 371)  # the line after the caption's first
_PICTURE: Final = (60, 120, 300, 340)
_WHITE: Final = (1, 1, 1)


def _article(caption: str = _CAPTION) -> Journal:
    journal = Journal().text(60, 60, "A case of intracranial hemorrhage", size=16)
    journal.picture(_PICTURE).text(60, 360, f"Figure 1. {caption}")
    return journal.paragraph(60, 420, rows=10).paragraph(310, 120, rows=20)


def _printed(**style: object) -> Callable[[str], Journal]:
    def write(words: str) -> Journal:
        journal = _article()
        journal.page.insert_text(_BELOW, words, **{"fontsize": 8, "fontname": "helv"} | style)
        return journal

    return write


def _covered(words: str) -> Journal:
    journal = Journal()
    journal.page.insert_text((70, 200), words, fontsize=8)
    journal.picture(_PICTURE).text(60, 360, f"Figure 1. {_CAPTION}")
    return journal.paragraph(60, 420, rows=10).paragraph(310, 120, rows=20)


def _off_the_page(words: str) -> Journal:
    journal = _article()
    journal.page.insert_text((60, -30), words, fontsize=8)
    journal.page.insert_text((620, 371), words, fontsize=8)
    return journal


def _annotation(words: str) -> Journal:
    journal = _article()
    journal.page.add_text_annot((300, 360), words)
    journal.page.add_freetext_annot(pymupdf.Rect(60, 366, 560, 380), words, fontsize=6, text_color=_WHITE)
    return journal


def _metadata(words: str) -> Journal:
    journal = _article()
    journal.document.set_metadata({"title": words, "subject": words, "keywords": words, "author": words})
    return journal


def _attachment(words: str) -> Journal:
    journal = _article()
    journal.document.embfile_add("instructions.txt", words.encode(), desc=words)
    return journal


WAYS: Final[dict[str, Callable[[str], Journal]]] = {
    "white": _printed(color=_WHITE),
    "tiny": _printed(fontsize=0.5),
    "transparent": _printed(fill_opacity=0.0, stroke_opacity=0.0),
    "invisible mode": _printed(render_mode=3),
    "nearly white": _printed(color=(0.99, 0.99, 0.99)),
    "covered by the figure": _covered,
    "off the page": _off_the_page,
    "annotation": _annotation,
    "metadata": _metadata,
    "attachment": _attachment,
}


def hide(way: str, words: str) -> bytes:
    """A PDF with ``words`` hidden in one of `WAYS`. Raises KeyError for another way."""
    return WAYS[way](words).pdf()


def in_plain_sight(words: str) -> bytes:
    """The same article with ``words`` at the end of its caption."""
    return _article(f"{_CAPTION} {words}").pdf()
