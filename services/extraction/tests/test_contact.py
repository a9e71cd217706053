from __future__ import annotations

from pathlib import Path

from PIL import Image

from journalclip_devtools.doubles.pdfs import Journal, jpeg
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.contact import ContactSheet
from journalclip_extraction.extractor import read_article


def journal() -> bytes:
    pages = Journal().paragraph(50, 80, rows=10).picture((50, 220, 285, 400))
    pages.text(50, 415, "Figure 1. Axial CT of the head.").turn().picture((50, 220, 285, 400), jpeg(tint=9))
    return pages.text(50, 415, "Figure 2. Œdème.").paragraph(310, 80, rows=30).pdf()


def test_a_sheet_shows_each_figure_once(tmp_path: Path) -> None:
    sheet = ContactSheet(50)
    sheet.add("a.pdf", read_article(journal(), ExtractOptions()))
    (page,) = sheet.write(tmp_path / "out" / "sheet.png")
    assert page == tmp_path / "out" / "sheet-1.png"
    with Image.open(page) as image:
        shown = [image.crop((300 * at, 0, 300 * at + 300, 300)).convert("L").getextrema() for at in range(3)]
    assert shown == [(0, 255), (0, 255), (255, 255)]


def test_a_sample_is_the_same_each_time(tmp_path: Path) -> None:
    article = read_article(journal(), ExtractOptions())
    pages = []
    for name in ("one.png", "two.png"):
        sheet = ContactSheet(3)
        for at in range(10):
            sheet.add(f"{at}.pdf", article)
        pages.append([page.read_bytes() for page in sheet.write(tmp_path / name)])
    assert pages[0] == pages[1]
