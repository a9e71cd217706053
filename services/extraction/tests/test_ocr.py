"""Scanned pages: refused by name without OCR; with it, figures as from any other page."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from journalclip_devtools.doubles.pdfs import Journal
from journalclip_devtools.doubles.scans import as_scan
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.extractor import read_article
from journalclip_extraction.sandbox import Sandbox
from journalclip_shared.errors import PermanentError
from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.geometry import Rect, iou
from journalclip_sources.pdf.ocr import find_data, level
from journalclip_sources.sandbox import Limits

BOX = (50, 60, 250, 210)


def scanned() -> bytes:
    """Half a page of text and one figure, printed, scanned with noise and on paper that is not quite white."""
    journal = (
        Journal().picture(BOX).text(50, 225, "Figure 1. Axial CT of the head of a man", "with a bleed on the left.")
    )
    journal.paragraph(50, 270, width=400, rows=4)
    journal.page.set_cropbox(pymupdf.Rect(0, 0, 500, 340))
    return as_scan(journal.pdf(), dpi=150)


def test_ocr_reads_a_scanned_page_inside_the_sandbox() -> None:
    with Sandbox(Limits()) as sandbox:
        refused = sandbox.run(scanned(), ExtractOptions()).result
        assert isinstance(refused, PermanentError)
        assert refused.code == "needs-ocr"
        (figure,) = sandbox.read(scanned(), ExtractOptions(ocr="eng", panels=False)).articles[0].figures
    assert (figure.number, figure.label) == ("1", "Figure 1.")
    assert figure.caption == "Axial CT of the head of a man with a bleed on the left."
    assert figure.box is not None
    assert iou(Rect(figure.box.x0, figure.box.y0, figure.box.x1, figure.box.y1), Rect(*BOX)) > 0.9
    assert figure.crop is not None


def test_a_language_without_data_is_refused_by_name() -> None:
    with pytest.raises(PermanentError) as caught:
        read_article(scanned(), ExtractOptions(ocr="xxx"))
    assert caught.value.code == "ocr-data-missing"
    assert "'xxx'" in caught.value.reason


def test_a_page_with_text_is_not_read_again() -> None:
    journal = Journal().paragraph(50, 80, rows=10).picture((50, 220, 285, 400))
    pdf = journal.text(50, 415, "Figure 1. Axial CT of the head.").pdf()
    assert read_article(pdf, ExtractOptions(ocr="xxx")).figures[0].caption == "Axial CT of the head."


def test_ocr_takes_more_time_and_no_more_memory() -> None:
    plain, slow = Limits(), Limits().for_ocr()
    assert slow.cpu_s > plain.cpu_s
    assert (slow.memory_bytes, slow.output_bytes) == (plain.memory_bytes, plain.output_bytes)


def test_sizes_that_hardly_differ_are_one_size() -> None:
    sizes = (9.5, 10.0, 10.8, 18.0)
    lines = [
        Line("twenty-one letters and more", Rect(0, 0, 9, 9), size, "scan", False, "scan", False, 27, 0, 0)
        for size in sizes
    ]
    level([Page(1, Rect(0, 0, 100, 100), lines=lines)])
    assert [line.size for line in lines] == [10.4, 10.4, 10.4, 18.0]


def test_the_language_data_is_that_of_the_package() -> None:
    assert (find_data("eng") / "eng.traineddata").stat().st_size > 1 << 20
    assert isinstance(find_data("eng"), Path)
