"""The experiment on studies, small: every part is measured once, kept, and told; its sizes say nothing of quality."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch

from journalclip_devtools.experiments.pretraining.experiment import Experiment, Sizes, few_shot, retrieval
from journalclip_devtools.experiments.pretraining.report import draw_report, table_of
from journalclip_devtools.experiments.pretraining.world import StudyWorld, draw_world
from journalclip_pipelines.progress import JsonReporter
from journalclip_training.studies.encode import Encoded
from journalclip_training.studies.segment import SegmentConfig

SIZES = Sizes(train=40, test=16, labelled=60, epochs=1.0, segment=SegmentConfig(steps=2, width=4))


@pytest.fixture(scope="module")
def worlds() -> tuple[StudyWorld, StudyWorld]:
    return draw_world(60, 1), draw_world(30, 2)


def named(world: StudyWorld, by: list[str]) -> Encoded:
    """Vectors that say ``by`` and nothing else, as a model without a fault would give them."""
    places = {name: n for n, name in enumerate(sorted(set(by)))}
    hot = torch.nn.functional.one_hot(torch.tensor([places[each] for each in by]), 40).float()
    return Encoded(studies=hot, reports=hot, hidden=hot, texts=hot)


def test_vectors_without_a_fault_score_one(worlds: tuple[StudyWorld, StudyWorld]) -> None:
    train, test = worlds
    found = retrieval(named(test, test.facts), test.facts)
    assert found == {"recall@1": pytest.approx(1.0), "mAP": pytest.approx(1.0)}
    scores = few_shot(named(train, train.kinds), named(test, test.kinds), train, test)
    assert scores["1-shot kind"] == 1.0
    assert scores["4-shot finding"] < 1.0  # the kind alone does not tell the side


@pytest.mark.slow
def test_every_part_is_measured_once(tmp_path: Path) -> None:
    out = io.StringIO()
    done = [Experiment(seed, tmp_path, SIZES, JsonReporter(out)) for seed in (0, 1)]
    found = [each.run() | {"subsets": each.subsets()} for each in done]
    assert set(found[0]) == {"clip", "soft", "dice scratch", "dice clip", "dice soft", "subsets"}
    assert len(found[0]["subsets"]) == 7
    told = len(out.getvalue())
    again = [Experiment(seed, tmp_path, SIZES, JsonReporter(out)) for seed in (0, 1)]
    assert [each.run() | {"subsets": each.subsets()} for each in again] == found
    assert len(out.getvalue()) == told  # nothing was done
    rows = table_of(found)
    assert {row.arm for row in rows if row.measure == "recall@1"} == {"clip", "soft"}
    draw_report(rows, tmp_path / "mri.png")
    assert (tmp_path / "mri.png").stat().st_size > 10_000
