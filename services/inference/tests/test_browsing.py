"""Browsing: pages in a fixed order, without a repeated or missing pair, whatever is filtered or added meanwhile."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_devtools.doubles.collection import World
from journalclip_devtools.doubles.site import Site
from journalclip_inference.engine import SearchEngine
from journalclip_inference.errors import QueryInvalid
from journalclip_inference.handler import FigureIndexer, SegmentHandler
from journalclip_inference.hits import Hit
from journalclip_inference.index.facets import Filters
from journalclip_inference.reader import Reader
from journalclip_inference.search.browsing import Sort
from journalclip_shared.events import Event, PairsStructured

SORTS: tuple[Sort, ...] = ("newest", "oldest", "title", "journal", "quality")


@pytest.fixture(scope="module")
def reader(engine: SearchEngine) -> Reader:
    return engine.snapshot.reader


def all_pages(reader: Reader, sort: Sort, k: int, filters: Filters | None = None) -> list[Hit]:
    found: list[Hit] = []
    cursor = None
    while True:
        page = reader.browse(filters or Filters(), sort, k, cursor)
        assert len(page.hits) <= k
        found += page.hits
        cursor = page.next
        if cursor is None:
            assert len(found) == page.total
            return found


@settings(max_examples=20, deadline=None)
@given(sort=st.sampled_from(SORTS), k=st.integers(1, 40))
def test_every_pair_comes_once_and_figures_stand_together(reader: Reader, sort: Sort, k: int) -> None:
    found = all_pages(reader, sort, k)
    ids = [hit.pair_id for hit in found]
    assert sorted(ids) == sorted(set(reader.collection.column("pair_id")))
    figures = [hit.figure_id for hit in found]
    changes = sum(a != b for a, b in pairwise(figures))
    assert changes == len(set(figures)) - 1


def test_orders_and_filters(reader: Reader) -> None:
    years = [hit.year or "" for hit in all_pages(reader, "newest", 7)]
    assert years == sorted(years, reverse=True)
    some = reader.browse(Filters(), "newest", 5)
    facet, (value, count) = "modality", next(iter(some.facets["modality"].items()))
    chosen = all_pages(reader, "oldest", 4, Filters(modality=(value,)))
    assert len(chosen) == count
    assert {hit.modality for hit in chosen} == {value}, facet
    findings = [f.term for hit in chosen for f in hit.record.findings if not f.negated]
    for term, number in list(some.facets["finding"].items())[:3]:
        with_term = all_pages(reader, "title", 50, Filters(finding=(term,)))
        assert len(with_term) == number
        assert all(any(f.term == term and not f.negated for f in hit.record.findings) for hit in with_term)
    assert findings or not some.facets["finding"]


def test_a_foreign_or_broken_cursor_is_refused(reader: Reader) -> None:
    good = reader.browse(Filters(), "newest", 2).next
    assert good is not None
    for cursor in ("x", "", good[:-6], "bm90IGpzb24="):
        if cursor:
            with pytest.raises(QueryInvalid):
                reader.browse(Filters(), "newest", 2, cursor)
    with pytest.raises(QueryInvalid):
        reader.browse(Filters(), "title", 2, good)
    with pytest.raises(QueryInvalid):
        reader.browse(Filters(), "title", 0)


def test_pages_go_on_where_a_new_index_took_over(world: World, tmp_path: Path) -> None:
    world.promote(world.add_model(seed=1), tmp_path / "cache")
    before = SearchEngine.open(world.store, world.registry, tmp_path / "cache").snapshot.reader
    first = before.browse(Filters(), "title", 9)
    late = world.add_article(100)
    ref = world.store.find_manifest("figures", f"structured/test-1/test-1/{late.article_id}")
    assert ref is not None
    fact = PairsStructured(article_id=late.article_id, document=ref, pairs=len(late.pairs))
    indexer = FigureIndexer(world.store, tmp_path / "cache")
    list(SegmentHandler(world.store, indexer, world.champion).handle(Event(fact, "test")))
    after = SearchEngine.open(world.store, world.registry, tmp_path / "cache").snapshot.reader
    rest = after.browse(Filters(), "title", 200, first.next)
    shown = [hit.pair_id for page in (first, rest) for hit in page.hits]
    assert len(shown) == len(set(shown))
    assert set(before.collection.column("pair_id")) <= set(shown)


def test_the_api_pages_and_names_its_model(site: Site) -> None:
    client = site.client()
    first = client.post("/v1/browse", json={"k": 3}).json()
    second = client.post("/v1/browse", json={"k": 3, "cursor": first["next"]}).json()
    ids = [hit["pair_id"] for page in (first, second) for hit in page["hits"]]
    assert len(set(ids)) == 6
    assert first["total"] == first["pairs"]
    assert set(first["facets"]) == set(Filters.facets())
    assert client.post("/v1/browse", json={"sort": "size"}).status_code == 422
