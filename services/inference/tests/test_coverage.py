"""Every structured source is searchable under the model that serves: before a swap, after it, and after a rollback."""

from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_devtools.doubles.collection import World
from journalclip_inference.engine import SearchEngine
from journalclip_inference.handler import FigureIndexer, IndexHandler, SegmentHandler
from journalclip_inference.index.coverage import StructuredSources, unsearchable
from journalclip_inference.index.manifest import index_name
from journalclip_inference.reload import CurrentSnapshot, Reloader
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.errors import TransientError
from journalclip_shared.events import Event, ModelPromoted, PairsStructured
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.records.review import ReviewDecision
from journalclip_shared.registry import ModelVersion
from journalclip_shared.reviews import write_decision
from journalclip_shared.testing.memory import MemoryBus


def announced(world: World, article: StructuredArticle) -> Event:
    (ref,) = world.sources()[article.article_id]
    return Event(PairsStructured(article_id=article.article_id, document=ref, pairs=len(article.pairs)), "test")


def promoted(world: World, version: ModelVersion, sequence: int) -> Event:
    model = model_of(world, version)
    fact = ModelPromoted(
        model_id=model.model_id,
        dataset_id=model.dataset_id,
        manifest=version.manifest,
        version=version.version,
        sequence=sequence,
        kind="articles",
    )
    return Event(fact, "test")


def model_of(world: World, version: ModelVersion) -> ModelManifest:
    return ModelManifest.model_validate_json(world.store.get(version.manifest))


def searchable(world: World, cache: Path) -> frozenset[str]:
    return SearchEngine.open(world.store, world.registry, cache).snapshot.collection.sources


def lose_pictures(world: World, article: StructuredArticle) -> dict[Path, bytes]:
    paths = [world.store.path(pair.image) for pair in article.pairs]  # type: ignore[attr-defined]  # a folder in tests
    kept = {path: path.read_bytes() for path in paths}
    for path in kept:
        path.unlink()
    return kept


def test_a_first_champion_has_what_came_after_its_dataset_was_frozen(world: World, tmp_path: Path) -> None:
    version = world.add_model(seed=1)
    late = world.add_article(100)
    segments = SegmentHandler(world.store, FigureIndexer(world.store, tmp_path), world.champion)
    segments.handle(announced(world, late))  # nobody is champion yet
    world.promote(version, tmp_path)
    assert late.article_id in searchable(world, tmp_path)


def test_nothing_drops_out_by_a_promotion_or_a_rollback_and_no_swap_comes_too_early(
    world: World, tmp_path: Path
) -> None:
    index = IndexHandler(world.store, FigureIndexer(world.store, tmp_path), world.sources)
    segments = SegmentHandler(world.store, FigureIndexer(world.store, tmp_path), world.champion)
    holder = CurrentSnapshot()
    reloader = Reloader(world.store, world.registry, tmp_path, holder)
    first, second = world.add_model(seed=1), world.add_model(seed=2)
    world.promote(first, tmp_path)
    assert reloader.check()
    arrived = set[str]()
    for number, version in enumerate((second, first, second)):
        late = world.add_article(100 + number)
        segments.handle(announced(world, late))
        assert reloader.check()
        arrived.add(late.article_id)
        world.registry.set_alias("champion", version.version)
        reloader.check()
        assert arrived <= holder.take().collection.sources, "the former champion answers, or the next with all"
        index.handle(promoted(world, version, number))
        assert reloader.check()
        assert holder.take().served.version == version.version
        assert arrived <= holder.take().collection.sources
        assert reloader.problem == ""


def test_a_rollback_waits_for_what_the_former_champion_never_had(world: World, tmp_path: Path) -> None:
    first, second = world.add_model(seed=1), world.add_model(seed=2)
    world.promote(first, tmp_path)
    world.promote(second, tmp_path)
    holder = CurrentSnapshot()
    reloader = Reloader(world.store, world.registry, tmp_path, holder)
    segments = SegmentHandler(world.store, FigureIndexer(world.store, tmp_path), world.champion)
    late = world.add_article(100)
    segments.handle(announced(world, late))
    assert reloader.check()
    world.registry.set_alias("champion", first.version)
    assert not reloader.check()
    assert "1 sources that are searchable now" in reloader.problem
    assert holder.take().served.version == second.version


def test_the_base_of_a_new_index_is_stored_after_its_segments(world: World, tmp_path: Path) -> None:
    version = world.add_model(seed=1)
    model = model_of(world, version)
    late = world.add_article(100)

    class Interrupted(FigureIndexer):
        def build(self, model: ModelManifest) -> ArtifactRef:
            raise TransientError("killed here", "store")

    with pytest.raises(TransientError):
        IndexHandler(world.store, Interrupted(world.store, tmp_path), world.sources).handle(promoted(world, version, 0))
    assert [name.rpartition("/")[2] for name in world.store.list_manifests("models", "segments/")] == [late.article_id]
    assert world.store.find_manifest("models", index_name(model.model_id, model.dataset_id)) is None
    assert set(unsearchable(world.store, model, world.sources()).missing) == set(world.sources())


def test_a_source_without_pictures_is_left_out_with_its_reason_and_holds_up_nothing(
    world: World, tmp_path: Path
) -> None:
    first, second = world.add_model(seed=1), world.add_model(seed=2)
    world.promote(first, tmp_path)
    lost, partly, whole = (world.add_article(100 + n) for n in range(3))
    segments = SegmentHandler(world.store, FigureIndexer(world.store, tmp_path), world.champion, world.sources)
    for each in (lost, partly, whole):
        segments.handle(announced(world, each))
    holder = CurrentSnapshot()
    reloader = Reloader(world.store, world.registry, tmp_path, holder)
    assert reloader.check()
    kept = lose_pictures(world, lost)
    lose_pictures(world, partly.model_copy(update={"pairs": partly.pairs[:1]}))
    world.promote(second, tmp_path)
    assert reloader.check(), "what cannot be shown does not keep the next champion from serving"
    found = holder.take().collection
    assert {partly.article_id, whole.article_id} <= found.sources
    assert lost.article_id not in found.sources
    assert len([each for each in found.column("article_id") if each == partly.article_id]) == len(partly.pairs) - 1
    coverage = unsearchable(world.store, model_of(world, second), world.sources())
    assert (dict(coverage.missing), dict(coverage.left_out)) == ({}, {lost.article_id: "artifact-missing"})
    for path, data in kept.items():
        path.write_bytes(data)
    world.promote(second, tmp_path)
    assert lost.article_id in searchable(world, tmp_path)


def test_what_reviewers_rejected_is_not_shown_by_way_of_a_segment(world: World, tmp_path: Path) -> None:
    late = world.add_article(100)
    for pair in late.pairs:
        write_decision(world.store, _rejected(pair.pair_id, late.article_id))
    version = world.add_model(seed=1)
    world.promote(version, tmp_path)
    collection = SearchEngine.open(world.store, world.registry, tmp_path).snapshot.collection
    assert late.article_id in collection.sources
    assert collection.pairs == len(world.pairs) - len(late.pairs)


def test_coverage_is_measured_by_the_clock_and_what_no_event_will_add_is_added(world: World, tmp_path: Path) -> None:
    world.promote(world.add_model(seed=1), tmp_path)
    handler = SegmentHandler(world.store, FigureIndexer(world.store, tmp_path), world.champion, world.sources)
    unseen = world.add_article(100)  # its event became a dead letter, say

    def metric() -> float:
        (family,) = handler.metrics[0].collect()
        return float(family.samples[0].value)

    assert set(handler.look().missing) == {unseen.article_id}
    assert metric() == 1
    assert not handler.look().missing, "an event may be on its way; the second time nobody else will do it"
    assert metric() == 0
    assert unseen.article_id in searchable(world, tmp_path)


def test_the_log_is_read_on_and_sources_without_pairs_are_no_sources(world: World) -> None:
    bus = MemoryBus()
    sources = StructuredSources(bus, "articles")
    assert dict(sources()) == {}
    bus.publish([announced(world, article) for article in world.articles[:3]])
    assert set(sources()) == {article.article_id for article in world.articles[:3]}
    empty = announced(world, world.articles[4]).fact.model_copy(update={"pairs": 0})
    bus.publish([announced(world, world.articles[3]), announced(world, world.articles[0]), Event(empty, "test")])
    assert {source: len(documents) for source, documents in sources().items()} == {
        article.article_id: 1 for article in world.articles[:4]
    }


def _rejected(pair_id: str, article_id: str) -> ReviewDecision:
    return ReviewDecision(
        decision_id=f"rev_{pair_id}",
        pair_id=pair_id,
        article_id=article_id,
        reviewer="ada",
        role="steward",
        choice="reject",
        reason="wrong-caption",
        time="2026-01-01T00:00:00Z",
    )
