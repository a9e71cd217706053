"""Captions of other languages and scripts, each on a page drawn here: number, label and words come back whole."""

from __future__ import annotations

import re

import pymupdf
import pytest

from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.extractor import read_article

PICTURE, BELOW, BODY = (60, 60, 300, 240), (60, 250, 300, 320), (60, 340, 540, 800)


def page_with(caption: str, body: str, direction: str) -> bytes:
    """A grey picture, its caption below it, and a paragraph; MuPDF sets each script as it is set."""
    document = pymupdf.open()
    page = document.new_page(width=595, height=842)
    page.insert_image(PICTURE, pixmap=pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 64, 48)))
    for box, size, text in ((BELOW, 8, caption), (BODY, 10, f"{body} " * 40)):
        page.insert_htmlbox(box, f"<p dir='{direction}' style='font-size:{size}px'>{text}</p>")
    return bytes(document.tobytes())


RIGHTWARD: list[tuple[str, str, str | None]] = [
    ("图 1 头部轴位CT示左侧额叶出血、中线结构移位。", "1", "头部轴位CT示左侧额叶出血、中线结构移位。"),
    ("圖 2：頭部軸位電腦斷層顯示左側出血。", "2", "頭部軸位電腦斷層顯示左側出血。"),
    ("Figur 2. Aksial CT av hodet viser en blødning på venstre side og ødem rundt den", "2", None),
    ("Figur 4. Axial datortomografi av huvudet visar en blödning på vänster sida", "4", None),
    ("Figur 5. Aksial CT af hovedet viser en blødning i venstre side", "5", None),
    ("Kuva 4. Pään aksiaalinen TT-kuva osoittaa verenvuodon vasemmalla", "4", None),
    ("Mynd 6. Tölvusneiðmynd af höfði sýnir blæðingu vinstra megin", "6", None),
    ("Rycina 1. Badanie TK głowy w przekroju poprzecznym ukazuje krwawienie", "1", None),
    ("Obr. 2. Axiální CT hlavy ukazuje krvácení vlevo", "2", None),
    ("Obrázok 3. Axiálne CT hlavy ukazuje krvácanie vľavo", "3", None),
    ("Slika 5. Aksijalni CT glave pokazuje krvarenje lijevo", "5", None),
    ("Слика 4. Аксијални ЦТ главе показује крварење лево", "4", None),
    ("Фиг. 6. Аксиална компютърна томография показва кръвоизлив вляво", "6", None),
    ("Рис. 7. Аксіальна КТ голови показує крововилив зліва", "7", None),
]
LEFTWARD: list[tuple[str, str, str | None]] = [
    ("شكل 1. صورة محورية مع نزف", "1", "صورة محورية مع نزف"),
    ("شكل ٣. صورة محورية مع نزف", "3", "صورة محورية مع نزف"),
    ("איור 2. חתך צירי של הראש מראה דימום בצד שמאל", "2", "חתך צירי של הראש מראה דימום בצד שמאל"),
    (
        "איור 4. חתך צירי של הראש מראה דימום בצד שמאל ובצקת סביבו שנעלמה אחרי שבוע אחד",
        "4",
        "חתך צירי של הראש מראה דימום בצד שמאל ובצקת סביבו שנעלמה אחרי שבוע אחד",
    ),
]


@pytest.mark.parametrize(("caption", "number", "words"), RIGHTWARD + LEFTWARD)
def test_a_caption_of_any_script_comes_back(caption: str, number: str, words: str | None) -> None:
    direction = "rtl" if (caption, number, words) in LEFTWARD else "ltr"
    body = caption.split(maxsplit=2)[-1] + "."
    article = read_article(page_with(caption, body, direction), ExtractOptions(crops=False, panels=False))
    (figure,) = article.figures
    assert (figure.number, figure.series) == (number, "")
    assert figure.caption == (words if words is not None else re.split(r" \d\. ", caption)[1])
    assert figure.box is not None
