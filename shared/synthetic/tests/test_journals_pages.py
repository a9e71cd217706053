import json
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from journalclip_shared.errors import PermanentError
from journalclip_synthetic.journals import ArticleTruth, FigureTruth, write_journals
from journalclip_synthetic.journals.charts import Sketch, Stroke, paint_pixels, paint_vectors
from journalclip_synthetic.journals.typeset import Run, break_lines, set_ligatures, set_up

ARTICLES, SEED = 6, 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journals")


@pytest.fixture(scope="module")
def truths(folder: Path) -> list[ArticleTruth]:
    return write_journals(folder, ARTICLES, SEED)


def test_gold_lists_every_pdf_and_figure(folder: Path, truths: list[ArticleTruth]) -> None:
    gold = json.loads((folder / "gold.json").read_text())
    assert set(gold) == {p.name for p in folder.glob("*.pdf")} == {t.name for t in truths}
    for truth in truths:
        entry = gold[truth.name]
        assert entry["pages"] == truth.pages
        assert [f["number"] for f in entry["figures"]] == [str(n + 1) for n in range(len(truth.figures))]
        assert all(f["scored"] and f["label"] and f["caption"] for f in entry["figures"])


def test_boxes_lie_on_the_page_and_panels_in_their_figure(truths: list[ArticleTruth]) -> None:
    for figure in (f for t in truths for f in t.figures):
        x0, y0, x1, y1 = figure.bbox
        assert 0 < x0 < x1 < 613
        assert 0 < y0 < y1 < 842
        for panel in figure.panels:
            assert x0 - 0.2 <= panel.bbox[0] < panel.bbox[2] <= x1 + 0.2
            assert y0 - 0.2 <= panel.bbox[1] < panel.bbox[3] <= y1 + 0.2


def overlap(a: FigureTruth, b: FigureTruth) -> bool:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.bbox, b.bbox
    return a.page == b.page and ax0 < bx1 and bx0 < ax1 and ay0 < by1 and by0 < ay1


def test_figures_on_one_page_do_not_overlap(truths: list[ArticleTruth]) -> None:
    for truth in truths:
        assert not any(overlap(a, b) for a, b in combinations(truth.figures, 2))


def test_there_is_something_of_everything(truths: list[ArticleTruth]) -> None:
    figures = [f for t in truths for f in t.figures]
    assert {f.bbox_kind for f in figures} == {"single", "complex"}
    assert {f.letters for f in figures} == {"pixels", "text", "none"}
    assert any(f.modality == "chart" for f in figures)
    assert len({t.journal for t in truths}) == ARTICLES


def test_every_figure_is_mentioned_by_a_paragraph(truths: list[ArticleTruth]) -> None:
    for truth in truths:
        assert set(truth.mentions) == {f.number for f in truth.figures}


def test_same_seed_same_bytes_and_a_larger_folder_holds_the_smaller(folder: Path, tmp_path: Path) -> None:
    write_journals(tmp_path, 2, SEED)
    for path in tmp_path.glob("*.pdf"):
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_a_folder_with_other_pdfs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.pdf").write_bytes(b"%PDF-1.4")
    with pytest.raises(PermanentError, match="folder-not-empty"):
        write_journals(tmp_path, 1, SEED)


def test_lines_fit_and_lose_no_letter() -> None:
    set_up()
    text = "Postoperative intraparenchymal haematoma of the fibrillary afflicted region with significant displacement"
    lines = break_lines((Run(text, "Times-Roman"),), 9, 110)
    words = [w.text for line in lines for w in line.words]
    assert any(w.endswith("-") for w in words)
    assert " ".join(words).replace("- ", "") == text


def test_ligatures_only_where_the_font_has_them() -> None:
    assert set_ligatures("first flow", "Vera") == "ﬁrst ﬂow"
    assert set_ligatures("first flow", "Times-Roman") == "first flow"


def test_a_sketch_is_the_same_in_pixels_and_vectors(tmp_path: Path) -> None:
    sketch = Sketch(40, 20, (Stroke(((10, 5), (30, 15)), (255, 0, 0), fill=True),), (), "a box")
    image = paint_pixels(sketch, 2.0)
    assert isinstance(image, Image.Image)
    assert image.size == (80, 40)
    assert image.getpixel((40, 20)) == (255, 0, 0)
    assert image.getpixel((5, 5)) == (255, 255, 255)
    canvas = Canvas(str(tmp_path / "x.pdf"), pageCompression=0)
    paint_vectors(sketch, canvas, 100, 500)
    canvas.save()
    assert b"110 485 20 10 re" in (tmp_path / "x.pdf").read_bytes()
