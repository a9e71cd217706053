from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_devtools.benches.evaluation import Size, bench, synthetic_pairs
from journalclip_evaluation.counting import count, count_both, true_count
from journalclip_evaluation.embedded import EmbeddedPairs, wording
from journalclip_evaluation.errors import EmbeddingsUnusable, NothingToEvaluate
from journalclip_evaluation.rank_table import from_parquet, to_parquet
from journalclip_evaluation.ranking import Ranks
from journalclip_evaluation.retrieval import Ranked, by_modality, compare, query_values, rank, summarise
from journalclip_evaluation.vector_file import VectorFile


def pairs_of(
    images: Sequence[Sequence[float]],
    texts: Sequence[Sequence[float]],
    image_keys: str | None = None,
    text_keys: str | None = None,
    articles: str | None = None,
) -> EmbeddedPairs:
    """Pairs whose keys are single letters of a string; without one, every key is its own."""
    letters = "abcdefghijklmnopqrstuvwxyz"[: len(images)]
    return EmbeddedPairs(
        np.asarray(images, np.float32),
        np.asarray(texts, np.float32),
        list(letters),
        list(articles or letters),
        list(image_keys or letters),
        list(text_keys or letters),
        ["CT"] * len(images),
    )


def ranks_of(above: int, level: int, right: int, positives: int, pool: int) -> Ranks:
    return Ranks(np.array([above]), np.array([level]), np.array([right]), np.array([positives]), pool)


# Four pairs, worked by hand. Scores of image i (rows) and text j (columns):
#         t0    t1    t2    t3
#   i0   1.0   0.6   0.6   0.0     own 1.0: first
#   i1   0.0   0.8   0.8   0.6     own 0.8, level with t2 (the same wording): rank 1 or 2
#   i2   0.0   0.8   0.8   0.6     own 0.8, level with t1: rank 1 or 2
#   i3   0.6   1.0   1.0   0.0     own 0.0: last
HAND_TEXTS = [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]]
HAND_IMAGES = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.8, 0.0]]


def test_hand_worked_table_with_ties_and_duplicates() -> None:
    ranked = rank(pairs_of(HAND_IMAGES, HAND_TEXTS, image_keys="abbc", text_keys="abbc"))
    strict = ranked.strict["image_to_text"]
    # i3 scores t0 .6, t1 1, t2 1 and its own t3 .48
    assert strict.above.tolist() == [0, 0, 0, 3]
    assert strict.level.tolist() == [1, 2, 2, 1]
    assert strict.hits(1).tolist() == [1.0, 0.5, 0.5, 0.0]
    assert strict.rank().tolist() == [1.0, 1.5, 1.5, 4.0]
    assert strict.reciprocal().tolist() == pytest.approx([1.0, 0.75, 0.75, 0.25])
    multi = ranked.multi["image_to_text"]
    assert multi.hits(1).tolist() == [1.0, 1.0, 1.0, 0.0]
    assert multi.positives.tolist() == [1, 2, 2, 1]
    # From the texts: t0 scores images 1, 0, 0, .6; t1 and t2 .6, .8, .8, 1; t3 0, .6, .6, .48
    texts = ranked.strict["text_to_image"]
    assert texts.above.tolist() == [0, 1, 1, 2]
    assert texts.level.tolist() == [1, 2, 2, 1]
    assert texts.hits(5).tolist() == [1.0] * 4
    assert ranked.multi["text_to_image"].rank().tolist() == [1.0, 2.0, 2.0, 3.0]
    figures = summarise(ranked).image_to_text
    assert (figures.r1, figures.r5, figures.median_rank, figures.pool) == (0.5, 1.0, 1.5, 4)
    assert (figures.chance1, figures.chance10) == (0.25, 1.0)
    assert summarise(ranked, multi=True).image_to_text.r1 == 0.75


def test_one_vector_for_all_is_exactly_chance() -> None:
    same = [[0.6, 0.8]] * 20
    figures = summarise(rank(pairs_of(same, same, articles="ab" * 10))).text_to_image
    assert (figures.r1, figures.r5, figures.r10) == pytest.approx((0.05, 0.25, 0.5))
    assert (figures.chance1, figures.chance5, figures.chance10) == pytest.approx((0.05, 0.25, 0.5))
    assert figures.median_rank == 10.5
    assert figures.mrr == pytest.approx(np.mean(1 / np.arange(1, 21)))


@given(st.integers(0, 4), st.integers(1, 6), st.integers(1, 6))
def test_expectations_equal_the_mean_over_all_orders(above: int, level: int, right: int) -> None:
    right = min(right, level)
    ranks = ranks_of(above, level, right, right, pool=above + level + 3)
    firsts = [
        above + 1 + min(order.index(place) for place in range(right)) for order in itertools.permutations(range(level))
    ]
    assert ranks.rank()[0] == pytest.approx(np.mean(firsts))
    assert ranks.reciprocal()[0] == pytest.approx(np.mean([1 / first for first in firsts]))
    for k in (1, 3, 5, 10):
        assert ranks.hits(k)[0] == pytest.approx(np.mean([first <= k for first in firsts]))


@given(st.integers(0, 2**32 - 1))
def test_ranks_equal_a_full_sort(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 14))
    # Few distinct coarse vectors, so that ties and duplicates are common.
    images, texts = (rng.integers(-1, 2, (size, 3)).astype(np.float32) for _ in range(2))
    keys = ["".join(rng.choice(list("pqrst"), size)) for _ in range(2)]
    ranked = rank(pairs_of(images.tolist(), texts.tolist(), keys[0], keys[1]))
    scores = images @ texts.T
    right = np.array([[a == c or b == d for c, d in zip(*keys, strict=True)] for a, b in zip(*keys, strict=True)])
    for side, table, answers in (("image_to_text", scores, right), ("text_to_image", scores.T, right.T)):
        for kind, mask in ((ranked.strict, np.eye(size, dtype=bool)), (ranked.multi, answers)):
            for row in range(size):
                best = table[row][mask[row]].max()
                expected = (
                    (table[row] > best).sum(),
                    (table[row] == best).sum(),
                    (table[row] == best)[mask[row]].sum(),
                )
                ranks = kind[side]  # type: ignore[index]
                assert (ranks.above[row], ranks.level[row], ranks.right[row]) == expected
                assert ranks.positives[row] == mask[row].sum()


def test_blocks_do_not_change_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    images, texts = (rng.normal(size=(1100, 8)).astype(np.float32) for _ in range(2))
    own = np.einsum("nd,nd->n", images, texts)
    whole = count_both(images, texts, own, own)
    monkeypatch.setattr("journalclip_evaluation.counting._ROWS", 128)
    monkeypatch.setattr("journalclip_evaluation.counting._COLUMNS", 1024)
    by_image, by_text = count_both(images, texts, own, own)
    np.testing.assert_array_equal(by_image.above, whole[0].above)
    np.testing.assert_array_equal(by_text.above, whole[1].above)
    np.testing.assert_array_equal(count(images, texts, own).above, by_image.above)
    scores = images.astype(np.float64) @ texts.T.astype(np.float64)
    np.fill_diagonal(scores, -np.inf)  # float64 sees a pair's own score a rounding above the float32 one
    assert np.mean((scores > own[:, None]).sum(1) == by_image.above) > 0.99


@pytest.mark.parametrize("shape", [(128, 1024), (256, 2048), (3, 5), (128, 1000), (100, 1024)])
def test_true_count_is_the_sum(shape: tuple[int, int]) -> None:
    mask = np.random.default_rng(1).random(shape) < 0.9
    for axis in (0, 1):
        np.testing.assert_array_equal(true_count(mask, axis), mask.sum(axis))
        np.testing.assert_array_equal(true_count(np.ones(shape, bool), axis), np.ones(shape).sum(axis))


def test_chance_with_several_right_answers() -> None:
    ranks = Ranks(np.array([0, 0]), np.array([1, 1]), np.array([1, 1]), np.array([1, 3]), pool=10)
    assert ranks.chance(1) == pytest.approx((0.1 + 0.3) / 2)
    assert ranks.chance(2) == pytest.approx((0.2 + 1 - 7 / 10 * 6 / 9) / 2)
    assert ranks.chance(10) == 1.0


def test_modalities_are_queries_against_the_whole_pool() -> None:
    base = pairs_of(HAND_IMAGES, HAND_TEXTS)
    ranked = rank(base)
    mixed = Ranked(ranked.pair_ids, ranked.articles, ("CT", "MRI", "MRI", "CT"), ranked.strict, ranked.multi)
    found = by_modality(mixed)
    assert set(found) == {"CT", "MRI"}
    assert found["MRI"].image_to_text.queries == 2
    assert found["MRI"].image_to_text.pool == 4


def test_paired_comparison_needs_the_same_pairs() -> None:
    ranked = rank(pairs_of(HAND_IMAGES, HAND_TEXTS))
    assert compare(ranked, ranked, "r1").mean == 0
    better = rank(pairs_of(HAND_TEXTS, HAND_TEXTS))
    assert compare(ranked, better, "mrr").mean > 0
    with pytest.raises(EmbeddingsUnusable, match="same pairs"):
        compare(ranked, rank(pairs_of(HAND_IMAGES[:2], HAND_TEXTS[:2])), "r1")


def test_ranks_survive_the_file() -> None:
    ranked = rank(pairs_of(HAND_IMAGES, HAND_TEXTS, text_keys="abbc"))
    data = to_parquet(ranked)
    assert to_parquet(ranked) == data
    back = from_parquet(data)
    assert (back.pair_ids, back.articles, back.modalities) == (ranked.pair_ids, ranked.articles, ranked.modalities)
    for side in ranked.multi:
        np.testing.assert_array_equal(query_values(back.multi[side], "mrr"), query_values(ranked.multi[side], "mrr"))
    assert summarise(back) == summarise(ranked)


def test_what_cannot_be_ranked_is_refused() -> None:
    with pytest.raises(EmbeddingsUnusable, match="no finite score"):
        rank(pairs_of([[np.nan, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]))
    with pytest.raises(EmbeddingsUnusable, match="do not belong together"):
        pairs_of([[1.0]], [[1.0], [1.0]])
    with pytest.raises(NothingToEvaluate):
        EmbeddedPairs(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), [], [], [], [], [])


def test_wording_ignores_case_punctuation_and_form() -> None:
    assert wording("Axial CT,  showing “ﬁbrous” mass.") == wording("axial ct showing fibrous mass")
    assert wording("no infarct") != wording("infarct")


def test_some_queries_are_ranked_as_they_are_among_all(tmp_path: Path) -> None:
    pairs = synthetic_pairs(Size(pairs=1200, dim=16, queries=0), tmp_path)
    whole, rows = rank(pairs), np.array([3, 49, 98, 99, 700])
    some = rank(pairs, rows)
    assert some.pair_ids == tuple(pairs.pair_ids[row] for row in rows)
    for kind in ("strict", "multi"):
        for side in whole.strict:
            expected, found = getattr(whole, kind)[side].take(rows), getattr(some, kind)[side]
            for column in ("above", "level", "right", "positives"):
                np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))
    assert whole.multi["image_to_text"].positives[[3, 98, 99]].tolist() == [1, 2, 2]
    assert whole.strict["text_to_image"].level[[3, 98, 99]].tolist() == [1, 2, 2]  # twins share a picture


def test_files_give_what_arrays_give_and_other_files_are_refused(tmp_path: Path) -> None:
    pairs = synthetic_pairs(Size(pairs=300, dim=8, queries=0), tmp_path)
    loaded = np.load(tmp_path / "images.npy")
    np.testing.assert_array_equal(pairs.images[slice(10, 290)], loaded[10:290])
    np.testing.assert_array_equal(pairs.images[slice(290, 999)], loaded[290:])
    np.save(tmp_path / "double.npy", np.zeros((2, 2)))
    (tmp_path / "text.npy").write_text("no array at all")
    for name in ("double.npy", "text.npy"):
        with pytest.raises(EmbeddingsUnusable):
            VectorFile.open(tmp_path / name)


def test_bench_reports_what_it_did(tmp_path: Path) -> None:
    found = bench(Size(pairs=500, dim=16, queries=50), tmp_path)
    assert (found["pairs"], found["queries"]) == (500, 50)
    assert int(str(found["peak_mib"])) >= int(str(found["peak_mib_ranking"])) > 0
    assert found["strict"]["image_to_text"]["pool"] == 500  # type: ignore[index,call-overload]
    assert bench(Size(pairs=60, dim=4, queries=0), tmp_path)["queries"] == 60
