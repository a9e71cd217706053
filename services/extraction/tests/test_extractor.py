"""Whole articles in, figures out: the places a caption can stand, the kinds a figure can be, what is never a figure."""

from __future__ import annotations

import io

import numpy as np
import pymupdf
import pytest
from PIL import Image

from journalclip_devtools.doubles.pdfs import Journal, Point4, jpeg
from journalclip_extraction.article import ExtractOptions, ReadArticle, ReadFigure
from journalclip_extraction.extractor import read_article
from journalclip_shared.errors import PermanentError
from journalclip_sources.pdf.geometry import Rect, iou

QUICK = ExtractOptions(crops=False, panels=False)


def read(journal: Journal, options: ExtractOptions = QUICK) -> ReadArticle:
    return read_article(journal.pdf(), options)


def only(article: ReadArticle) -> ReadFigure:
    assert len(article.figures) == 1, [(f.number, f.caption) for f in article.figures]
    return article.figures[0]


def overlap(figure: ReadFigure, box: Point4) -> float:
    assert figure.box is not None
    return iou(Rect(figure.box.x0, figure.box.y0, figure.box.x1, figure.box.y1), Rect(*box))


def two_columns() -> Journal:
    return Journal().paragraph(50, 80, rows=10).paragraph(310, 80, rows=30).paragraph(50, 480, rows=20)


def test_a_caption_below_a_raster() -> None:
    box = (50, 220, 285, 400)
    journal = two_columns().picture(box).text(50, 415, "Figure 1. Axial CT of the head.", "The arrow marks the bleed.")
    figure = only(read(journal))
    assert (figure.number, figure.label) == ("1", "Figure 1.")
    assert figure.caption == "Axial CT of the head. The arrow marks the bleed."
    assert figure.kind == "raster"
    assert overlap(figure, box) > 0.98


def test_an_embedded_jpeg_is_passed_through() -> None:
    data = jpeg()
    journal = two_columns().picture((50, 220, 285, 400), data).text(50, 415, "Figure 1. Axial CT of the head.")
    crop = only(read(journal, ExtractOptions())).crop
    assert crop is not None
    assert crop.data == data
    assert (crop.width, crop.height) == (320, 240)


RED_INK = "[/Separation/Spot/DeviceRGB<</FunctionType 2/Domain[0 1]/C0[1 1 1]/C1[.8 0 0]/N 1>>]"


@pytest.mark.parametrize(("space", "middle"), [(None, (60, 60, 60)), (RED_INK, (243, 195, 195))])
def test_the_pixels_of_an_image_that_is_no_jpeg_are_those_that_the_page_shows(
    space: str | None, middle: tuple[int, int, int]
) -> None:
    """60 of 255 as a grey level, and as a red ink on white."""
    out = io.BytesIO()
    Image.radial_gradient("L").point([max(60, level) for level in range(256)]).save(out, "PNG")
    journal = two_columns().picture((50, 220, 285, 400), out.getvalue()).text(50, 415, "Figure 1. An ink.")
    if space is not None:
        journal.page.parent.xref_set_key(journal.page.get_images()[0][0], "ColorSpace", space)
    crop = only(read(journal, ExtractOptions(panels=False))).crop
    assert crop is not None
    shown = np.asarray(Image.open(io.BytesIO(crop.data)).convert("RGB"), int)[crop.height // 2, crop.width // 2]
    assert np.abs(shown - middle).max() <= 3


@pytest.mark.parametrize("marker", [b"\xff\xd8", b"\xff\xdb", b"\xff\xc4", b"\xff\xda"])
def test_a_damaged_jpeg_is_not_handed_on(marker: bytes) -> None:
    data = jpeg()
    wound = data.index(marker) + (
        0 if marker == b"\xff\xd8" else 4
    )  # the header itself, or a segment behind its length
    hurt = data[:wound] + b"\x77" * 16 + data[wound + 16 :]
    pdf = two_columns().picture((50, 220, 285, 400), data).text(50, 415, "Figure 1. Axial CT of the head.").pdf()
    assert pdf.count(data) == 1
    figure = only(read_article(pdf.replace(data, hurt), ExtractOptions()))
    assert figure.caption == "Axial CT of the head."
    if figure.crop is not None:
        assert figure.crop.data != hurt
        Image.open(io.BytesIO(figure.crop.data)).load()


def test_a_jpeg_that_is_larger_than_it_says_is_not_decoded() -> None:
    data = jpeg()
    size = data.index(b"\xff\xc0") + 5
    vast = data[:size] + b"\x75\x30\x75\x30" + data[size + 4 :]  # 30,000 by 30,000
    pdf = two_columns().picture((50, 220, 285, 400), data).text(50, 415, "Figure 1. Axial CT of the head.").pdf()
    figure = only(read_article(pdf.replace(data, vast), ExtractOptions()))
    assert figure.crop is None or figure.crop.data != vast


def test_a_turned_raster_is_rendered_as_shown() -> None:
    journal = two_columns().picture((50, 220, 230, 400), rotate=90).text(50, 415, "Figure 1. Sagittal MRI.")
    crop = only(read(journal, ExtractOptions())).crop
    assert crop is not None
    shown = Image.open(io.BytesIO(crop.data))
    assert abs(shown.width / shown.height - 1) < 0.02


@pytest.mark.parametrize("label", ["FIG. 2.", "Fig 2 |", "Abb. 2:", "Figura 2.", "Figure II.", "F I G U R E  2"])
def test_label_variants_share_a_number(label: str) -> None:
    journal = two_columns().picture((50, 220, 285, 400)).text(50, 415, f"{label} Axial CT of the head.")
    figure = only(read(journal))
    assert (figure.number, figure.caption) == ("2", "Axial CT of the head.")


def test_a_caption_above_its_figure() -> None:
    box = (50, 240, 285, 420)
    journal = two_columns().text(50, 225, "Figure 1. Axial CT of the head.").picture(box)
    assert overlap(only(read(journal)), box) > 0.98


def test_a_label_above_its_figure_and_the_words_below() -> None:
    box = (50, 220, 285, 400)
    journal = two_columns().text(50, 212, "Figure 1").picture(box).text(50, 415, "Axial CT of the head.", "An arrow.")
    figure = only(read(journal))
    assert (figure.label, figure.caption) == ("Figure 1", "Axial CT of the head. An arrow.")
    assert overlap(figure, box) > 0.98


def test_a_label_alone_takes_no_running_text() -> None:
    journal = two_columns().text(50, 212, "Figure 1").picture((50, 220, 285, 300)).paragraph(50, 320, rows=8)
    assert only(read(journal)).caption == ""


def test_a_caption_beside_its_figure() -> None:
    box = (200, 100, 540, 330)
    side = ("Fig. 4 Axial CT of the", "head of a man with a", "bleed on the left.")
    journal = Journal().picture(box).text(50, 110, *side).paragraph(50, 400, width=490, rows=20)
    figure = only(read(journal))
    assert figure.caption == "Axial CT of the head of a man with a bleed on the left."
    assert overlap(figure, box) > 0.98


def test_a_vector_chart_keeps_its_axes_and_their_words() -> None:
    journal = two_columns().chart((80, 230, 280, 380)).text(60, 240, "100").text(150, 392, "Weeks")
    figure = only(read(journal.text(50, 415, "Figure 1. Outcome by week.")))
    assert figure.kind == "vector"
    assert figure.box is not None
    assert figure.box.x0 <= 61
    assert figure.box.y1 >= 391
    assert figure.caption == "Outcome by week."


def test_bold_row_titles_do_not_part_a_figure() -> None:
    """They stand where headings stand, but no text follows them."""
    journal = two_columns().picture((80, 230, 285, 300)).picture((80, 330, 285, 400), jpeg(tint=99))
    journal.text(50, 225, "Before treatment", size=10, font="tibo")
    journal.text(50, 322, "After treatment", size=10, font="tibo")
    figure = only(read(journal.text(50, 415, "Figure 1. Axial CT of the head.")))
    assert overlap(figure, (50, 217, 285, 400)) > 0.95


def test_a_figure_spread_over_four_images_is_one() -> None:
    boxes = [(50 + 120 * x, 220 + 90 * y, 160 + 120 * x, 300 + 90 * y) for x in (0, 1) for y in (0, 1)]
    journal = two_columns()
    for tint, box in enumerate(boxes):
        journal.picture(box, jpeg(tint=40 * tint))
    figure = only(read(journal.text(50, 410, "Figure 1. (A) to (D) Axial CT.")))
    assert overlap(figure, (50, 220, 280, 390)) > 0.97


def test_two_figures_side_by_side_do_not_share() -> None:
    left, right = (50, 100, 292, 260), (303, 100, 545, 260)
    journal = Journal().picture(left, jpeg(tint=10)).picture(right, jpeg(tint=150))
    journal.text(50, 275, "Figure 1. Axial CT of the head.").text(303, 275, "Figure 2. Coronal MRI of the head.")
    first, second = read(journal.paragraph(50, 330, rows=20).paragraph(303, 330, rows=20)).figures
    assert overlap(first, left) > 0.95
    assert overlap(second, right) > 0.95


def test_a_frame_around_figure_and_caption_is_not_the_figure() -> None:
    box = (60, 230, 275, 390)
    journal = two_columns().picture(box).text(60, 405, "Figure 1. Axial CT of the head.")
    journal.page.draw_rect((50, 220, 290, 420), color=(0.5, 0.5, 0.5), width=0.5)
    assert overlap(only(read(journal)), box) > 0.98


def test_a_full_page_figure_faces_its_caption() -> None:
    journal = Journal().picture((20, 20, 575, 822)).turn()
    journal.text(50, 90, "Figure 1. Map of all sites.").paragraph(50, 150, rows=30).paragraph(310, 150, rows=30)
    figure = only(read(journal))
    assert (figure.caption_page, figure.page) == (2, 1)


def sideways(turn: int) -> tuple[Journal, Point4]:
    """A page of its own, its figure and caption along the page's long side, under an upright running head."""
    journal = two_columns().turn().text(50, 30, "Society Journal 2021;7:11-19").text(500, 30, "13")
    box = (80, 120, 430, 700) if turn == 90 else (165, 120, 515, 700)
    journal.picture(box, jpeg(580, 350), rotate=turn)
    x, y, step = (446, 700, 11) if turn == 90 else (149, 120, -11)
    for row, line in enumerate(("Figure 1. Axial CT of the head", "of a man with a bleed.")):
        journal.page.insert_text((x + row * step, y), line, fontsize=8, fontname="helv", rotate=turn)
    return journal, box


@pytest.mark.parametrize("turn", [90, 270])
def test_a_figure_set_sideways_with_its_caption(turn: int) -> None:
    journal, box = sideways(turn)
    figure = only(read(journal, ExtractOptions(panels=False)))
    assert figure.caption == "Axial CT of the head of a man with a bleed."
    assert overlap(figure, box) > 0.97
    assert figure.crop is not None
    assert (figure.crop.width, figure.crop.height) == (580, 350)  # upright, and its own pixels


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_page_stored_turned(rotation: int) -> None:
    journal = two_columns().picture((50, 220, 285, 400)).text(50, 415, "Figure 1. Axial CT of the head.")
    journal.page.set_rotation(rotation)
    figure = only(read(journal, ExtractOptions(panels=False)))
    assert figure.caption == "Axial CT of the head."
    assert figure.crop is not None
    assert (figure.crop.width, figure.crop.height) == (320, 240)
    shown = pymupdf.Rect(50, 220, 285, 400) * journal.page.rotation_matrix
    assert overlap(figure, tuple(shown.normalize())) > 0.97


def test_a_continued_figure_is_one_figure_over_two_pages() -> None:
    journal = two_columns().picture((50, 220, 285, 400)).text(50, 415, "Figure 1. (A, B) Axial CT of the head.")
    journal.turn().paragraph(50, 480, rows=20).picture((50, 100, 285, 280), jpeg(tint=200))
    journal.text(50, 295, "Figure 1 (continued). (C) Coronal MRI.").paragraph(310, 80, rows=30)
    figure = only(read(journal, ExtractOptions()))
    assert figure.caption == "(A, B) Axial CT of the head. (C) Coronal MRI."
    assert (figure.page, [part.page for part in figure.continued]) == (1, [2])
    assert figure.continued[0].crop is not None
    assert figure.continued[0].phash


def test_a_continued_caption_that_says_it_again_adds_nothing() -> None:
    journal = two_columns().picture((50, 220, 285, 400)).text(50, 415, "Figure 1. Axial CT of the head.")
    journal.turn().paragraph(50, 480, rows=20).picture((50, 100, 285, 280), jpeg(tint=200))
    journal.text(50, 295, "Figure 1. Continued. Axial CT of the head.").paragraph(310, 80, rows=30)
    assert only(read(journal)).caption == "Axial CT of the head."


def test_panels_of_a_continued_figure_name_their_page() -> None:
    halves = [(50, 220, 165, 300), (170, 220, 285, 300)]
    journal = two_columns()
    for tint, box in enumerate(halves):
        journal.picture(box, jpeg(tint=40 * tint))
    journal.text(50, 315, "Figure 1. (A) Axial CT. (B) Sagittal CT.")
    journal.turn().paragraph(50, 480, rows=20).picture((50, 100, 285, 280), jpeg(tint=200))
    journal.text(50, 295, "Figure 1 (continued). (C) Coronal MRI.").paragraph(310, 80, rows=30)
    figure = only(read(journal, ExtractOptions()))
    assert [(panel.letter, panel.page, panel.subcaption) for panel in figure.panels] == [
        ("A", 1, "Axial CT"),
        ("B", 1, "Sagittal CT"),
        ("C", 2, "Coronal MRI"),
    ]


def test_a_caption_goes_on_overleaf() -> None:
    journal = two_columns().picture((310, 480, 545, 780))
    journal.text(
        310, 795, "Figure 1. Axial CT of the head of a man who was found at", "home with a bleed on the left and"
    )
    journal.turn().text(50, 60, "an old infarct on the right.").paragraph(50, 100, rows=30).paragraph(310, 100, rows=30)
    assert only(read(journal)).caption.endswith("a bleed on the left and an old infarct on the right.")


def test_words_broken_at_a_line_end_are_put_together() -> None:
    journal = (
        two_columns()
        .picture((50, 220, 285, 400))
        .text(50, 415, "Figure 1. Axial CT shows a haema-", "toma on the left.")
    )
    assert only(read(journal)).caption == "Axial CT shows a haematoma on the left."


def test_a_sentence_is_never_a_caption() -> None:
    sentence = "Figure 1 shows the bleed on the left of the midline, and " * 5
    journal = Journal().paragraph(50, 80, rows=12, text=sentence).paragraph(310, 80, rows=40)
    assert read(journal.picture((50, 240, 285, 420))).figures == ()


def test_a_table_takes_its_own_rules_and_is_no_figure() -> None:
    journal = two_columns().text(50, 220, "Table 1. Patients and outcome.")
    for row in range(6):
        journal.page.draw_line((50, 230 + 20 * row), (285, 230 + 20 * row), width=0.5)
        journal.text(55, 243 + 20 * row, f"Patient {row}   {row * 7}   good")
    assert read(journal).figures == ()


def test_a_running_head_is_never_a_caption() -> None:
    journal = Journal()
    for page in range(4):
        (journal if page == 0 else journal.turn()).text(50, 40, "Figure legends").text(50, 50, "Fig. 1 Society Journal")
        journal.paragraph(50, 90, rows=40).paragraph(310, 90, rows=40)
    assert read(journal).figures == ()


def test_words_in_the_picture_do_not_leak_into_the_caption() -> None:
    journal = two_columns().chart((80, 230, 280, 380)).text(150, 394, "Weeks", size=8)
    figure = only(read(journal.text(50, 412, "Figure 1. Outcome by week.").text(90, 250, "control group", size=8)))
    assert figure.caption == "Outcome by week."


def test_rotated_tick_labels_are_part_of_the_chart() -> None:
    journal = two_columns().chart((90, 230, 280, 380))
    for tick in range(4):
        journal.picture((76, 240 + 35 * tick, 84, 256 + 35 * tick), jpeg(8, 16), rotate=90)
    figure = only(read(journal.text(50, 400, "Figure 1. Outcome by week.")))
    assert overlap(figure, (76, 230, 280, 380)) > 0.95


def test_ten_thousand_vectors_do_not_hang() -> None:
    journal = two_columns()
    shape = journal.page.new_shape()
    for index in range(10_000):
        x, y = 60 + (index * 37 % 2200) / 10, 225 + (index * 53 % 1700) / 10
        shape.draw_line((x, y), (x + 2, y + 2))
    shape.finish(color=(0, 0, 0), width=0.2)
    shape.commit()
    figure = only(read(journal.text(50, 415, "Figure 1. Tracts.")))
    assert overlap(figure, (60, 225, 282, 397)) > 0.9


def test_mentions_are_whole_paragraphs_and_exact() -> None:
    journal = two_columns().picture((50, 220, 285, 400)).text(50, 415, "Figure 1. Axial CT of the head.")
    journal.text(50, 760, "So it ended.", size=10, font="tiro")
    text = "A man of forty fell at home and was found later, and the bleed is seen in Fig. 1 on the left. " * 3
    journal.turn().paragraph(50, 80, rows=6, text=text).paragraph(
        50, 300, rows=5, text="Nothing in Fig. 10 is new. " * 9
    )
    mentions = only(read(journal)).mentions
    assert [mention.page for mention in mentions] == [2]
    assert mentions[0].text.startswith("A man of forty fell")


def test_facts_say_where_they_were_read() -> None:
    journal = two_columns().picture((50, 220, 285, 400)).text(50, 415, "Figure 1. Axial CT of the head.")
    journal.text(50, 50, "Outcome after treatment of subdural bleeds", size=16)
    journal.text(310, 480, "© 2021 The Authors. Open access article under the Creative", "Commons Attribution License.")
    journal.text(310, 520, "https://doi.org/10.5555/synth.1")
    facts = read(journal).facts
    assert (facts.title.value, facts.title.where) == (
        "Outcome after treatment of subdural bleeds",
        "page 1, largest type",
    )
    assert (facts.doi.value, facts.year.value, facts.licence) == ("10.5555/synth.1", "2021", "CC BY")


def test_a_repositorys_cover_sheet_is_not_the_article() -> None:
    notice = "We make this research freely available for as long as the emergency lasts."
    journal = Journal().text(60, 200, *[notice] * 6, size=12).text(60, 400, "https://doi.org/10.5555/cover")
    journal.turn().text(50, 50, "Outcome after treatment of subdural bleeds", size=16).text(
        50, 70, "doi:10.5555/synth.1"
    )
    journal.paragraph(50, 100, rows=40).paragraph(310, 100, rows=40)
    facts = read(journal).facts
    assert (facts.title.value, facts.title.where) == (
        "Outcome after treatment of subdural bleeds",
        "page 2, largest type",
    )
    assert (facts.doi.value, facts.doi.where) == ("10.5555/synth.1", "page 2")


def test_the_same_bytes_give_the_same_crops() -> None:
    data = two_columns().chart((80, 230, 280, 380)).text(50, 415, "Figure 1. Outcome by week.").pdf()
    assert read_article(data, ExtractOptions()) == read_article(data, ExtractOptions())


def test_a_scanned_article_says_so() -> None:
    journal = Journal().picture((0, 0, 595, 842)).turn().picture((0, 0, 595, 842), jpeg(tint=3))
    with pytest.raises(PermanentError) as caught:
        read(journal)
    assert caught.value.code == "needs-ocr"
