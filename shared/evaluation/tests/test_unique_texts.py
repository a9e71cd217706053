"""SeLIP's protocol against a count by hand: each volume over the unique texts, each unique text over the volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_devtools.doubles.frozen_studies import SEQUENCES, freeze_studies
from journalclip_evaluation.errors import EmbeddingsUnusable
from journalclip_evaluation.studies import embed_volumes
from journalclip_evaluation.unique_texts import TOP, TextedVolumes, unique_text_retrieval
from journalclip_modeling.studies.config import StudyModelConfig, TextTowerConfig, tiny_volume
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_modeling.studies.folder import scratch_study_model
from journalclip_shared.artifacts.local import LocalArtifacts

DIM = 6
GRID = (3, 16, 16)
MODEL = StudyModelConfig(
    grid=GRID, sequences=SEQUENCES, tower=tiny_volume((4, 8)), hidden=8, dim=8,
    text=TextTowerConfig(width=16, layers=1, heads=2, context=24, vocabulary=300),
)  # fmt: skip


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


def test_a_split_of_studies_gives_each_described_volume_its_own_text(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    dataset = FrozenStudies.open(store, freeze_studies(store, GRID, train=2, test=19).manifest)
    encoder = StudyEncoder(scratch_study_model(["a glioma on the left"], MODEL, 0))
    found = embed_volumes(encoder, dataset, "test")
    wanted = [pair for study in dataset.studies("test") for pair in study.pairs]
    assert list(found.text_keys) == [pair.text for pair in wanted]
    assert list(found.patients) == [pair.patient for pair in wanted]
    volumes = dict(dataset.volumes("test"))
    alone = encoder.embed_studies([volumes[wanted[-1].study_id]])[0]
    np.testing.assert_allclose(found.images[-1], alone.sequences[wanted[-1].sequence], atol=1e-5)
    np.testing.assert_allclose(found.texts[-1], encoder.embed_texts([wanted[-1].text])[0], atol=1e-5)
    measured = unique_text_retrieval(found)
    assert measured.image_to_text.pool == len({pair.text for pair in wanted})
    assert measured.image_to_text.groups == len({pair.patient for pair in wanted})
    assert embed_volumes(encoder, dataset, "test", "Normal.").text_keys == found.text_keys, "no study here is normal"
