from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_devtools.doubles.collection import World
from journalclip_inference.engine import SearchEngine
from journalclip_inference.errors import IndexMismatch
from journalclip_inference.handler import FigureIndexer, IndexHandler, SegmentHandler
from journalclip_inference.index.collection import Collection
from journalclip_inference.index.facets import Filters
from journalclip_inference.index.manifest import IndexManifest, index_name
from journalclip_modeling.encoder import Encoder
from journalclip_shared.events import ArticleSubmitted, Event, ModelPromoted, PairsStructured
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import StructuredArticle


def structured(world: World, article: StructuredArticle) -> Event:
    ref = world.store.find_manifest("figures", f"structured/test-1/test-1/{article.article_id}")
    assert ref is not None
    return Event(PairsStructured(article_id=article.article_id, document=ref, pairs=len(article.pairs)), "test")


def never(_folder: Path) -> Encoder:
    raise AssertionError("nothing should be loaded")


def test_a_promotion_builds_the_index_once(world: World, tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []
    version = world.add_model(seed=1)
    model = ModelManifest.model_validate_json(world.store.get(version.manifest))
    fact = ModelPromoted(
        model_id=model.model_id,
        dataset_id=model.dataset_id,
        manifest=version.manifest,
        version=version.version,
        kind="articles",
    )
    handler = IndexHandler(
        world.store,
        FigureIndexer(world.store, tmp_path / "cache", lambda done, total: progress.append((done, total))),
        world.sources,
    )
    assert list(handler.handle(Event(fact, "test"))) == []
    ref = world.store.find_manifest("models", index_name(model.model_id, model.dataset_id))
    assert ref is not None
    manifest = IndexManifest.model_validate_json(world.store.get(ref))
    assert manifest.pairs == len(world.pairs) == progress[-1][0] == progress[-1][1]

    again = IndexHandler(world.store, FigureIndexer(world.store, tmp_path / "cache", load=never), world.sources)
    assert list(again.handle(Event(fact, "test"))) == []
    assert world.store.find_manifest("models", index_name(model.model_id, model.dataset_id)) == ref


def test_building_twice_gives_the_same_bytes(world: World, tmp_path: Path) -> None:
    version = world.add_model(seed=1)
    model = ModelManifest.model_validate_json(world.store.get(version.manifest))
    first = FigureIndexer(world.store, tmp_path / "cache").build(model)
    root: Path = world.store.path(first)  # type: ignore[attr-defined]  # the tests' store is a folder
    root.unlink()
    assert FigureIndexer(world.store, tmp_path / "cache").build(model) == first


def test_a_later_article_is_found_by_the_present_champion(world: World, tmp_path: Path) -> None:
    world.promote(world.add_model(seed=1), tmp_path / "cache")
    before = SearchEngine.open(world.store, world.registry, tmp_path / "cache")
    late = world.add_article(100)
    handler = SegmentHandler(world.store, FigureIndexer(world.store, tmp_path / "cache"), world.champion)
    assert list(handler.handle(structured(world, late))) == []
    after = SearchEngine.open(world.store, world.registry, tmp_path / "cache")
    collection = after.snapshot.collection
    assert collection.pairs == before.snapshot.collection.pairs + len(late.pairs)
    assert len(collection.segments) == 1
    hits = after.search(text=late.pairs[0].text, k=len(world.pairs))
    assert {pair.pair_id for pair in late.pairs} <= {hit.pair_id for hit in hits}
    newest = next(hit for hit in hits if hit.article_id == late.article_id)
    assert newest.split is None
    assert newest.title == "On the invented case number 100"
    assert len(collection.points()) == len(collection) == len(collection.losses())


def test_a_segment_is_made_once_and_only_for_what_is_not_frozen(world: World, tmp_path: Path) -> None:
    version = world.add_model(seed=1)
    nobody = SegmentHandler(world.store, FigureIndexer(world.store, tmp_path / "cache", load=never), world.champion)
    nobody.handle(structured(world, world.articles[0]))  # no champion yet
    world.promote(version, tmp_path / "cache")
    nobody.handle(structured(world, world.articles[0]))  # the dataset has it
    late = world.add_article(100)
    handler = SegmentHandler(world.store, FigureIndexer(world.store, tmp_path / "cache"), world.champion)
    handler.handle(structured(world, late))
    handler.handle(structured(world, world.add_article(101)))
    nobody.handle(structured(world, late))  # done already
    empty = structured(world, late).fact.model_copy(update={"pairs": 0, "article_id": "art_none"})
    nobody.handle(Event(empty, "test"))
    assert len(list(world.store.list_manifests("models", "segments/"))) == 2


def test_a_pair_in_base_and_segment_is_found_once(world: World, tmp_path: Path) -> None:
    world.promote(world.add_model(seed=1), tmp_path / "cache")
    engine = SearchEngine.open(world.store, world.registry, tmp_path / "cache")
    base = engine.snapshot.collection.parts[0]
    part = Collection([base, base]).parts[1]
    assert part is base  # two parts with the same rows, the second hidden as `_open` would hide it
    hidden = Collection([base, base.__class__(**{**base.__dict__, "shown": base.images[:, 0] > 2})])
    found = hidden.search(base.images[0], 50, Filters())
    assert len({hit.position for hit in found}) == len(found) == base.manifest.pairs
    filtered = hidden.search(base.images[0], 50, Filters(licence=("CC BY",)))
    assert 0 < len(filtered) < len(found)
    assert len(hidden.shown()) == base.manifest.pairs == hidden.pairs


def test_other_events_are_a_bug(world: World, tmp_path: Path) -> None:
    ref = world.articles[0].pdf
    event = Event(ArticleSubmitted(article_id="art_x", pdf=ref, name="x"), "test")
    for handler in (
        IndexHandler(world.store, FigureIndexer(world.store, tmp_path), world.sources),
        SegmentHandler(world.store, FigureIndexer(world.store, tmp_path), world.champion),
    ):
        with pytest.raises(TypeError, match="does not consume"):
            handler.handle(event)


def test_records_and_shards_that_disagree_are_refused(world: World, tmp_path: Path) -> None:
    from journalclip_inference.index.build import Builder
    from journalclip_modeling.data import FrozenDataset

    version = world.add_model(seed=1)
    model = ModelManifest.model_validate_json(world.store.get(version.manifest))
    dataset = FrozenDataset.open(world.store, model.dataset)
    splits = dict(dataset.manifest.splits)
    splits["train"] = splits["train"].model_copy(update={"shards": splits["test"].shards})
    broken = FrozenDataset(world.store, dataset.manifest.model_copy(update={"splits": splits}))
    from journalclip_modeling.folder import fetch_folder

    encoder = Encoder.load(fetch_folder(world.store, model.files, tmp_path))
    with pytest.raises(IndexMismatch, match="shards say"):
        Builder(world.store, encoder, model.model_id).dataset(broken)
