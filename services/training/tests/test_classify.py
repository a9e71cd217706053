"""Classification of studies: it learns from any start, classes weigh alike, and its figures are the textbook's."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, roc_auc_score
from torch import Tensor

from journalclip_modeling.studies.config import StudyModelConfig, TextTowerConfig, tiny_resnet
from journalclip_modeling.studies.model import StudyModel
from journalclip_training.studies.classify import (
    ClassifyConfig,
    classification_scores,
    classify,
    linear_probe,
    study_vectors,
    train_classifier,
)

GRID = (3, 16, 16)
MODEL = StudyModelConfig(
    grid=GRID, sequences=("FLAIR", "DWI"), tower=tiny_resnet((8, 16)),
    text=TextTowerConfig(width=24, layers=1, heads=2, context=24, vocabulary=300), hidden=24, pool_heads=2, dim=16,
)  # fmt: skip
CONFIG = ClassifyConfig(steps=160, batch=12, lr=5e-3, tower_lr=3e-3)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def studies(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Every third study has a bright spot on FLAIR, every third on DWI: three classes, no two by one sequence."""
    generator = torch.Generator().manual_seed(seed)
    voxels = torch.randint(0, 60, (count, 2, *GRID), generator=generator, dtype=torch.uint8)
    truth = torch.arange(count) % 3
    for n in range(count):
        if truth[n]:
            row, column = torch.randint(2, 9, (2,), generator=generator).tolist()
            voxels[n, int(truth[n]) - 1, 1, row : row + 5, column : column + 5] = 240
    return voxels, torch.ones(count, 2, dtype=torch.bool), truth


def model() -> StudyModel:
    torch.manual_seed(0)
    return StudyModel(MODEL)


def test_a_fine_tuned_head_tells_studies_apart_that_it_has_not_seen() -> None:
    voxels, present, truth = studies(24, 0)
    asked, there, wanted = studies(30, 1)
    net = train_classifier(model(), voxels, present, truth, 3, CONFIG)
    chances = classify(net, asked, there, batch=7)
    assert chances.shape == (30, 3)
    assert chances.sum(1) == pytest.approx(1)
    scores = classification_scores(chances, wanted.numpy())
    assert scores["recall"] > 0.8  # chance is a third
    assert scores["AUC"] > 0.9


def test_the_same_seed_gives_the_same_classifier_and_leaves_the_callers_random_numbers_alone() -> None:
    voxels, present, truth = studies(6, 0)
    start, quick = model(), ClassifyConfig(steps=3)
    torch.manual_seed(9)
    state = torch.get_rng_state()
    one, two = (train_classifier(copy.deepcopy(start), voxels, present, truth, 3, quick) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_a_rare_class_weighs_as_much_as_a_frequent_one() -> None:
    """Of voxels that say nothing a classifier learns the classes' shares; weighed alike they are equal."""
    voxels, present, _ = studies(1, 0)
    same, truth = voxels.expand(20, -1, -1, -1, -1), torch.tensor([0] * 18 + [1] * 2)
    config = ClassifyConfig(steps=60, batch=20)
    net = train_classifier(model(), same, present.expand(20, -1), truth, 2, config)
    assert classify(net, voxels, present)[0, 1] == pytest.approx(0.5, abs=0.1)  # 0.1 if they weighed by number


def test_a_probe_reads_what_frozen_vectors_hold() -> None:
    truth = np.arange(30) % 3
    vectors = np.eye(3, dtype=np.float32)[truth]
    chances = linear_probe(vectors[:3], truth[:3], vectors)  # one study a class
    assert classification_scores(chances, truth)["accuracy"] == 1
    voxels, present, _ = studies(5, 0)
    start = model()
    found = study_vectors(start, voxels, present, batch=2)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert found == pytest.approx(start(voxels, present).studies.detach().numpy(), abs=1e-5)


def test_scores_are_the_textbooks() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([0] * 20 + [1] * 6 + [2] * 4)
    chances = rng.dirichlet(np.ones(3), 30)
    found = classification_scores(chances, truth)
    assert found["accuracy"] == pytest.approx((chances.argmax(1) == truth).mean())
    assert found["recall"] == pytest.approx(balanced_accuracy_score(truth, chances.argmax(1)))
    assert found["precision"] == pytest.approx(precision_score(truth, chances.argmax(1), average="macro"))
    assert found["F1"] == pytest.approx(f1_score(truth, chances.argmax(1), average="macro"))
    assert found["AUC"] == pytest.approx(roc_auc_score(truth, chances, multi_class="ovr", average="macro"))
    two = rng.dirichlet(np.ones(2), 30)
    assert classification_scores(two, truth % 2)["AUC"] == pytest.approx(roc_auc_score(truth % 2, two[:, 1]))
