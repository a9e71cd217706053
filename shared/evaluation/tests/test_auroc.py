from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from journalclip_evaluation.auroc import auroc, compare_auroc, macro, one_against_rest
from journalclip_evaluation.bootstrap import Groups
from journalclip_evaluation.errors import NothingToEvaluate

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


def brute_components(scores: Array, positive: Bools) -> tuple[Array, Array]:
    """DeLong's V10 and V01 by the double loop of the definition."""
    ahead = [[1.0 if p > n else 0.5 if p == n else 0.0 for n in scores[~positive]] for p in scores[positive]]
    table = np.array(ahead)
    return table.mean(1), table.mean(0)


def drawn(seed: int, size: int = 40) -> tuple[Array, Array, Bools]:
    """Two rounded, correlated scores (so that ties are common) and labels of both kinds."""
    rng = np.random.default_rng(seed)
    positive = rng.random(size) < 0.4
    positive[:2], positive[2:4] = True, False
    shared = rng.normal(size=size) + positive
    first, second = (np.round(shared + rng.normal(size=size), 1) for _ in range(2))
    return first, second, positive


@given(st.integers(0, 2**32 - 1))
def test_value_is_scikit_learns_and_variance_is_brute_force(seed: int) -> None:
    first, second, positive = drawn(seed)
    one, two = auroc(first, positive), auroc(second, positive)
    assert one.value == pytest.approx(roc_auc_score(positive, first))
    v10, v01 = brute_components(first, positive)
    w10, w01 = brute_components(second, positive)
    covariance = np.cov(v10, w10) / len(v10) + np.cov(v01, w01) / len(v01)
    assert one.variance() == pytest.approx(covariance[0, 0])
    assert two.variance() == pytest.approx(covariance[1, 1])
    delta = compare_auroc(one, two)
    of_delta = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert delta.high - delta.value == pytest.approx(1.959964 * np.sqrt(max(of_delta, 0)), abs=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_macro_is_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(4), rng.integers(0, 4, 60)])
    scores = np.round(rng.dirichlet(np.ones(4), 64), 2)
    each = one_against_rest(scores, labels)
    expected = np.mean([roc_auc_score(labels == label, scores[:, label]) for label in range(4)])
    assert macro(each).value == pytest.approx(expected)


def test_macro_variance_agrees_with_the_bootstrap() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 400)
    scores = rng.normal(size=(400, 3)) + 1.2 * np.eye(3)[labels]
    found = macro(one_against_rest(scores, labels)).variance()
    draws = []
    for _ in range(400):
        rows = rng.integers(0, 400, 400)
        draws.append(macro(one_against_rest(scores[rows], labels[rows])).value)
    assert found == pytest.approx(np.var(draws), rel=0.25)  # 400 draws know a variance to 7 %, one sigma


def test_interval_covers_the_truth() -> None:
    truth, covered = 0.7602, 0  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    for seed in range(300):
        rng = np.random.default_rng(seed)
        positive = np.arange(80) < 30
        low, high = auroc(rng.normal(size=80) + positive, positive).interval()
        covered += low <= truth <= high
    assert 0.91 <= covered / 300 <= 0.985


def test_patients_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    positive = np.arange(60) < 30
    scores = rng.normal(size=60) + positive
    copies, labels = np.repeat(scores, 4), np.repeat(positive, 4)
    patients = Groups.of([str(n // 4) for n in range(240)])
    found = auroc(copies, labels)
    assert found.variance(patients) == pytest.approx(auroc(scores, positive).variance(), rel=0.05)
    assert found.variance() < 0.3 * found.variance(patients)


def test_paired_test_knows_noise_from_difference() -> None:
    small = 0
    for seed in range(200):
        first, second, positive = drawn(seed, 60)
        small += compare_auroc(auroc(first, positive), auroc(second, positive)).p < 0.05
    assert small / 200 < 0.1
    rng = np.random.default_rng(1)
    positive = np.arange(200) < 100
    bad, good = auroc(rng.normal(size=200), positive), auroc(rng.normal(size=200) + 2 * positive, positive)
    assert compare_auroc(bad, good).p < 1e-6
    assert compare_auroc(good, good).p == 1.0


def test_edges() -> None:
    perfect = auroc(np.array([0.0, 1.0]), np.array([False, True]))
    assert (perfect.value, perfect.interval(), perfect.variance()) == (1.0, (0.0, 1.0), 0.0)
    assert auroc(np.zeros(9), np.arange(9) < 4).value == 0.5
    with pytest.raises(NothingToEvaluate, match="0 positives, 3 negatives"):
        auroc(np.zeros(3), np.zeros(3, bool))


def test_a_single_positive_says_nothing() -> None:
    scores, positive = np.array([0.1, 0.5, 0.4, 0.9, 0.7]), np.array([False, True, False, False, False])
    found = auroc(scores, positive)
    assert 0 < found.value < 1
    assert found.interval() == (0.0, 1.0)
    other = auroc(scores[::-1].copy(), positive)
    assert compare_auroc(found, other).p == 1.0
    assert macro([found, auroc(scores, ~positive)]).interval() == (0.0, 1.0)
