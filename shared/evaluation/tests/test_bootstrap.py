from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_evaluation.bootstrap import Groups, difference, interval, resample


def brute_force(values: list[float], names: list[str], draws: int, seed: int) -> list[float]:
    """The same estimator said the long way: draw article names, pool their queries, take the mean."""
    rng = np.random.default_rng(seed)
    articles = sorted(set(names))
    means = []
    for _ in range(draws):
        drawn = rng.choice(articles, len(articles))
        pooled = [value for article in drawn for value, name in zip(values, names, strict=True) if name == article]
        means.append(float(np.mean(pooled)))
    return means


@given(st.lists(st.text(max_size=4), max_size=20))
def test_groups_are_numbered_by_name_and_not_by_order(names: list[str]) -> None:
    groups = Groups.of(names)
    unique = sorted(set(names))
    assert groups.count == len(unique)
    assert [unique[number] for number in groups.index] == names


def test_percentiles_agree_with_brute_force() -> None:
    rng = np.random.default_rng(3)
    names = [f"a{n}" for n in rng.integers(0, 12, 60)]
    values = rng.random(60) + np.array([int(name[1:]) % 3 for name in names])
    [(low, high)] = interval(values[:, None], Groups.of(names))
    expected = np.percentile(brute_force(values.tolist(), names, 4000, 5), [2.5, 97.5])
    # Two Monte-Carlo runs of thousands of draws: their percentiles agree to a few hundredths of the width.
    assert np.abs(np.array([low, high]) - expected).max() < 0.06 * (high - low)


def test_same_seed_same_interval_and_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = Groups.of([str(n % 7) for n in range(50)])
    values = np.random.default_rng(0).random((50, 2))
    whole = resample(values, groups, seed=4)
    monkeypatch.setattr("journalclip_evaluation.bootstrap._CELLS", 70)
    np.testing.assert_allclose(resample(values, groups, seed=4), whole)
    assert not np.allclose(resample(values, groups, seed=5), whole)


def test_articles_widen_the_interval_when_their_queries_agree() -> None:
    values = np.repeat([0.0, 1.0] * 10, 10)
    alone = interval(values[:, None], Groups.of([str(n) for n in range(200)]))[0]
    together = interval(values[:, None], Groups.of([str(n // 10) for n in range(200)]))[0]
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


def test_coverage_of_a_known_mean() -> None:
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values = np.repeat(rng.normal(0.4, 1, 60), 3)
        low, high = interval(values[:, None], Groups.of([str(n // 3) for n in range(180)]), seed=seed)[0]
        covered += low <= 0.4 <= high
    assert 0.89 <= covered / 200 <= 0.99  # 95 % nominal, and the percentile bootstrap is a little short at 60 groups


def test_difference_is_paired() -> None:
    rng = np.random.default_rng(1)
    before = rng.random(100)
    groups = Groups.of([str(n % 20) for n in range(100)])
    found = difference(before, before + 0.01, groups)
    assert (found.mean, found.low, found.high) == pytest.approx((0.01, 0.01, 0.01))
    assert found.p == pytest.approx(1 / 2000)
    nothing = difference(before, before, groups)
    assert (nothing.mean, nothing.low, nothing.high, nothing.p) == (0, 0, 0, 1)
    worse = difference(before, before - rng.random(100), groups)
    assert worse.high < 0


def test_one_article_says_nothing() -> None:
    groups = Groups.of(["a"] * 5)
    assert interval(np.full((5, 1), 0.5), groups) == [(0.0, 1.0)]
    found = difference(np.zeros(5), np.ones(5), groups)
    assert (found.low, found.high, found.p) == (-1.0, 1.0, 1.0)


def test_few_groups_have_student_intervals_and_very_few_none() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        values = np.repeat(rng.normal(0.4, 1, 6), 3)
        low, high = interval(values[:, None], Groups.of([str(n // 3) for n in range(18)]))[0]
        covered += low <= 0.4 <= high
    assert 0.92 <= covered / 400 <= 0.98, "the percentile interval would cover 85 %"
    four = Groups.of([str(n % 4) for n in range(12)])
    assert interval(rng.random((12, 1)), four) == [(0.0, 1.0)]
    assert difference(np.zeros(12), np.ones(12), four).p == 1.0


def test_a_student_interval_is_the_textbook_one_where_groups_are_alike() -> None:
    means = np.array([0.2, 0.4, 0.5, 0.3, 0.9, 0.1])
    low, high = interval(np.repeat(means, 2)[:, None], Groups.of([str(n // 2) for n in range(12)]))[0]
    half = 2.570582 * means.std(ddof=1) / np.sqrt(6)
    assert (low, high) == pytest.approx((means.mean() - half, means.mean() + half), abs=1e-6)
