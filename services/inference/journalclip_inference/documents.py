"""From an article's id to the documents that extraction and structuring wrote about it.

Manifests are named by extractor, structurer and article, and serving does not know those versions beforehand: the names
are listed once, remembered, and listed again when an article is asked for that was not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.names import source_of
from journalclip_shared.records.article import ExtractedArticle, Figure, Panel
from journalclip_shared.records.pair import StructuredArticle

_STRUCTURED = "structured/"
_KEPT = 512  # parsed documents held in memory: about 50 kB each


class Documents:
    """Structured and extracted articles of one store, newest version first."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._names: dict[str, list[str]] = {}
        self._parsed = lru_cache(_KEPT)(self._parse)
        self.extracted = lru_cache(_KEPT)(self._extracted)

    def structured(self, article_id: str) -> list[StructuredArticle]:
        """All versions of one article, in the order of their names; empty where it is unknown."""
        if article_id not in self._names:
            self._names = self._list()
        return [document for name in self._names.get(article_id, []) if (document := self._parsed(name)) is not None]

    def articles(self) -> Iterator[str]:
        """Ids of all structured articles, sorted."""
        self._names = self._list()
        yield from sorted(self._names)

    def of_pair(self, article_id: str, pair_id: str) -> StructuredArticle | None:
        """The document that holds a pair; for a pair that a reviewer mended, the newest of its article."""
        versions = self.structured(article_id)
        holding = (each for each in versions if any(pair.pair_id == pair_id for pair in each.pairs))
        return next(holding, versions[-1] if versions else None)

    def figure(self, document: StructuredArticle, figure_id: str) -> Figure | None:
        found = (figure for figure in self.extracted(document.source).figures if figure.figure_id == figure_id)
        return next(found, None)

    def _list(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name in self._store.list_manifests("figures", _STRUCTURED):
            found[source_of(name)].append(name)
        return dict(found)

    def _parse(self, name: str) -> StructuredArticle | None:
        ref = self._store.find_manifest("figures", name)
        return None if ref is None else StructuredArticle.model_validate_json(self._store.get(ref))

    def _extracted(self, ref: ArtifactRef) -> ExtractedArticle:
        return ExtractedArticle.model_validate_json(self._store.get(ref))


def panel_of(figure: Figure, panel_id: str | None) -> Panel | None:
    return next((panel for panel in figure.panels if panel.panel_id == panel_id), None) if panel_id else None
