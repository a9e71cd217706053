from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_shared.fingerprints import CODE, SAME, SIDE, Map, Printed, decode, encode, likeness, same_pictures

seeds = st.integers(0, 10_000)


def code(seed: int) -> Map:
    return np.random.default_rng(seed).normal(size=CODE)


def waves(seed: int) -> tuple[Map, Map, Map]:
    """Directions (across, down) and phases of a drawing that can be sampled anywhere."""
    draw = np.random.default_rng(seed)
    return draw.uniform(-60, 60, 40), draw.uniform(-60, 60, 40), draw.uniform(0, 2 * np.pi, 40)


def drawn(seed: int, scale: float = 1.0, across: float = 0.0, down: float = 0.0) -> Map:
    """A map of contrast, (`SIDE`, `SIDE`): the part of a drawing that a window of ``scale``, shifted, shows."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1) - 0.5
    wide, high, phase = waves(seed)
    sampled = np.cos(np.multiply.outer(x * scale + across, wide) + np.multiply.outer(y * scale + down, high) + phase)
    contrast: Map = sampled.sum(axis=-1) / np.sqrt(20)
    return contrast


@given(seeds)
@settings(max_examples=10)
def test_text_keeps_the_code_and_the_levels(seed: int) -> None:
    contrast = drawn(seed)
    read = decode(encode(code(seed), contrast))
    direction = code(seed) / np.linalg.norm(code(seed))
    assert read.code @ direction > 0.999
    assert np.abs(read.contrast - np.clip(contrast, -2, 2)).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("text", ["", "AAAA", "%", "A" * 1452])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fingerprint|base64|[Oo]nly|padding"):
        decode(text)


@given(seeds, st.floats(0.9, 1.0), st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), st.booleans())
@settings(max_examples=25)
def test_a_part_of_a_picture_or_its_mirror_image_is_the_same(
    seed: int, scale: float, across: float, down: float, mirrored: bool
) -> None:
    part = drawn(seed, scale, across, down)
    one, other = (decode(encode(code(0), each)).contrast for each in (drawn(seed), part[:, ::-1] if mirrored else part))
    assert likeness(one, other) >= SAME


@given(seeds, seeds)
@settings(max_examples=25)
def test_others_are_not(first: int, second: int) -> None:
    if first != second:
        assert likeness(drawn(first), drawn(second)) < SAME


def test_only_near_codes_are_compared_and_each_pair_is_named_once() -> None:
    same, far = drawn(1), -code(1)
    items = [
        Printed("c", encode(far, same)),
        Printed("b", encode(code(1), same[:, ::-1])),
        Printed("a", encode(code(1), same)),
        Printed("d", encode(code(1), drawn(2))),
    ]
    assert list(same_pictures(sorted(items, key=lambda each: each.id))) == [("a", "b")]
    assert list(same_pictures([])) == []
