from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from journalclip_devtools.doubles.collection import World
from journalclip_inference.engine import SearchEngine
from journalclip_inference.errors import IndexAbsent, NoChampion, QueryInvalid
from journalclip_inference.hits import matched_terms, named_terms, query_words, region
from journalclip_inference.index.facets import Filters
from journalclip_inference.snapshot import Query, embed_queries, warm
from journalclip_shared.records.article import Box
from journalclip_shared.records.caption import CaptionRecord, Coded


def test_hits_say_everything_a_reader_needs(engine: SearchEngine, served_world: World) -> None:
    hits = engine.search(text="axial CT showing subdural hematoma", k=27)
    assert [hit.rank for hit in hits] == list(range(1, 28))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    by_pair = {pair.pair_id: pair for pair in served_world.pairs}
    for hit in hits:
        pair = by_pair[hit.pair_id]
        assert (hit.caption, hit.label, hit.page, hit.licence) == (pair.text, pair.label, pair.page, pair.licence)
        assert hit.image == pair.image
        assert hit.title is not None
        assert hit.title.startswith("On the invented case")
        assert hit.doi is not None
        assert hit.doi in hit.citation
        assert (hit.region is None) == (hit.panel_id is None)
    assert any("subdural haematoma" in hit.matched for hit in hits)


def test_scores_are_cosines_of_the_query_with_the_pictures(engine: SearchEngine, served_world: World) -> None:
    snapshot = engine.snapshot
    hit = engine.answer(text="glioma", k=1, mode="looks").hits[0]
    query = snapshot.encoder.embed_texts(["glioma"])[0]
    position = snapshot.collection.position(hit.pair_id)
    assert position is not None
    assert hit.score == pytest.approx(float(query @ snapshot.collection.image_vector(position)), abs=1e-6)


def test_a_picture_finds_itself(engine: SearchEngine, served_world: World) -> None:
    from io import BytesIO

    pair = served_world.pairs[4]
    image = Image.open(BytesIO(served_world.store.get(pair.image)))
    best = engine.search(image=image, k=3)
    assert pair.pair_id in {hit.pair_id for hit in best}
    assert best[0].score > 0.99


def test_text_and_image_together_lie_between_both(engine: SearchEngine) -> None:
    encoder, image = engine.snapshot.encoder, Image.new("RGB", (40, 30), "red")
    text_only, image_only, both = embed_queries(encoder, [Query("x"), Query(image=image), Query("x", image)])
    np.testing.assert_allclose(both, (text_only + image_only) / np.linalg.norm(text_only + image_only), atol=1e-5)


def test_filters_restrict_and_counts_add_up(engine: SearchEngine) -> None:
    everything = engine.answer(text="x", k=50)
    counts = everything.facets["modality"]
    assert sum(counts.values()) == everything.pairs == 27
    for modality, count in counts.items():
        answer = engine.answer(text="x", k=50, filters=Filters(modality=(modality,)))
        assert len(answer.hits) == count
        assert {hit.modality for hit in answer.hits} == {modality}
        assert answer.facets["modality"] == counts  # a facet leaves its own choice out
        for licence, left in answer.facets["licence"].items():
            both = engine.search(text="x", k=50, filters=Filters(modality=(modality,), licence=(licence,)))
            assert len(both) == left
    either = engine.search(text="x", k=50, filters=Filters(modality=tuple(counts)))
    assert len(either) == 27
    assert engine.search(text="x", k=50, filters=Filters(year=("1900",))) == []


def test_captions_can_be_searched_instead(engine: SearchEngine, served_world: World) -> None:
    pair = served_world.pairs[0]
    answer = engine.answer(text=pair.text, k=1, mode="looks", by_caption=True)
    assert answer.hits[0].caption == pair.text
    assert answer.hits[0].similarity == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", [None, "", "   "])
def test_an_empty_query_is_refused(engine: SearchEngine, text: str | None) -> None:
    with pytest.raises(QueryInvalid):
        engine.search(text=text)


@pytest.mark.parametrize("k", [0, -1, 201])
def test_k_has_bounds(engine: SearchEngine, k: int) -> None:
    with pytest.raises(QueryInvalid):
        engine.search(text="x", k=k)


def test_nothing_promoted_and_no_index_are_said_apart(world: World, tmp_path: object) -> None:
    from pathlib import Path

    cache = Path(str(tmp_path)) / "c"
    with pytest.raises(NoChampion):
        SearchEngine.open(world.store, world.registry, cache)
    world.registry.set_alias("champion", world.add_model(seed=3).version)
    with pytest.raises(IndexAbsent):
        SearchEngine.open(world.store, world.registry, cache)


def test_warming_asks_one_query(engine: SearchEngine) -> None:
    warm(engine.snapshot)
    assert engine.snapshot.served.model_id == engine.snapshot.manifest.model_id


def test_a_term_matches_when_all_its_words_are_asked_for() -> None:
    record = CaptionRecord(
        anatomy=(Coded(term="frontal lobe", text="frontal lobes"),),
        findings=(),
        plane=(Coded(term="axial", text="transverse"),),
    )
    named = named_terms(record)
    assert set(matched_terms(named, query_words("transverse CT, frontal lobe"))) == {"axial", "frontal lobe"}
    assert matched_terms(named, query_words("frontal bone")) == matched_terms(named, query_words("")) == ()


def test_a_region_is_cut_to_its_figure(served_world: World) -> None:
    pair = next(pair for pair in served_world.pairs if pair.panel_id)
    figure = Box(x0=0, y0=0, x1=100, y1=200)
    outside = pair.model_copy(update={"box": Box(x0=-10, y0=50, x1=50, y1=400)})
    found = region(outside, figure)
    assert found is not None
    assert (found.left, found.top, found.width, found.height) == (0.0, 0.25, 0.5, 0.75)
    assert region(outside, Box(x0=0, y0=0, x1=0, y1=1)) is None
    assert region(outside, None) is None
