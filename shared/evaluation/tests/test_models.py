from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard, ModelCardData

from journalclip_devtools.doubles.evaluation import SMALL, candidate, freeze
from journalclip_evaluation.card import model_card
from journalclip_evaluation.embedded import EmbeddedPairs, embed_split
from journalclip_evaluation.embedding_map import Sketch, choose, sketch
from journalclip_evaluation.errors import NothingToEvaluate
from journalclip_evaluation.models import Evaluator, evaluate_model
from journalclip_evaluation.rank_table import to_parquet
from journalclip_evaluation.ranking import Ranks
from journalclip_evaluation.report.shown import Check, Forgetting
from journalclip_evaluation.retrieval import SIDES, Ranked, Side, rank, summarise
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.scratch import scratch_clip
from journalclip_shared.artifacts.local import LocalArtifacts


@pytest.fixture
def store(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(tmp_path / "store")


def test_before_and_after_on_the_same_pairs(store: LocalArtifacts, tmp_path: Path) -> None:
    dataset, model = freeze(store, 12), candidate(store, tmp_path)
    found = evaluate_model(store, model, dataset, tmp_path / "cache")
    assert found.before.ranked.pair_ids == found.after.ranked.pair_ids
    assert found.before.evaluation.subject == "start"
    figures = found.after.evaluation.strict.image_to_text
    assert (figures.pool, figures.articles) == (12, 6)
    assert figures.chance10 == pytest.approx(10 / 12)
    assert found.before.evaluation.strict != found.after.evaluation.strict
    assert set(found.after.evaluation.by_modality) == {"CT", "MRI"}
    # The last two pairs are one picture and, but for case, one caption.
    assert found.after.ranked.multi["image_to_text"].positives.tolist() == [1] * 10 + [2, 2]


def test_second_call_reads_what_the_first_wrote(store: LocalArtifacts, tmp_path: Path) -> None:
    dataset, model = freeze(store, 6), candidate(store, tmp_path)
    first = Evaluator(store, tmp_path / "cache").measure(model, dataset)
    blind = Evaluator(store, Path("/nowhere"))  # could not fetch a model
    second = blind.measure(model, dataset)
    assert (second.evaluation, second.ref) == (first.evaluation, first.ref)
    assert summarise(second.ranked) == first.evaluation.strict
    other = candidate(store, tmp_path / "more").model_copy(update={"files": model.start_files})
    assert Evaluator(store, tmp_path / "cache").measure(other, dataset).ref != first.ref


def test_what_cannot_be_measured_is_refused(store: LocalArtifacts, tmp_path: Path) -> None:
    dataset, model = freeze(store, 4), candidate(store, tmp_path)
    evaluator = Evaluator(store, tmp_path / "cache")
    with pytest.raises(NothingToEvaluate, match="no pairs"):
        evaluator.measure(model, dataset, "val")
    with pytest.raises(NothingToEvaluate, match="no files of its start"):
        evaluator.measure(model.model_copy(update={"start_files": ()}), dataset, subject="start")


def test_vectors_in_files_give_the_same_ranks(
    store: LocalArtifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = freeze(store, 12)
    made = scratch_clip(["axial mass"], SMALL, 0)
    encoder = Encoder(made.model, made.tokenizer, made.preprocess)
    seen: list[tuple[int, int]] = []
    whole = embed_split(encoder, dataset, "test", tmp_path, lambda *step: seen.append(step))
    assert seen[-1] == (12, 12)
    monkeypatch.setattr("journalclip_evaluation.embedded._IN_MEMORY", 4)
    monkeypatch.setattr("journalclip_evaluation.embedded._AT_ONCE", 5)
    spooled = embed_split(encoder, dataset, "test", tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.npy")) == ["images.npy", "texts.npy"]
    assert to_parquet(rank(spooled)) == to_parquet(rank(whole))
    assert sketch(spooled, rank(spooled)) == sketch(whole, rank(whole))


def test_sketch_names_what_came_first_in_both_directions(store: LocalArtifacts, tmp_path: Path) -> None:
    dataset, model = freeze(store, 12), candidate(store, tmp_path)
    found = Evaluator(store, tmp_path / "cache").measure(model, dataset)
    drawn = Sketch.model_validate_json(store.get(found.evaluation.sketch))
    pairs = embed_split(Encoder.load(tmp_path / "seed2"), dataset, "test")
    scores = np.asarray(pairs.images[slice(0, 12)]) @ np.asarray(pairs.texts[slice(0, 12)]).T
    assert (len(drawn.map.images), len(drawn.map.texts), drawn.map.modalities) == (12, 12, tuple(pairs.modalities))
    assert len({case.article_id for case in drawn.best}) == len(drawn.best) >= 3  # six pairs, in twos
    for case in (*drawn.best, *drawn.worst):
        row = list(pairs.pair_ids).index(case.pair_id)
        best = np.argsort(-scores[row], kind="stable")[:3], np.argsort(-scores[:, row], kind="stable")[:3]
        assert [case.captions, case.pictures] == [tuple(pairs.pair_ids[each] for each in side) for side in best]
        assert case.rank_of_caption == found.ranked.strict["image_to_text"].rank()[row]
    assert max(case.rank_of_caption for case in drawn.best) <= min(case.rank_of_caption for case in drawn.worst)


def test_sketch_of_one_pair_and_of_a_model_that_says_nothing(store: LocalArtifacts) -> None:
    same = np.tile(np.asarray([[0.6, 0.8]], np.float32), (2, 1))
    for count in (1, 2):
        names = [str(n) for n in range(count)]
        pairs = EmbeddedPairs(same[:count], same[:count], names, names, names, names, names)
        drawn = sketch(pairs, rank(pairs))
        assert len(drawn.best) == 1
        assert len(drawn.worst) == count - 1
        assert drawn.map.explained == (0.0, 0.0)


def test_best_and_worst_are_of_different_articles_and_never_the_same_pair() -> None:
    above = np.array([0, 0, 5, 5, 2, 4])
    ones = np.ones(6, np.int64)
    ranks = Ranks(above, ones, ones, ones, 6)
    sides: dict[Side, Ranks] = dict.fromkeys(SIDES, ranks)
    ranked = Ranked(tuple("abcdef"), ("x", "x", "y", "y", "z", "z"), ("CT",) * 6, sides, sides)
    own = np.asarray([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], np.float32)
    best, worst = choose(ranked, own, 2)
    assert best.tolist() == [1, 4]  # of two that came first, the one with the higher score
    assert worst.tolist() == [2, 5]


def test_card_has_the_head_and_shows_what_is_empty(store: LocalArtifacts, tmp_path: Path) -> None:
    dataset, model = freeze(store, 6), candidate(store, tmp_path)
    filled = model.model_copy(update={"card": {"intended_use": "Search.", "risks": " "}, "base": "openai/clip"})
    evaluation = Evaluator(store, tmp_path / "cache").measure(filled, dataset).evaluation
    checks = [Check("leaks", True, "nothing"), Check("card", False, "empty: risks | limits")]
    card = model_card(
        filled, evaluation, dataset.manifest, checks, Forgetting("imagenet", {"this model": (0.51, 0.62)})
    )
    read = ModelCard(card).data  # as the hub reads it
    assert isinstance(read, ModelCardData)
    assert read.base_model == "openai/clip"
    assert read.library_name == "transformers"
    assert {each.metric_name: each.dataset_split for each in read.eval_results or ()} == {
        f"{side} R@{k}": "test" for side in ("image-to-text", "text-to-image") for k in (1, 5, 10)
    }
    assert "## Intended use\n\nSearch." in card
    assert "## Risks and limits\n\n*(empty: promotion refuses this model)*" in card
    assert "not for diagnosis" in card
    assert "| CT, image to text | 3 | 6 |" in card
    assert "nothing is known about: CT, MRI" in card
    assert "| this model | 0.510 | 0.620 |" in card
    assert "| card | **refused** | empty: risks / limits |" in card
