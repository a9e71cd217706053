from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_synthetic.journals import Compound, Look, draw_compound
from journalclip_synthetic.journals.compound import draw_cells
from journalclip_synthetic.journals.subcaptions import STYLES, Voice, join_subcaptions

PLAIN = Look(gap=6, ground=255, letters="pixels", inside=True)


def compound(seed: int, look: Look | None = None) -> Compound:
    return draw_compound(np.random.default_rng(seed), look, width=300)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 3, 12]))
@settings(max_examples=60, deadline=None)
def test_cells_do_not_overlap_and_come_in_reading_order(seed: int, gap: int) -> None:
    cells = draw_cells(np.random.default_rng(seed), 400, gap)
    assert len(cells) >= 2
    for a, b in combinations(cells, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    rows = [c[1] for c in cells]
    assert rows == sorted(rows)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_every_subcaption_stands_in_the_caption(seed: int) -> None:
    figure = compound(seed)
    assert all(piece.subcaption in figure.caption for piece in figure.pieces)
    assert figure.image.width == max(p.cell[2] for p in figure.pieces)


def test_gaps_have_the_ground_colour() -> None:
    figure = compound(3, replace(PLAIN, gap=10, ground=0, letters="none"))
    first = figure.pieces[0].cell
    pixels = np.asarray(figure.image.convert("L"))
    others = [p.cell for p in figure.pieces[1:]]
    side = any(c[0] >= first[2] + 10 and c[1] == first[1] for c in others)
    strip = pixels[first[1] : first[3], first[2] + 1 : first[2] + 9] if side else pixels[first[3] + 1 : first[3] + 9]
    assert strip.max() == 0


def test_letters_are_burned_in_or_left_to_the_page() -> None:
    burned = compound(5, PLAIN)
    printed = compound(5, replace(PLAIN, letters="text"))
    bare = compound(5, replace(PLAIN, letters="none"))
    assert burned.image.tobytes() != printed.image.tobytes() == bare.image.tobytes()
    assert [p.letter for p in printed.pieces] == [p.letter for p in burned.pieces]
    assert all(p.mark is None for p in bare.pieces)


def test_outside_letters_stand_above_their_cell() -> None:
    figure = compound(8, replace(PLAIN, inside=False))
    for piece in figure.pieces:
        assert piece.mark is not None
        assert piece.mark.box[3] <= piece.cell[1]


@pytest.mark.parametrize("style", STYLES)
def test_equal_neighbours_are_said_once(style: str) -> None:
    voice = Voice(style=style)  # type: ignore[arg-type]  # parametrised by name
    rng = np.random.default_rng(0)
    joined = join_subcaptions(["CT", "CT", "CT", "MRI"], None, "ABCD", voice, rng)
    assert joined.caption.count("CT") == 1
    assert "A-C" in joined.caption or "A–C" in joined.caption
    assert joined.parts == ("CT", "CT", "CT", "MRI")


def test_places_name_panels_without_letters() -> None:
    joined = join_subcaptions(["CT", "MRI"], None, ("Left", "Right"), Voice(), np.random.default_rng(0))
    assert "Left: CT. Right: MRI." in joined.caption
