"""SeLIP's protocol against a count by hand: each volume over the unique texts, each unique text over the volumes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_evaluation.errors import EmbeddingsUnusable
from journalclip_evaluation.unique_texts import TOP, TextedVolumes, unique_text_retrieval

DIM = 6


def world(texts: list[int], seed: int = 0) -> TextedVolumes:
    rng = np.random.default_rng(seed)

    def unit(count: int) -> np.ndarray:
        drawn = rng.standard_normal((count, DIM)).astype(np.float32)
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))

    vectors = unit(max(texts) + 1)
    patients = [f"patient {n // 2}" for n in range(len(texts))]
    return TextedVolumes(unit(len(texts)), vectors[texts], [f"text {n}" for n in texts], patients)


@given(st.lists(st.integers(0, 7), min_size=2, max_size=25), st.integers(0, 5))
def test_both_directions_are_what_sorting_gives(texts: list[int], seed: int) -> None:
    pairs = world(texts, seed)
    found = unique_text_retrieval(pairs)
    names = sorted(set(texts))
    unique = np.stack([pairs.texts[texts.index(name)] for name in names])
    scores = pairs.images @ unique.T
    ordered = np.argsort(-scores, axis=1)
    for k in TOP:
        hit = [texts[n] in [names[c] for c in ordered[n, :k]] for n in range(len(texts))]
        assert found.image_to_text.top[k - 1] == pytest.approx(np.mean(hit))
        back = np.argsort(-scores.T, axis=1)[:, :k]
        answers = [any(texts[n] == name for n in row) for name, row in zip(names, back, strict=True)]
        assert found.text_to_image.top[k - 1] == pytest.approx(np.mean(answers))
    assert found.image_to_text.pool == len(names)
    assert found.text_to_image.pool == len(texts)


def test_a_model_that_tells_nothing_apart_scores_chance_and_a_perfect_one_everything() -> None:
    texts = [n // 2 for n in range(40)]
    blind = world(texts)
    blind.images[:] = blind.texts[:] = 1 / np.sqrt(DIM)
    found = unique_text_retrieval(blind)
    for side in (found.image_to_text, found.text_to_image):
        assert side.top == pytest.approx(side.chance)
    eye = np.eye(20, dtype=np.float32)[texts]
    perfect = unique_text_retrieval(TextedVolumes(eye, eye, blind.text_keys, blind.patients))
    assert set(perfect.image_to_text.top) == set(perfect.text_to_image.top) == {1.0}
    assert perfect.image_to_text.groups == 20


def test_a_text_of_several_patients_is_a_group_of_its_own() -> None:
    found = unique_text_retrieval(world([0, 1, 0, 2]))  # patients 0, 0, 1, 1
    assert (found.image_to_text.groups, found.text_to_image.groups) == (2, 3)


def test_vectors_that_are_no_numbers_are_refused() -> None:
    pairs = world([0, 1])
    pairs.images[0, 0] = np.nan
    with pytest.raises(EmbeddingsUnusable):
        unique_text_retrieval(pairs)
