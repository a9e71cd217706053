"""Everything that is read from one model's collection: hits, figures, the map.

A reader belongs to one model and never changes. It holds no encoder, so that the index can be a deployment of its own;
a vector to search with comes with the id of the model that made it, and whoever holds the reader checks that it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from pydantic import Field

from journalclip_inference.errors import NotFound, QueryInvalid
from journalclip_inference.hits import Answer, Browsed, Hit, Served, Standing, Template, query_words, template_of
from journalclip_inference.index.collection import Collection
from journalclip_inference.index.facets import Filters
from journalclip_inference.index.manifest import IndexManifest
from journalclip_inference.index.rows import Row
from journalclip_inference.index.vectors import Vectors
from journalclip_inference.search.asking import MAX_K, Asked, Searching, Wording, planner_of, search
from journalclip_inference.search.browsing import Order, Sort, order_of, page_of
from journalclip_inference.search.planner import Planner
from journalclip_inference.search.ranker import Ranked
from journalclip_shared.records import Document

_KEPT = 2_048  # templates of hits; they share what the rows hold
_DRAWN = 20_000  # points a browser draws without effort; a larger collection is thinned evenly


class MapPoints(Document):
    """The collection as points, in columns."""

    served: Served
    pair_ids: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    modality: tuple[str, ...]
    drawn: int
    pairs: int = Field(description="Pairs in the collection; more than are drawn where it was thinned.")


def served_by(index: IndexManifest, version: str) -> Served:
    return Served(model_id=index.model_id, version=version, dataset_id=index.dataset_id, index_id=index.index_id)


_WORDING = Wording(
    nothing_says="No caption says this; these look alike.",
    no_words="No caption says this.",
    not_known="Nothing in this collection has that DOI, id or file name.",
    no_phrase="No caption has these words one after the other; they were searched for apart.",
)


@dataclass(frozen=True)
class Reader:
    """One collection and whose it is. ``collection`` is what readers may see, ``reviewing`` what reviewers may."""

    served: Served
    collection: Collection
    reviewing: Collection | None = None  # where it differs
    withheld: int = 0  # the version of what is hidden
    _orders: dict[Sort, Order] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, collection: Collection, version: str) -> Reader:
        return cls(served_by(collection.manifest, version), collection)

    def with_hidden(self, shown: Collection, reviewing: Collection, version: int) -> Reader:
        """The same model's rows, some of them hidden."""
        made = Reader(self.served, shown, reviewing, version)
        made.__dict__["planner"] = self.planner  # the words' own vocabulary stays what it is
        return made

    @property
    def for_reviewers(self) -> Reader:
        """With rejected pairs, which reviewers must be able to look at."""
        return self if self.reviewing is None else Reader(self.served, self.reviewing, withheld=self.withheld)

    @cached_property
    def planner(self) -> Planner:
        return planner_of([part.words for part in self.collection.parts])

    def search(self, asked: Asked) -> Answer:
        """The best pairs. Raises `QueryInvalid`."""
        found = search(self.collection, self.planner, asked, _WORDING)
        words = query_words(asked.text or "")
        hits = [self._hit(ranked, n, found, words) for n, ranked in enumerate(found.rows, start=1)]
        return Answer(
            served=self.served,
            hits=tuple(hits),
            pairs=self.collection.pairs,
            facets=self.collection.counts(asked.filters),
            **dict(found.told),
        )

    def nearest(self, vector: Vectors, k: int, filters: Filters, by_caption: bool = False) -> Answer:
        """The ``k`` best pairs for a unit vector, by looks alone. Raises `QueryInvalid`."""
        return self.search(Asked(vector=vector, k=k, filters=filters, mode="looks", by_caption=by_caption))

    def similar(self, pair_id: str, k: int, filters: Filters) -> Answer:
        """The pairs whose pictures are nearest to a pair's own, itself left out. Raises `NotFound`."""
        position = self._position(pair_id)
        answer = self.nearest(self.collection.image_vector(position), min(k + 1, MAX_K), filters)
        others = [hit for hit in answer.hits if hit.pair_id != pair_id][:k]
        ranked = tuple(hit.model_copy(update={"rank": n}) for n, hit in enumerate(others, start=1))
        return answer.model_copy(update={"hits": ranked})

    def _hit(self, ranked: Ranked, n: int, found: Searching, words: frozenset[str]) -> Hit:
        template = self._template(ranked.position)
        why = found.reasons(ranked, template.hit.caption)
        share = None if found.told.mode == "looks" else ranked.share
        return template.standing(Standing(n, ranked.score, share, ranked.similarity, ranked.exact, why), words)

    @cached_property
    def _template(self) -> Callable[[int], Template]:
        return lru_cache(_KEPT)(lambda position: template_of(self.collection.row(position)))

    def browse(self, filters: Filters, sort: Sort, k: int, cursor: str | None = None) -> Browsed:
        """Pairs without a query. Raises `QueryInvalid`."""
        if not 1 <= k <= MAX_K:
            raise QueryInvalid(f"k is {k}", f"Choose k between 1 and {MAX_K}.")
        if sort not in self._orders:
            self._orders[sort] = order_of(self.collection, sort)
        page = page_of(self.collection, self._orders[sort], sort, filters, k, cursor)
        hits = (
            self._template(position).standing(Standing(n, self.collection.agreement(position)))
            for n, position in enumerate(page.positions, start=1)
        )
        return Browsed(
            served=self.served,
            pairs=self.collection.pairs,
            total=page.total,
            facets=self.collection.counts(filters),
            hits=tuple(hits),
            next=page.next,
        )

    def row(self, pair_id: str) -> Row:
        """Raises `NotFound`, and for a withheld one the reason."""
        return self.collection.row(self._position(pair_id))

    def rows(self, pair_ids: Sequence[str]) -> list[Row]:
        """Those of the pairs that are known and shown, in the order asked for."""
        return [self.collection.row(position) for position in self._positions(pair_ids)]

    def hits(self, pair_ids: Sequence[str]) -> tuple[Hit, ...]:
        """As `rows`; the score is that of a pair's own picture and caption."""
        found = self._positions(pair_ids)
        return tuple(
            self._template(position).standing(Standing(n, self.collection.agreement(position)))
            for n, position in enumerate(found, start=1)
        )

    def figure(self, figure_id: str) -> list[Row]:
        """A figure's pairs. Raises `NotFound`, and where all of them are withheld the reason."""
        positions = self.collection.of_figure(figure_id)
        if not positions:
            raise NotFound("figure", figure_id)
        shown = [position for position in positions if self.collection.shows(position)]
        if not shown:
            self.collection.refuse(positions[0])
        return [self.collection.row(position) for position in shown]

    def map(self) -> MapPoints:
        positions = self.collection.shown()
        step = -(-len(positions) // _DRAWN)
        drawn = positions[::step] if step > 1 else positions
        points = np.round(self.collection.points()[drawn].astype(float), 4)
        names, modalities = self.collection.column("pair_id"), self.collection.column("modality")
        return MapPoints(
            served=self.served,
            pair_ids=tuple(names[n] for n in drawn),
            x=tuple(points[:, 0].tolist()),
            y=tuple(points[:, 1].tolist()),
            modality=tuple(modalities[n] for n in drawn),
            drawn=len(drawn),
            pairs=len(positions),
        )

    def _position(self, pair_id: str) -> int:
        position = self.collection.position(pair_id)
        if position is None:
            raise NotFound("pair", pair_id)
        self.collection.refuse(position)
        return position

    def _positions(self, pair_ids: Sequence[str]) -> list[int]:
        found = (self.collection.position(pair_id) for pair_id in pair_ids)
        return [each for each in found if each is not None and self.collection.shows(each)]
