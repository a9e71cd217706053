"""Models promoted in, indexes out: what search needs before it may serve a champion.

`IndexHandler` covers every structured source under the new champion and builds the index of its dataset;
`SegmentHandler` makes a source that arrives later searchable by the present champion, without a rebuild. Both look for
their manifest first and emit no facts: an index is found by name, and serving polls for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from prometheus_client import Gauge

from journalclip_inference.index.build import Builder, Progress, former_edition, quiet, reword, reword_segments
from journalclip_inference.index.coverage import STRUCTURED, Add, Coverage, Coverer, NothingToShow, Sources
from journalclip_inference.index.manifest import index_name
from journalclip_inference.index.vectors import EXACT_UP_TO
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import fetch_folder
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import Event, Fact, ModelPromoted, PairsStructured, StudyStructured
from journalclip_shared.kinds import Kind
from journalclip_shared.ranks import rank_of
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.registry import ModelVersion
from journalclip_shared.reviews import apply_verdicts, bound, read_decisions, verdicts_of


class Indexer(Protocol):
    """What differs between kinds: how a model's dataset becomes an index, and a later source a segment of it."""

    @property
    def kind(self) -> Kind: ...

    def prepare(self, model: ModelManifest) -> None:
        """Carry over what a former edition of the index has."""
        ...

    def adder(self, model: ModelManifest) -> Add:
        """What adds one source by its documents, the newest of which counts; it raises `PermanentError` where nothing
        of the source can be shown. Raises what loading the model raises."""
        ...

    def build(self, model: ModelManifest) -> ArtifactRef:
        """The index of a model and its dataset; built only where it is not there yet."""
        ...


class IndexHandler:
    """ModelPromoted -> the index of (model, dataset) with every structured source, for models of one kind.

    ``sources`` is read when a promotion is handled, which is after its alias was set.
    """

    consumes: tuple[type[Fact], ...] = (ModelPromoted,)

    def __init__(self, store: ArtifactStore, indexer: Indexer, sources: Callable[[], Sources]) -> None:
        self._store, self._indexer, self._sources = store, indexer, sources
        self._coverer = Coverer(store, indexer.adder)
        self.group = names.group("inference-index", indexer.kind)

    def handle(self, event: Event) -> Iterable[Fact]:
        fact = event.fact
        if not isinstance(fact, ModelPromoted):
            raise TypeError(f"{self.group} does not consume {event.topic}")
        if fact.kind == self._indexer.kind:
            model = ModelManifest.model_validate_json(self._store.get(fact.manifest))
            self._indexer.prepare(model)
            self._coverer.cover(model, self._sources())
            self._indexer.build(model)
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
        self._held: tuple[str, Encoder] | None = None

    def prepare(self, model: ModelManifest) -> None:
        former = former_edition(self._store, model.model_id, model.dataset_id)
        if former is not None:
            reword_segments(self._store, self._cache / "indexes", model.model_id, model.dataset_id, former)

    def adder(self, model: ModelManifest) -> Add:
        builder = Builder(self._store, self._encoder(model), model.model_id)
        decisions = read_decisions(self._store)

        def add(documents: Sequence[ArtifactRef]) -> None:
            found = [(StructuredArticle.model_validate_json(self._store.get(ref)), ref.uri) for ref in documents]
            article, _ = max(found, key=lambda each: (rank_of(each[0].structurer), each[1]))
            if not article.pairs:
                raise NothingToShow("no-pairs", f"{article.article_id} has no pair any more", "")
            # What reviewers corrected stands as corrected. What they rejected, and what is withdrawn, serving hides.
            words = bound(self._store, decisions, {pair.pair_id for pair in article.pairs})
            found_verdicts = verdicts_of(article.pairs, words)
            kept = {pair_id: each for pair_id, each in found_verdicts.items() if each.standing == "keep"}
            builder.article(article, apply_verdicts(article.pairs, kept), model.dataset_id)

        return add

    def build(self, model: ModelManifest) -> ArtifactRef:
        found = self._store.find_manifest("models", index_name(model.model_id, model.dataset_id))
        if found is not None:
            return found
        former = former_edition(self._store, model.model_id, model.dataset_id)
        if former is not None:
            return reword(self._store, self._cache / "indexes", model.model_id, model.dataset_id, former)
        builder = Builder(self._store, self._encoder(model), model.model_id, self._exact_up_to)
        return builder.dataset(FrozenDataset.open(self._store, model.dataset), self._progress)

    def _encoder(self, model: ModelManifest) -> Encoder:
        if self._held is None or self._held[0] != model.model_id:
            self._held = (model.model_id, self._load(fetch_folder(self._store, model.files, self._cache / "models")))
        return self._held[1]


class SegmentHandler:
    """A structured source -> a segment of the champion's index, unless the champion's dataset has it.

    `look` measures what the champion lacks and mends what no event will; see `journalclip_inference.index.coverage`.
    """

    def __init__(
        self,
        store: ArtifactStore,
        indexer: Indexer,
        champion: Callable[[], ModelVersion | None],
        sources: Callable[[], Sources] = dict,
    ) -> None:
        self._store, self._champion, self._sources = store, champion, sources
        self._coverer = Coverer(store, indexer.adder)
        self._kind: Kind = indexer.kind
        self._model: tuple[str, ModelManifest] | None = None
        self._lacking: frozenset[str] = frozenset()
        self.group = names.group("inference-segments", indexer.kind)
        self.consumes: tuple[type[Fact], ...] = (STRUCTURED[indexer.kind],)
        self._unsearchable = Gauge(
            "journalclip_unsearchable_sources", "Structured sources that the champion lacks.", ["kind"], registry=None
        )
        self._left_out = Gauge(
            "journalclip_left_out_sources", "Sources of which nothing can be searched.", ["kind", "code"], registry=None
        )
        self.metrics = (self._unsearchable, self._left_out)

    def handle(self, event: Event) -> Iterable[Fact]:
        fact = event.fact
        if not isinstance(fact, PairsStructured | StudyStructured) or not isinstance(fact, self.consumes):
            raise TypeError(f"{self.group} does not consume {event.topic}")
        model = self._champions_model() if fact.pairs else None
        if model is not None:
            self._coverer.cover_one(model, fact.key, (fact.document,))
        return ()

    def look(self) -> Coverage:
        """What the champion lacks now, for the metrics; what it lacked the last time already is added."""
        model = self._champions_model()
        found = self._coverer.look(model, self._sources()) if model is not None else Coverage()
        lacking = frozenset(found.missing)
        if model is not None and (late := lacking & self._lacking):
            self._coverer.cover(model, {source: found.missing[source] for source in late})
            found = self._coverer.look(model, self._sources())
            lacking = frozenset(found.missing)
        self._lacking = lacking
        self._show(found)
        return found

    def _show(self, found: Coverage) -> None:
        self._unsearchable.labels(self._kind).set(len(found.missing))
        self._left_out.clear()
        codes = list(found.left_out.values())
        for code in set(codes):
            self._left_out.labels(self._kind, code).set(codes.count(code))

    def _champions_model(self) -> ModelManifest | None:
        champion = self._champion()
        if champion is None:
            return None
        if self._model is None or self._model[0] != champion.version:
            self._model = (champion.version, ModelManifest.model_validate_json(self._store.get(champion.manifest)))
        return self._model[1]
