"""Search without a server: the champion opened in this process, for the command line and for notebooks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from journalclip_inference.hits import Answer, Hit
from journalclip_inference.index.facets import Filters
from journalclip_inference.search.ranker import Mode
from journalclip_inference.snapshot import Query, Snapshot, champion_of, load_snapshot
from journalclip_inference.withheld import Withholding
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.registry import ModelRegistry


class SearchEngine:
    """The champion and its index. Raises as `load_snapshot` and `champion_of` when it is made."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    @classmethod
    def open(cls, store: ArtifactStore, registry: ModelRegistry, cache: Path) -> SearchEngine:
        snapshot = load_snapshot(store, cache, champion_of(registry))
        return cls(replace(snapshot, reader=Withholding(store).apply(snapshot.reader)))

    def answer(
        self,
        text: str | None = None,
        image: Image.Image | None = None,
        k: int = 10,
        filters: Filters | None = None,
        mode: Mode = "best",
        by_caption: bool = False,
    ) -> Answer:
        """Hits, and which model and index gave them."""
        return self.snapshot.search(Query(text, image), k, filters or Filters(), mode, by_caption)

    def search(
        self,
        text: str | None = None,
        image: Image.Image | None = None,
        k: int = 10,
        filters: Filters | None = None,
        mode: Mode = "best",
    ) -> list[Hit]:
        return list(self.answer(text, image, k, filters, mode).hits)
