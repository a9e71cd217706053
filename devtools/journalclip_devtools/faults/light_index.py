"""The end of the light chain that makes a champion searchable: the product's handlers over an index without vectors."""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_devtools.faults.chain import Chain
from journalclip_inference.handler import IndexHandler, SegmentHandler
from journalclip_inference.index.coverage import Add, StructuredSources
from journalclip_inference.index.manifest import index_name, segment_name
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.consume import Handler
from journalclip_shared.events import Event, ModelPromoted
from journalclip_shared.history import facts_of
from journalclip_shared.kinds import Kind
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import StructuredArticle


class LightIndexer:
    """`Indexer` of articles whose manifests say only that they are there."""

    kind: Kind = "articles"

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def prepare(self, model: ModelManifest) -> None:
        """There is no former edition."""

    def adder(self, model: ModelManifest) -> Add:
        def add(documents: Sequence[ArtifactRef]) -> None:
            article = StructuredArticle.model_validate_json(self._store.get(documents[0]))
            name = segment_name(model.model_id, model.dataset_id, article.article_id)
            self._store.put_manifest("models", name, b"{}")

        return add

    def build(self, model: ModelManifest) -> ArtifactRef:
        return self._store.put_manifest("models", index_name(model.model_id, model.dataset_id), b"{}")


def index_promoted(chain: Chain) -> None:
    """What the index service has done in the end: every promotion handled, with all that is structured by now."""
    handler = IndexHandler(chain.store, LightIndexer(chain.store), StructuredSources(chain.bus, "articles"))
    for fact in facts_of(chain.bus, ModelPromoted):
        handler.handle(Event(fact, "test"))


def search_handlers(chain: Chain) -> list[Handler]:
    """Fresh ones, as after a restart."""
    indexer, sources = LightIndexer(chain.store), StructuredSources(chain.bus, "articles")
    return [
        IndexHandler(chain.store, indexer, sources),
        SegmentHandler(chain.store, indexer, lambda: chain.registry.by_alias("champion")),
    ]
