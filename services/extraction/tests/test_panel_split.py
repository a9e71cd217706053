import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from journalclip_devtools.benches.panel_scoring import Score, TruePanel, match
from journalclip_extraction.article import Crop, ReadFigure
from journalclip_extraction.panels import split_figure, with_panels
from journalclip_extraction.panels.order import in_reading_order
from journalclip_extraction.panels.raster import Raster, Region
from journalclip_extraction.panels.segment import segment
from journalclip_shared.records.article import Box
from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.geometry import Rect

GREY, SIZE = 120, 160


def picture(width: int, height: int, seed: int = 0, level: int = GREY) -> Image.Image:
    """A textured grey picture, as a scan is."""
    noise = np.random.default_rng(seed).normal(level, 9, (height, width))
    return Image.fromarray(np.clip(noise, 50, 225).astype(np.uint8))


def grid(rows: int, columns: int, gap: int = 6, ground: int = 255, letters: str = "") -> Image.Image:
    image = Image.new("L", (columns * (SIZE + gap) - gap, rows * (SIZE + gap) - gap), ground)
    draw = ImageDraw.Draw(image)
    for i in range(rows * columns):
        x, y = i % columns * (SIZE + gap), i // columns * (SIZE + gap)
        image.paste(picture(SIZE, SIZE, i), (x, y))
        if i < len(letters):
            draw.text((x + 6, y + 4), letters[i], fill=255, font=ImageFont.load_default(20))
    return image


def caption(count: int) -> str:
    return " ".join(f"({chr(65 + i)}) Scan number {i}." for i in range(count))


def box_of(image: Image.Image) -> Box:
    return Box(x0=0, y0=0, x1=image.width, y1=image.height)


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 1), (2, 2), (1, 4), (3, 3)])
@pytest.mark.parametrize("ground", [255, 0])
def test_grids_with_gaps_are_split_in_reading_order(rows: int, columns: int, ground: int) -> None:
    image = grid(rows, columns, ground=ground)
    split = split_figure(image, [], box_of(image), 3, caption(rows * columns))
    assert (split.tier, split.reason) == ("panels", "accepted")
    for i, panel in enumerate(split.panels):
        assert panel.letter == chr(65 + i)
        assert panel.subcaption == f"Scan number {i}"
        assert abs(panel.box.x0 - i % columns * (SIZE + 6)) <= 4
        assert abs(panel.box.y0 - i // columns * (SIZE + 6)) <= 4
        assert panel.page == 3


def test_boxes_are_in_points_of_the_page() -> None:
    image = grid(1, 2)
    split = split_figure(
        image, [], Box(x0=100, y0=50, x1=100 + image.width / 2, y1=50 + image.height / 2), 1, caption(2)
    )
    second = split.panels[1].box
    assert abs(second.x0 - (100 + (SIZE + 6) / 2)) <= 2
    assert abs(second.y1 - (50 + SIZE / 2)) <= 2


@pytest.mark.parametrize(("named", "shown"), [(3, 2), (2, 4)])
def test_counts_that_differ_keep_the_figure_whole(named: int, shown: int) -> None:
    image = grid(1, shown, gap=10)
    split = split_figure(image, [], box_of(image), 1, caption(named))
    assert (split.tier, split.reason) == ("whole", "count-differs")
    assert all(panel.subcaption is None and panel.letter is None for panel in split.panels)


def test_a_caption_without_labels_keeps_the_figure_whole_but_reports_the_layout() -> None:
    image = grid(2, 2)
    split = split_figure(image, [], box_of(image), 1, "Four scans of one patient.")
    assert (split.tier, split.reason, len(split.panels)) == ("whole", "no-labels", 4)


def test_letters_decide_over_reading_order() -> None:
    image = grid(2, 2, letters="ACBD")  # printed by columns
    split = split_figure(image, [], box_of(image), 1, caption(4))
    assert split.tier == "panels"
    second = next(panel for panel in split.panels if panel.letter == "B")
    assert second.pixels[0] < SIZE / 2 < second.pixels[1]


def test_letters_drawn_into_pictures_are_told() -> None:
    image = grid(2, 2, letters="ABCD")
    assert split_figure(image, [], box_of(image), 1, caption(4)).lettered
    assert not split_figure(grid(2, 2), [], box_of(image), 1, caption(4)).lettered


def test_letters_printed_on_the_page_part_panels_that_touch() -> None:
    image = picture(3 * SIZE, SIZE)
    words = [(letter, Box(x0=i * SIZE + 5, y0=5, x1=i * SIZE + 15, y1=17)) for i, letter in enumerate("ABC")]
    split = split_figure(image, words, box_of(image), 1, caption(3))
    assert split.tier == "panels"
    assert [round(panel.box.x0 / SIZE, 1) for panel in split.panels] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(("printed", "tier"), [("ab", "panels"), ("abcd", "whole")])
def test_a_name_printed_beyond_the_captions_last_keeps_the_figure_whole(printed: str, tier: str) -> None:
    image = grid(2, 2, gap=30)
    corners = [(i % 2 * (SIZE + 30) + 70, i // 2 * (SIZE + 30) + SIZE - 20) for i in range(4)]
    words = [
        (f"({letter})", Box(x0=x, y0=y, x1=x + 16, y1=y + 12)) for letter, (x, y) in zip(printed, corners, strict=False)
    ]
    image = grid(1, 2, gap=30) if printed == "ab" else image
    split = split_figure(image, words, box_of(image), 1, "Legs (A) and eyes (B).", layout=False)
    assert split.tier == tier


def test_panels_that_touch_without_a_witness_stay_whole() -> None:
    image = picture(3 * SIZE, SIZE)
    assert split_figure(image, [], box_of(image), 1, caption(3)).tier == "whole"


def test_a_seam_between_different_pictures_is_seen() -> None:
    image = Image.new("L", (2 * SIZE, SIZE))
    image.paste(picture(SIZE, SIZE, 1, level=90), (0, 0))
    image.paste(picture(SIZE, SIZE, 2, level=180), (SIZE, 0))
    regions = segment(Raster(image), 2).regions
    assert sorted(region.x0 for region in regions)[1] == pytest.approx(SIZE, abs=3)


def test_places_are_matched_by_where_panels_lie() -> None:
    image = grid(1, 2)
    split = split_figure(image, [], box_of(image), 1, "Right: MRI. Left: CT.")
    said = {panel.letter: (panel.subcaption, panel.box.x0) for panel in split.panels}
    assert said["left"][0] == "CT"
    assert said["left"][1] < said["right"][1]


def test_one_picture_is_not_cut() -> None:
    assert len(segment(Raster(picture(400, 300))).regions) == 1


@given(st.integers(1, 3), st.integers(1, 3), st.sampled_from([4, 9, 15]), st.sampled_from([0, 255]))
@settings(max_examples=15, deadline=None)
def test_panels_do_not_overlap_and_stay_inside(rows: int, columns: int, gap: int, ground: int) -> None:
    raster = Raster(grid(rows, columns, gap, ground))
    regions = segment(raster).regions
    for i, a in enumerate(regions):
        assert 0 <= a.x0 < a.x1 <= raster.whole.x1
        assert 0 <= a.y0 < a.y1 <= raster.whole.y1
        for b in regions[i + 1 :]:
            assert a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (2000, 5), (40, 40)])
@pytest.mark.parametrize("level", [0, 255])
def test_odd_images_are_survived(size: tuple[int, int], level: int) -> None:
    image = Image.new("L", size, level)
    assert split_figure(image, [], Box(x0=0, y0=0, x1=10, y1=10), 1, caption(2)).tier == "whole"


def test_reading_order_puts_a_tall_panel_before_the_stack_beside_it() -> None:
    tall, upper, lower = Region(0, 0, 100, 200), Region(110, 0, 200, 95), Region(110, 105, 200, 200)
    assert in_reading_order([lower, upper, tall]) == [tall, upper, lower]


def png(image: Image.Image) -> Crop:
    out = io.BytesIO()
    image.save(out, "PNG")
    return Crop(out.getvalue(), "image/png", image.width, image.height)


def place(image: Image.Image, lines: Sequence[Line] = ()) -> tuple[Page, Rect]:
    box = Rect(0, 0, image.width, image.height)
    return Page(1, box, lines=list(lines)), box


def test_a_figure_gets_its_panels_with_crops() -> None:
    image = grid(1, 2)
    figure = ReadFigure("1", "Figure 1", caption(2), 1, 1, box_of(image), crop=png(image))
    done = with_panels(figure, [place(image)])
    assert done.tier == "panels"
    assert [panel.crop is not None and panel.phash is not None for panel in done.panels] == [True, True]


def test_a_figure_without_crop_or_labels_is_left_alone() -> None:
    image = grid(1, 2)
    figure = ReadFigure("1", "Figure 1", caption(2), 1, 1, box_of(image), crop=png(image))
    assert with_panels(replace(figure, crop=None), [place(image)]).tier == "whole"
    assert with_panels(replace(figure, caption="Two scans."), [place(image)]) == replace(figure, caption="Two scans.")


def test_letters_come_from_short_lines_of_the_page() -> None:
    image = picture(2 * SIZE, SIZE)
    figure = ReadFigure("1", "Figure 1", caption(2), 1, 1, box_of(image), crop=png(image))
    lines = [
        Line(text, Rect(x, 4, x + 10, 16), 10, "F", False, "F", False, 1, 0, 0)
        for text, x in (("A", 4.0), ("B", SIZE + 4.0), ("Axial CT", SIZE / 2))
    ]
    assert with_panels(figure, [place(image, lines)]).tier == "panels"


def test_print_alone_is_no_panel() -> None:
    """A wide gap over an axis title parts nothing."""
    image = Image.new("L", (400, 400), 255)
    image.paste(picture(400, 320), (0, 0))
    drawn = ImageDraw.Draw(image)
    drawn.text((170, 370), "weeks after", fill=0)
    assert len(segment(Raster(image)).regions) == 1


def test_score_counts_boxes_and_alignment() -> None:
    image = grid(1, 2)
    split = split_figure(image, [], box_of(image), 1, caption(2))
    true = [TruePanel("A", Rect(0, 0, 160, 160)), TruePanel("B", Rect(166, 0, 326, 160))]
    score = Score()
    assert score.add(split, true)
    assert not score.add(split, [replace(true[0], letter="B"), replace(true[1], letter="A")])
    assert not score.add(split, true[:1])
    assert score.summary()["alignment"] == pytest.approx(1 / 3, abs=1e-3)
    assert score.summary()["precision"] == pytest.approx(5 / 6, abs=1e-3)


def test_each_box_is_matched_once() -> None:
    one = Rect(0, 0, 10, 10)
    assert match([one, one], [one]) == [(1, 0)]
    assert match([one], [Rect(20, 20, 30, 30)]) == []


def test_fonts_for_letters_are_mupdf_own() -> None:
    assert all(pymupdf.Font(face).buffer for face in ("helv", "hebo", "tiro", "tibo"))
