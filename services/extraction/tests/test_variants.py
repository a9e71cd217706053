"""Ways in which journals print labels, captions and pictures, each on a page drawn here."""

from __future__ import annotations

import pymupdf
import pytest

from journalclip_devtools.doubles.pdfs import Journal, jpeg
from journalclip_extraction.article import ExtractOptions, ReadArticle, ReadFigure
from journalclip_extraction.extractor import read_article

PLAIN = ExtractOptions(crops=False, panels=False)
LEFT = (50.0, 70.0, 288.0, 230.0)
FIRST, SECOND = "Axial CT of the head in a patient with a sudden", "weakness of the left side."
WORDS = f"{FIRST} {SECOND}"
MANUSCRIPT = "Text of the manuscript in double spacing, as journals ask authors to send it here."


def opened() -> Journal:
    """An article's first page, then a page with a picture at the head of its left column."""
    return Journal().paragraph(50, 80, rows=40).paragraph(310, 80, rows=40).turn().picture(LEFT)


def closed(journal: Journal) -> ReadArticle:
    return read_article(journal.paragraph(50, 320, rows=34).paragraph(310, 80, rows=50).pdf(), PLAIN)


def only(article: ReadArticle) -> ReadFigure:
    assert [figure.caption for figure in article.figures][1:] == []
    assert article.captions_seen == len(article.figures) == 1
    return article.figures[0]


@pytest.mark.parametrize(
    ("label", "series", "number"),
    [
        ("Figure 2.1.", "", "2.1"),
        ("Abb. 2-1:", "", "2-1"),
        ("Figs. 1-4.", "", "1-4"),
        ("Figures 1 and 2.", "", "1-2"),
        ("Fig. (1).", "", "1"),
        ("Plate 1.", "plate", "1"),
        ("Extended Data Fig. 1 |", "extended data", "S1"),
        ("eFigure 1.", "e", "S1"),
        ("Supplementary Fig. 1.", "supplementary", "S1"),
        ("Case 2, Figure 1.", "case 2", "1"),
        ("Figur 1.", "", "1"),
        ("Rys. 1.", "", "1"),
        ("Kuva 1.", "", "1"),
        ("Figure A.", "", "A"),
        ("Figure.", "", ""),
        ("Abbildung:", "", ""),
    ],
)
def test_labels(label: str, series: str, number: str) -> None:
    figure = only(closed(opened().text(50, 242, f"{label} {FIRST}", SECOND)))
    assert (figure.series, figure.number, figure.caption) == (series, number, WORDS)


@pytest.mark.parametrize(("label", "number"), [("Рис. 3.", "3"), ("图 2", "2"), ("図1．", "1"), ("그림 4.", "4")])
def test_labels_of_other_scripts(label: str, number: str) -> None:
    journal = opened()
    journal.page.insert_htmlbox(
        pymupdf.Rect(50, 232, 288, 262), f'<p style="font-size:8px;font-family:sans-serif">{label} {WORDS}</p>'
    )
    figure = only(closed(journal))
    assert (figure.number, figure.caption) == (number, WORDS)


def test_parts_with_captions_of_their_own_are_figures_of_their_own() -> None:
    journal = opened().picture((310, 70, 545, 230), jpeg(tint=20))
    journal.text(50, 242, "Fig. 2A. Axial CT on admission.").text(310, 242, "Fig. 2B. Coronal MRI a week later.")
    article = read_article(journal.paragraph(50, 320, rows=34).paragraph(310, 320, rows=34).pdf(), PLAIN)
    assert [(figure.number, figure.suffix, figure.key) for figure in article.figures] == [
        ("2", "A", "2a"),
        ("2", "B", "2b"),
    ]
    assert all(figure.box is not None and figure.box.x1 - figure.box.x0 < 240 for figure in article.figures)


def test_a_bracketed_letter_behind_the_number_is_the_first_panel() -> None:
    figure = only(closed(opened().text(50, 242, "Figure 1(A) Axial CT before. (B) Axial CT after.")))
    assert (figure.number, figure.caption) == ("1", "(A) Axial CT before. (B) Axial CT after.")


@pytest.mark.parametrize("font", ["tiro", "helv", "tiit"])
def test_a_label_alone_has_its_words_below_in_another_type(font: str) -> None:
    journal = opened().text(50, 244, "Figure 1", size=11, font="hebo").text(50, 259, FIRST, SECOND, size=9, font=font)
    assert only(closed(journal)).caption == WORDS


@pytest.mark.parametrize(("label", "indent"), [("Figure 1.", 42), ("Fig. 12.", 36)])
def test_words_hang_behind_their_label(label: str, indent: float) -> None:
    journal = opened().text(50, 242, label, font="hebo").text(50 + indent, 242, FIRST, SECOND)
    assert only(closed(journal)).caption == WORDS


def test_a_caption_goes_on_behind_a_display_formula() -> None:
    journal = opened().text(50, 242, "Figure 1. The rate was computed from the dose as")
    journal.text(120, 258, "R = D / (a + b)", font="tiit").text(50, 274, "where a is the age of the patient.")
    said = "The rate was computed from the dose as R = D / (a + b) where a is the age of the patient."
    assert only(closed(journal)).caption == said


def test_a_caption_of_a_double_spaced_manuscript_is_whole() -> None:
    journal = Journal().text(72, 80, *[MANUSCRIPT] * 25, size=12, font="tiro", lead=2.2).turn()
    journal.picture((120, 80, 420, 300)).text(
        72, 330, f"Figure 1. {FIRST}", "weakness of the left side, and of the arm.", size=12, font="tiro", lead=2.2
    )
    journal.text(72, 450, *[MANUSCRIPT] * 10, size=12, font="tiro", lead=2.2)
    assert only(read_article(journal.pdf(), PLAIN)).caption == f"{FIRST} weakness of the left side, and of the arm."


@pytest.mark.parametrize(("order", "labelled"), [((1, 2), False), ((2, 1), True)])
def test_plates_at_the_end_belong_to_the_list_of_legends(order: tuple[int, ...], labelled: bool) -> None:
    journal = Journal().text(72, 80, *[MANUSCRIPT] * 25, size=12, font="tiro", lead=2.2).turn()
    journal.text(72, 80, "Figure legends", size=12, font="tibo")
    for number in (1, 2):
        journal.text(72, 60 + 60 * number, f"Figure {number}. {WORDS} {number}.", size=11, font="tiro")
    for number in order:
        journal.turn().picture((120, 120, 420, 400), jpeg(tint=30 * number))
        if labelled:
            journal.text(72, 80, f"Figure {number}", size=12, font="tibo")
    article = read_article(journal.pdf(), PLAIN)
    assert {figure.number: figure.page for figure in article.figures} == {
        str(number): 3 + at for at, number in enumerate(order)
    }
    assert all(figure.caption.startswith(WORDS) for figure in article.figures)


def test_case_reports_under_one_title_each_have_a_figure_1() -> None:
    journal = Journal().paragraph(50, 80, rows=40).paragraph(310, 80, rows=40)
    for case in (1, 2, 3):
        journal.turn().picture(LEFT, jpeg(tint=40 * case)).text(50, 242, f"Figure 1. Axial CT of case {case}.")
        journal.paragraph(50, 320, rows=30).paragraph(310, 80, rows=50)
    article = read_article(journal.pdf(), PLAIN)
    assert [(f.number, f.page, f.caption) for f in article.figures] == [
        ("1", 1 + case, f"Axial CT of case {case}.") for case in (1, 2, 3)
    ]


def test_the_second_language_of_a_caption_stands_beside_it() -> None:
    journal = opened().text(50, 242, "Figura 1. Tomografia axial do encéfalo.")
    figure = only(closed(journal.text(50, 256, "Figure 1. Axial CT of the head.")))
    assert (figure.caption, figure.caption_translation) == (
        "Tomografia axial do encéfalo.",
        "Axial CT of the head.",
    )


def test_raised_digits_stay_raised() -> None:
    journal = opened().text(50, 242, "Figure 1. Uptake of 3 x 10").text(141, 239, "6", size=5)
    figure = only(closed(journal.text(144, 242, " cells of the lesion.")))
    assert "10⁶" in figure.caption.replace(" ", "")


def test_a_picture_pasted_as_a_stamp_is_a_figure() -> None:
    journal = Journal().paragraph(50, 80, rows=40).turn()
    journal.page.add_stamp_annot(pymupdf.Rect(*LEFT), stamp=jpeg())
    journal.text(50, 242, f"Figure 1. {FIRST}", SECOND)
    figure = only(closed(journal))
    assert figure.box is not None
    assert figure.kind == "raster"


def test_a_searchable_scan_gives_its_words_and_the_ink_that_is_left() -> None:
    printed = closed(opened().text(50, 242, f"Figure 1. {FIRST}", SECOND))
    source = opened().text(50, 242, f"Figure 1. {FIRST}", SECOND)
    source.paragraph(50, 320, rows=34).paragraph(310, 80, rows=50)
    scan = pymupdf.open()
    for page in source.document:
        copy = scan.new_page(width=page.rect.width, height=page.rect.height)
        copy.insert_image(copy.rect, stream=page.get_pixmap(dpi=130).tobytes("jpeg"))
        for block in page.get_text("dict")["blocks"]:
            for line in block.get("lines", ()):
                for span in line["spans"]:
                    copy.insert_text(span["origin"], span["text"], fontsize=span["size"], render_mode=3)
    article = read_article(scan.tobytes(), PLAIN)
    figure = only(article)
    assert figure.caption == only(printed).caption
    assert figure.box is not None
    assert abs(figure.box.x0 - LEFT[0]) < 8
    assert abs(figure.box.y1 - LEFT[3]) < 8
    assert article.unseen == ()


def test_white_spaces_before_white_words_cost_nothing() -> None:
    journal = opened().text(50, 242, f"Figure 1. {FIRST}", SECOND)
    journal.page.insert_text((50, 40), "   ", color=(1, 1, 1))
    journal.page.insert_text((60, 40), "white words", color=(1, 1, 1))
    assert only(closed(journal)).caption == WORDS


@pytest.mark.parametrize(
    ("credit", "licence"),
    [
        ("Reproduced with permission from Invented Press.", "unknown"),
        ("© 2011 Invented Press. All rights reserved.", "all rights reserved"),
        ("Mit freundlicher Genehmigung des Verlags.", "unknown"),
        ("Adapted under the CC BY-NC 4.0 licence.", "CC BY-NC"),
        ("Written permission of the patient was obtained.", None),
        ("The arrow shows the site.", None),
    ],
)
def test_a_figure_keeps_the_terms_that_its_caption_states(credit: str, licence: str | None) -> None:
    journal = opened().text(50, 242, f"Figure 1. {FIRST}", SECOND, credit)
    assert only(closed(journal)).licence == licence
