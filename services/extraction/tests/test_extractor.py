"""Whole articles in, figures out: the places a caption can stand, the kinds a figure can be, what is never a figure."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from journalclip_extraction.article import ExtractOptions, ReadArticle, ReadFigure
from journalclip_extraction.extractor import read_article
from journalclip_extraction.geometry import Rect, iou
from journalclip_extraction.testing.pdfs import Journal, Point4, jpeg

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
