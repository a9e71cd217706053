from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from journalclip_devtools.benches.loss import gradient_error, inputs, measure_alone
from journalclip_devtools.benches.trainers import END, tokens
from journalclip_devtools.benches.training import bench
from journalclip_devtools.experiments.forgetting import Forgetting
from journalclip_devtools.experiments.score import average_precision
from journalclip_devtools.experiments.similarity import Score, ablation_arms, config, main_arms, study, trained_scores
from journalclip_devtools.experiments.world import draw_world
from journalclip_evaluation.once import once
from journalclip_evaluation.student import interval
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_training.pooled import end_places
from journalclip_training.wise import Point


def test_both_forms_of_the_loss_have_the_same_gradients() -> None:
    assert gradient_error(16) < 1e-9


@pytest.mark.slow
def test_a_measurement_alone_says_bytes_and_seconds() -> None:
    # How many is the bench's affair: a machine short of memory gives and takes pages as it likes.
    found, (clock, processor) = measure_alone("naive", 1024, 16)
    assert found >= 0
    assert clock > 0 < processor


def test_captions_of_the_bench_are_alike_enough_to_soften() -> None:
    s, _ = inputs(64, 8).kernel.tile(slice(0, 64))
    assert (s.softmax(1).diagonal() < 0.999).any()


def test_the_training_bench_reports_both_trainers_and_both_loaders() -> None:
    pytest.importorskip("open_clip", reason="the bench group is not installed")
    sizes = ScratchConfig(image_size=32, patch_size=16, width=32, layers=1, heads=2, dim=16, context=77)
    found = bench(4, 1, sizes, images=4)
    assert found.samples_per_s > 0 < found.open_clip_samples_per_s
    assert found.ratio > 0 < found.loader_ratio
    assert found.parameters == found.open_clip_parameters


def test_both_sides_of_the_bench_read_a_text_at_the_same_place() -> None:
    ids = tokens(32, 77, 38)
    lengths = (ids > 0).sum(1)
    assert 8 <= lengths.min() < lengths.max() <= 77
    assert (ids.argmax(1) == lengths - 1).all()  # where open_clip reads
    assert (end_places(torch.from_numpy(ids), END).numpy() == lengths - 1).all()
    assert (tokens(4, 77, 77) > 0).all()


def test_worlds_repeat_by_seed_and_differ_by_domain() -> None:
    first, again, shifted = draw_world(32, 1), draw_world(32, 1), draw_world(32, 1, shift=True)
    assert first.samples.texts == again.samples.texts != shifted.samples.texts
    assert sorted(first.facts.tolist()) == list(range(32))


def test_average_precision_of_a_perfect_and_of_the_worst_order() -> None:
    right = np.array([[True, True, False, False], [False, False, True, True]])
    assert average_precision(right.astype(float), right) == 1
    assert average_precision(-right.astype(float), right) == pytest.approx((1 / 3 + 2 / 4) / 2)


def test_wrong_records_change_neither_pictures_nor_captions() -> None:
    right, wrong = draw_world(64, 1), draw_world(64, 1, wrong=0.5)
    assert right.samples.texts == wrong.samples.texts
    differing = sum(a.record != b.record for a, b in zip(right.samples.pairs, wrong.samples.pairs, strict=True))
    assert 16 < differing < 48


def test_one_study_run_gives_shares() -> None:
    run = config(main_arms()["soft"], seed=0, epochs=1)
    found = trained_scores(run, draw_world(128, 0), draw_world(32, 1))
    assert 0 < found.mean_average_precision <= 1
    assert 0 <= found.recall_at_1 <= found.best_recall_at_1 <= 1


def test_a_study_goes_on_from_the_scores_it_kept(tmp_path: Path) -> None:
    arms = {"soft": replace(main_arms()["soft"], pairs=256)}
    told: list[str] = []
    (first,) = study(arms, [0, 1], 0.5, tmp_path, told.append)
    kept = sorted(tmp_path.glob("seed-*/soft.json"))
    assert len(told) == len(kept) == 2
    before = [path.stat().st_mtime_ns for path in kept]
    assert [*study(arms, [0, 1], 0.5, tmp_path, told.append)] == [first]
    assert before == [path.stat().st_mtime_ns for path in kept]


def test_a_result_made_of_something_else_is_done_anew(tmp_path: Path) -> None:
    for made_of, recall in (("a", 0.1), ("b", 0.2)):
        found = once(tmp_path, "arm", made_of, Score, partial(Score, recall, 0.5, 0.5))
        assert found.recall_at_1 == recall
    assert once(tmp_path, "arm", "b", Score, lambda: Score(0.9, 0.5, 0.5)).recall_at_1 == 0.2


def test_arms_differ_in_the_one_thing_they_name() -> None:
    arms = main_arms() | ablation_arms()
    assert len(set(map(repr, arms.values()))) == len(arms)
    steps = {round(config(arm, 0, 32).optim.epochs * arm.pairs) for arm in arms.values()}
    assert len(steps) == 1


def test_gain_and_loss_are_counted_from_the_start() -> None:
    found = Forgetting(Point(0, 0.1, 0.9), Point(1, 0.5, 0.8), Point(0.5, 0.46, 0.89))
    assert found.kept_gain == pytest.approx(0.9)
    assert (found.general_loss, found.tuned_loss) == pytest.approx((0.01, 0.1))


def test_an_interval_spans_its_mean() -> None:
    mean, low, high = interval([0.4, 0.6])
    assert (mean, low < mean < high) == (0.5, True)
    assert interval([0.5]) == (0.5, 0.5, 0.5)
