from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_synthetic.journals import CaseFacts, draw_case, draw_facts, draw_picture
from journalclip_synthetic.journals.facts import another_view, draw_patient
from journalclip_synthetic.journals.wording import Voice, an, describe

SIZE = 128


def halves(facts: CaseFacts, seed: int = 0) -> tuple[float, float]:
    """Mean brightness of the left and of the right half of the image."""
    pixels = np.asarray(draw_picture(facts, np.random.default_rng(seed), SIZE, SIZE), np.float32)
    return float(pixels[:, : SIZE // 2].mean()), float(pixels[:, SIZE // 2 :].mean())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("plane", ["axial", "coronal"])
def test_left_of_the_patient_is_right_of_the_image(plane: str, seed: int) -> None:
    facts = CaseFacts("CT", "haemorrhage", side="left", site="temporal", size_mm=60)
    facts = replace(facts, plane="axial" if plane == "axial" else "coronal")
    left = halves(facts, seed)
    right = halves(replace(facts, side="right"), seed)
    assert left[1] - left[0] > right[1] - right[0] + 0.01


@pytest.mark.parametrize(("sequence", "bright"), [("T2", True), ("FLAIR", False), ("T1", False)])
def test_fluid_is_bright_on_t2_only(sequence: str, bright: bool) -> None:
    facts = CaseFacts("MRI", "hydrocephalus", plane="axial", sequence="T2")
    facts = replace(facts, sequence=sequence)  # type: ignore[arg-type]  # parametrised by name
    pixels = np.asarray(draw_picture(facts, np.random.default_rng(3), SIZE, SIZE), np.float32) / 255
    centre = pixels[SIZE // 4 : -SIZE // 4, SIZE // 3 : -SIZE // 3]
    assert (np.quantile(centre, 0.9) > 0.8) == bright


def test_a_larger_lesion_covers_more() -> None:
    small = CaseFacts("MRI", "meningioma", plane="axial", sequence="T1C", side="left", site="frontal", size_mm=16)
    areas = [
        float((np.asarray(draw_picture(replace(small, size_mm=mm), np.random.default_rng(1), SIZE, SIZE)) > 215).mean())
        for mm in (16, 36, 60)
    ]
    assert areas == sorted(areas)
    assert areas[0] < areas[2]


def rays_without_bone(seed: int, facts: CaseFacts) -> int:
    """Of 720 rays from the middle of the head, how many leave it without meeting bright bone."""
    pixels = np.asarray(draw_picture(facts, np.random.default_rng(seed), 256, 256))
    bone = pixels > 180
    middle = np.argwhere(bone).mean(axis=0)
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    steps = np.arange(40, 125)
    rows = (middle[0] + np.outer(np.sin(angles), steps)).round().astype(int).clip(0, 255)
    columns = (middle[1] + np.outer(np.cos(angles), steps)).round().astype(int).clip(0, 255)
    return int((~bone[rows, columns].any(axis=1)).sum())


def test_surgery_opens_the_bone() -> None:
    before = CaseFacts("CT", "glioma", plane="axial", side="right", site="parietal", size_mm=30)
    for seed in range(4):
        # A head near the frame may lose a few rays to it either way; the saw's cuts come on top.
        assert rays_without_bone(seed, replace(before, stage="postoperative")) > rays_without_bone(seed, before)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_caption_says_what_the_facts_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    facts = draw_facts(rng)
    caption = describe(facts, rng).lower()
    assert caption.endswith(".")
    for word in (facts.side, facts.plane if facts.modality in ("CT", "MRI") else None):
        assert word is None or word in caption
    if facts.side and facts.modality in ("CT", "MRI") and not facts.shift:
        assert {"left": "right", "right": "left"}[facts.side] not in caption
    assert facts.arrow or "arrow" not in caption
    assert facts.shift or "with midline shift" not in caption


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_views_agree_about_the_patient(seed: int) -> None:
    rng = np.random.default_rng(seed)
    patient = draw_patient(rng)
    views = [another_view(patient, rng) for _ in range(4)]
    assert {v.modality in ("CT", "MRI") for v in views} == {patient.modality == "CT"}
    if patient.modality == "CT":
        assert {v.lesion for v in views} == {patient.lesion}
        assert {v.side for v in views} <= {patient.side, None}
        assert all(v.side is None for v in views if v.plane == "sagittal")


def test_same_seed_same_case_and_other_seed_another() -> None:
    first, again, other = (draw_case(np.random.default_rng(seed)) for seed in (11, 11, 12))
    assert (first.caption, first.facts, first.image.tobytes()) == (again.caption, again.facts, again.image.tobytes())
    assert first.image.tobytes() != other.image.tobytes()


def test_cases_are_told_apart_by_their_captions() -> None:
    rng = np.random.default_rng(0)
    facts = [draw_facts(rng) for _ in range(200)]
    assert len({describe(f, rng) for f in facts}) > 190


@pytest.mark.parametrize(
    ("noun", "phrase"),
    [
        ("8-mm cyst", "an 8-mm cyst"),
        ("11-mm x", "an 11-mm x"),
        ("16-mm x", "a 16-mm x"),
        ("cyst", "a cyst"),
        ("infarct", "an infarct"),
    ],
)
def test_articles(noun: str, phrase: str) -> None:
    assert an(noun) == phrase


def test_spelling_follows_the_voice() -> None:
    facts = CaseFacts("MRI", "glioma", plane="axial", sequence="FLAIR", side="left", site="frontal", oedema=True)
    british = {describe(facts, np.random.default_rng(s), Voice(american=False)) for s in range(9)}
    american = {describe(facts, np.random.default_rng(s), Voice(american=True)) for s in range(9)}
    assert any("oedema" in c for c in british)
    assert not any("oedema" in c for c in american)
