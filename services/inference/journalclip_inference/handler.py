"""Models promoted in, indexes out: what search needs before it may serve a champion.

`IndexHandler` builds the new champion's index of its dataset; `SegmentHandler` makes an article that arrives later
searchable by the present champion, without a rebuild. Both look for their manifest first and emit no facts: an index is
found by name, and serving polls for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from journalclip_inference.index.build import Builder, Progress, former_edition, quiet, reword
from journalclip_inference.index.manifest import index_name, segment_name
from journalclip_inference.index.vectors import EXACT_UP_TO
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import fetch_folder
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import Event, Fact, ModelPromoted, PairsStructured
from journalclip_shared.kinds import Kind
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.registry import ModelRegistry


class Indexer(Protocol):
    """What differs between kinds: how a model's dataset becomes an index."""

    @property
    def kind(self) -> Kind: ...

    def build(self, model: ModelManifest) -> ArtifactRef:
        """The index of a model and its dataset; built only where it is not there yet."""
        ...


class IndexHandler:
    """ModelPromoted -> the index of (model, dataset), once, for models of one kind."""

    consumes: tuple[type[Fact], ...] = (ModelPromoted,)

    def __init__(self, store: ArtifactStore, indexer: Indexer) -> None:
        self._store, self._indexer = store, indexer
        self.group = names.group("inference-index", indexer.kind)

    def handle(self, event: Event) -> Iterable[Fact]:
        fact = event.fact
        if not isinstance(fact, ModelPromoted):
            raise TypeError(f"{self.group} does not consume {event.topic}")
        if fact.kind == self._indexer.kind:
            self._indexer.build(ModelManifest.model_validate_json(self._store.get(fact.manifest)))
        return ()


class FigureIndexer:
    """`Indexer` of articles."""

    kind: Kind = "articles"

    def __init__(
        self,
        store: ArtifactStore,
        cache: Path,
        progress: Progress = quiet,
        exact_up_to: int = EXACT_UP_TO,
        load: Callable[[Path], Encoder] = Encoder.load,
    ) -> None:
        self._store = store
        self._cache = cache
        self._progress = progress
        self._exact_up_to = exact_up_to
        self._load = load

    def build(self, model: ModelManifest) -> ArtifactRef:
        found = self._store.find_manifest("models", index_name(model.model_id, model.dataset_id))
        if found is not None:
            return found
        former = former_edition(self._store, model.model_id, model.dataset_id)
        if former is not None:
            return reword(self._store, self._cache / "indexes", model.model_id, model.dataset_id, former)
        encoder = self._load(fetch_folder(self._store, model.files, self._cache / "models"))
        builder = Builder(self._store, encoder, model.model_id, self._exact_up_to)
        return builder.dataset(FrozenDataset.open(self._store, model.dataset), self._progress)


class SegmentHandler:
    """PairsStructured -> a segment of the champion's index, unless the champion's dataset has the article."""

    group = "inference-segments"
    consumes: tuple[type[Fact], ...] = (PairsStructured,)

    def __init__(
        self,
        store: ArtifactStore,
        registry: ModelRegistry,
        cache: Path,
        load: Callable[[Path], Encoder] = Encoder.load,
    ) -> None:
        self._store = store
        self._registry = registry
        self._cache = cache
        self._load = load
        self._held: tuple[str, Encoder] | None = None
        self._frozen: tuple[str, frozenset[str]] = ("", frozenset())

    def handle(self, event: Event) -> Iterable[Fact]:
        fact = event.fact
        if not isinstance(fact, PairsStructured):
            raise TypeError(f"{self.group} does not consume {event.topic}")
        champion = self._registry.by_alias("champion")
        if champion is None or fact.pairs == 0:
            return ()
        model = ModelManifest.model_validate_json(self._store.get(champion.manifest))
        name = segment_name(model.model_id, model.dataset_id, fact.article_id)
        if self._store.find_manifest("models", name) is None and fact.article_id not in self._articles(model):
            article = StructuredArticle.model_validate_json(self._store.get(fact.document))
            Builder(self._store, self._encoder(model), model.model_id).article(article, model.dataset_id)
        return ()

    def _articles(self, model: ModelManifest) -> frozenset[str]:
        if self._frozen[0] != model.dataset_id:
            dataset = FrozenDataset.open(self._store, model.dataset)
            pairs = (pair for split in dataset.manifest.splits for pair in dataset.pairs(split))
            self._frozen = (model.dataset_id, frozenset(pair.article_id for pair in pairs))
        return self._frozen[1]

    def _encoder(self, model: ModelManifest) -> Encoder:
        if self._held is None or self._held[0] != model.model_id:
            self._held = (model.model_id, self._load(fetch_folder(self._store, model.files, self._cache / "models")))
        return self._held[1]
