from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_devtools.doubles.collection import World
from journalclip_inference.analysis import ANALYSIS
from journalclip_inference.documents import Documents
from journalclip_inference.errors import IndexAbsent, IndexMismatch
from journalclip_inference.handler import FigureIndexer
from journalclip_inference.index.ann import build_ann, exact_neighbours, list_count, recall
from journalclip_inference.index.build import former_edition, pair_losses, reword, reword_segments, row_of
from journalclip_inference.index.collection import Collection
from journalclip_inference.index.facets import Filters
from journalclip_inference.index.manifest import FORMAT, IndexManifest, index_name, segment_name
from journalclip_inference.index.projection import project
from journalclip_inference.index.vectors import Exact, Ivf, Vectors
from journalclip_shared.records.model import ModelManifest


def unit(rng: np.random.Generator, rows: int, dim: int = 16) -> Vectors:
    found = rng.standard_normal((rows, dim)).astype(np.float32)
    vectors: Vectors = found / np.linalg.norm(found, axis=1, keepdims=True)
    return vectors


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 50), st.booleans())
def test_exact_search_is_a_sort(seed: int, rows: int, k: int, filtered: bool) -> None:
    rng = np.random.default_rng(seed)
    vectors, query = unit(rng, rows), unit(rng, 1)[0]
    vectors[rows // 2] = vectors[0]  # ties go to the earlier row
    allowed = rng.random(rows) < 0.5 if filtered else None
    scores, found = Exact(vectors).search(query, k, allowed)
    all_scores = vectors @ query
    rows_left = np.arange(rows) if allowed is None else np.flatnonzero(allowed)
    expected = sorted(rows_left, key=lambda row: (-all_scores[row], row))[:k]
    np.testing.assert_allclose(scores, all_scores[expected], atol=1e-6)
    np.testing.assert_allclose(scores, all_scores[found], atol=1e-6)
    assert len(set(found.tolist())) == len(found) == len(expected)
    assert set(found.tolist()) <= set(rows_left.tolist())


def test_inverted_lists_reach_the_recall_they_claim(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = unit(rng, 4000)
    built = build_ann(vectors, tmp_path / "ann.faiss")
    assert built.recall_at_10 >= 0.995
    index = Ivf.open(built.path, vectors, built.probes)
    queries = unit(np.random.default_rng(1), 100)
    found = np.stack([index.search(query, 10)[1] for query in queries])
    assert recall(found, exact_neighbours(vectors, queries, 10)) >= 0.98


def test_words_lie_apart_from_pictures_and_are_found_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = unit(rng, 4000)
    shift = unit(rng, 1)
    words = vectors[::2] + 2 * shift
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    built = build_ann(vectors, tmp_path / "ann.faiss", words[:1000])
    index = Ivf.open(built.path, vectors, built.probes)
    asked = words[1000:1100]  # none that the probes were set on
    found = np.stack([index.search(query, 10)[1] for query in asked])
    assert recall(found, exact_neighbours(vectors, asked, 10)) >= 0.98


def test_scores_are_of_the_vectors_and_not_of_their_codes(tmp_path: Path) -> None:
    vectors = unit(np.random.default_rng(0), 2000)
    built = build_ann(vectors, tmp_path / "ann.faiss")
    scores, rows = Ivf.open(built.path, vectors, built.probes).search(vectors[7], 12)
    np.testing.assert_allclose(scores, vectors[rows] @ vectors[7], atol=1e-6)
    assert (rows[0], len(rows)) == (7, 12)


@pytest.mark.parametrize("kind", ["at random", "far away"])
def test_a_filter_costs_no_recall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    rng = np.random.default_rng(0)
    vectors, queries = unit(rng, 3000), unit(rng, 100)
    built = build_ann(vectors, tmp_path / "ann.faiss")
    index, exact = Ivf.open(built.path, vectors, built.probes), Exact(vectors)
    if kind == "far away":  # every query lies on the other side of the collection than what it may find
        queries[:, 0] = np.abs(queries[:, 0]) + 1
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    allowed = rng.random(3000) < 0.3 if kind == "at random" else vectors[:, 0] < -0.1
    expected = np.stack([exact.search(query, 10, allowed)[1] for query in queries])
    scanned = np.stack([index.search(query, 10, allowed)[1] for query in queries])
    np.testing.assert_array_equal(scanned, expected)  # few rows
    monkeypatch.setattr("journalclip_inference.index.vectors.SCAN_UP_TO", 0)
    listed = np.stack([index.search(query, 10, allowed)[1] for query in queries])  # as if they were many
    assert allowed[listed].all()
    assert recall(listed, expected) >= 0.98
    everywhere = Ivf.open(built.path, vectors, probes=list_count(len(vectors)))
    np.testing.assert_array_equal(np.stack([everywhere.search(query, 10, allowed)[1] for query in queries]), expected)
    assert len(everywhere.search(queries[0], 10, np.arange(3000) < 4)[1]) == 4
    assert len(everywhere.search(queries[0], 10, np.zeros(3000, np.bool_))[1]) == 0


def test_a_large_collection_gets_inverted_lists(world: World, tmp_path: Path) -> None:
    model = ModelManifest.model_validate_json(world.store.get(world.add_model(seed=1).manifest))
    FigureIndexer(world.store, tmp_path / "cache", exact_up_to=10).build(model)
    collection = Collection.open(world.store, tmp_path / "cache", model.model_id, model.dataset_id)
    assert isinstance(collection.parts[0].by_image, Ivf)
    ann = collection.manifest.ann
    assert ann is not None
    assert ann.recall_at_10 >= 0.99
    vector = collection.image_vector(3)
    best = collection.search(vector, 3, Filters())
    assert best[0].score == pytest.approx(1, abs=1e-5)


def test_an_index_of_another_model_is_refused(world: World, tmp_path: Path) -> None:
    models = [ModelManifest.model_validate_json(world.store.get(world.add_model(seed).manifest)) for seed in (1, 2)]
    ref = FigureIndexer(world.store, tmp_path / "cache").build(models[0])
    foreign = world.store.get(ref)
    world.store.put_manifest("models", index_name(models[1].model_id, models[1].dataset_id), foreign)
    with pytest.raises(IndexMismatch, match="was made by"):
        Collection.open(world.store, tmp_path / "cache", models[1].model_id, models[1].dataset_id)


def test_parts_of_different_length_are_refused(world: World, tmp_path: Path) -> None:
    model = ModelManifest.model_validate_json(world.store.get(world.add_model(1).manifest))
    ref = FigureIndexer(world.store, tmp_path / "cache").build(model)
    manifest = IndexManifest.model_validate_json(world.store.get(ref))
    wrong = manifest.model_copy(update={"dataset_id": "ds_wrong", "images": manifest.map})
    world.store.put_manifest("models", index_name(model.model_id, "ds_wrong"), wrong.canonical())
    with pytest.raises(IndexMismatch, match="differ in length"):
        Collection.open(world.store, tmp_path / "cache", model.model_id, "ds_wrong")


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 30])
def test_the_map_is_a_unit_square_and_repeatable(rows: int) -> None:
    vectors = unit(np.random.default_rng(0), rows)
    points = project(vectors)
    assert points.shape == (rows, 2)
    assert not rows or (points.min() >= 0 and points.max() <= 1)
    np.testing.assert_array_equal(points, project(vectors))


def test_equal_pictures_can_be_mapped_and_the_rest_is_placed_between(monkeypatch: pytest.MonkeyPatch) -> None:
    same = np.repeat(unit(np.random.default_rng(0), 1), 12, axis=0)
    assert np.isfinite(project(same)).all()
    monkeypatch.setattr("journalclip_inference.index.projection._LAID_OUT", 20)
    placed = project(unit(np.random.default_rng(1), 50))
    assert placed.shape == (50, 2)
    assert np.isfinite(placed).all()


def test_pair_losses_are_the_clip_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    images, texts = unit(rng, 30), unit(rng, 30)
    logits = 7.0 * images @ texts.T
    own = np.diag(logits)
    expected = (np.log(np.exp(logits).sum(1)) + np.log(np.exp(logits).sum(0))) / 2 - own
    np.testing.assert_allclose(pair_losses(images, texts, 7.0), expected, atol=1e-4)
    monkeypatch.setattr("journalclip_inference.index.build._CHUNK", 7)
    np.testing.assert_allclose(pair_losses(images, texts, 7.0), expected, atol=1e-4)
    assert pair_losses(images[:0], texts[:0], 7.0).shape == (0,)
    assert pair_losses(images[:1], texts[:1], 7.0)[0] == pytest.approx(0, abs=1e-5)


def test_another_analysis_keeps_the_vectors_and_rewrites_the_words(world: World, tmp_path: Path) -> None:
    model = ModelManifest.model_validate_json(world.store.get(world.add_model(1).manifest))
    ref = FigureIndexer(world.store, tmp_path / "cache").build(model)
    base = IndexManifest.model_validate_json(world.store.get(ref))
    former, model_id, dataset_id = f"{FORMAT}-0.old", model.model_id, "ds_other"
    old = base.model_copy(update={"dataset_id": dataset_id, "analysis": "0.old", "words": base.map})
    later = old.model_copy(update={"index_id": "idx_later"})
    world.store.put_manifest("models", index_name(model_id, dataset_id, former), old.canonical())
    world.store.put_manifest("models", segment_name(model_id, dataset_id, "art_later", former), later.canonical())
    assert former_edition(world.store, model_id, dataset_id) == former
    with pytest.raises(IndexAbsent):
        Collection.open(world.store, tmp_path / "cache", model_id, dataset_id)
    reword_segments(world.store, tmp_path / "cache", model_id, dataset_id, former)
    made = IndexManifest.model_validate_json(
        world.store.get(reword(world.store, tmp_path / "cache", model_id, dataset_id, former))
    )
    assert (made.images, made.table, made.analysis) == (base.images, base.table, ANALYSIS)
    assert made.words == base.words  # the same rows and analysis give the same bytes
    collection = Collection.open(world.store, tmp_path / "cache", model_id, dataset_id)
    assert len(collection.segments) == 1
    assert collection.pairs == base.pairs  # the segment repeats the base


def test_words_of_another_analysis_are_refused(world: World, tmp_path: Path) -> None:
    model = ModelManifest.model_validate_json(world.store.get(world.add_model(1).manifest))
    ref = FigureIndexer(world.store, tmp_path / "cache").build(model)
    wrong = IndexManifest.model_validate_json(world.store.get(ref)).model_copy(update={"analysis": "0.old"})
    world.store.put_manifest("models", index_name(model.model_id, "ds_wrong"), wrong.canonical())
    with pytest.raises(IndexMismatch, match="analysed by"):
        Collection.open(world.store, tmp_path / "cache", model.model_id, "ds_wrong")


def test_an_article_read_from_a_bundle_has_its_facts(world: World) -> None:
    """Its documents have an ending in their names; without it title, DOI and figure would be missing from its hits."""
    article = world.articles[0].model_copy(update={"article_id": "art_bundle"})
    pair = article.pairs[0].model_copy(update={"article_id": "art_bundle", "pair_id": "pair_bundle"})
    stored = article.model_copy(update={"pairs": (pair,)})
    world.store.put_manifest("figures", "structured/test-1/test-1/art_bundle.package-xml", stored.canonical())
    row = row_of(Documents(world.store), pair, None)
    assert (row.title, row.doi, row.name) == (
        article.facts.title.value, article.facts.doi.value, article.name
    )  # fmt: skip
    assert row.figure_image is not None
