"""Where a thing came from: any id walked back to page, box and PDF digest, and forward to dataset, run and alias.

Only manifests are read, so an explanation needs no database and holds wherever the artifacts are. Every step names the
versions that made it; a step that is missing says so instead of being left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel

from journalclip_shared.artifacts import ArtifactStore, Bucket
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.records.article import ExtractedArticle, Figure, Panel
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import Pair, StructuredArticle

Model = TypeVar("Model", bound=BaseModel)
Steps = dict[str, Json]


class UnknownId(PermanentError):
    """No manifest knows this id."""

    def __init__(self, wanted: str) -> None:
        super().__init__(
            "unknown-id",
            f"nothing here is called {wanted}",
            "Ids look like pair_..., fig_..., pan_..., art_..., ds_... or mdl_...; `journalclip search` prints them.",
        )


class Lineage:
    """Explains ids from the manifests of one store."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def explain(self, wanted: str) -> Steps:
        """The walk as nested JSON. Raises `UnknownId`."""
        walk = {
            "pair": self._pair,
            "fig": self._figure,
            "pan": self._figure,
            "art": self._article,
            "ds": self._dataset,
            "mdl": self._model,
        }.get(wanted.partition("_")[0])
        if walk is None:
            raise UnknownId(wanted)
        return {"id": wanted, **walk(wanted)}

    def _pair(self, wanted: str) -> Steps:
        for document, pair in self._pairs():
            if pair.pair_id == wanted:
                steps: Steps = {
                    "pair": pair.model_dump(mode="json"),
                    "structurer": document.structurer,
                    "figure": self._figure(pair.panel_id or pair.figure_id),
                }
                return {**steps, "datasets": self._datasets_of(wanted)}
        raise UnknownId(wanted)

    def _figure(self, wanted: str) -> Steps:
        for article in self._extracted():
            for figure in article.figures:
                panel = next((panel for panel in figure.panels if panel.panel_id == wanted), None)
                if figure.figure_id == wanted or panel is not None:
                    return self._figure_steps(article, figure, panel)
        raise UnknownId(wanted)

    def _figure_steps(self, article: ExtractedArticle, figure: Figure, panel: Panel | None) -> Steps:
        steps: Steps = {
            "figure_id": figure.figure_id,
            "label": figure.label,
            "page": panel.page if panel else figure.page,
            "box": _dump(panel.box if panel else figure.box),
            "image": _dump(panel.image if panel else figure.image),
            "caption": figure.caption,
            "caption_page": figure.caption_page,
            "quality": _dump(figure.quality),
            "extractor": article.extractor,
            "article": self._article(article.article_id),
        }
        return steps if panel is None else {"panel_id": panel.panel_id, "letter": panel.letter, **steps}

    def _article(self, wanted: str) -> Steps:
        """An article, or the delivery of that id with its first article."""
        article = next((each for each in self._extracted() if wanted in (each.article_id, each.delivery_id)), None)
        source = article.delivery_id or wanted if article else wanted
        found = self._store.find_manifest("articles", f"submitted/{source}")
        if found is None:
            raise UnknownId(wanted)
        steps: Steps = {"article_id": wanted, "submitted": found.model_dump(mode="json")}
        if article is None:
            return {**steps, "extracted": None}
        return {
            **steps,
            "name": article.name,
            "pdf": _dump(article.pdf),
            "pages": article.pages,
            "first_page": article.first_page,
            "delivery_id": article.delivery_id,
            "sources": list(article.sources),
            "facts": _dump(article.facts),
            "figures": len(article.figures),
        }

    def _dataset(self, wanted: str) -> Steps:
        manifest = self._one("datasets", f"frozen/{wanted}", DatasetManifest)
        models = [m.model_id for m in self._all("models", "trained/", ModelManifest) if m.dataset_id == wanted]
        return {"dataset": _dump(manifest), "models": models}

    def _model(self, wanted: str) -> Steps:
        manifest = self._one("models", f"trained/{wanted}", ModelManifest)
        return {"model": _dump(manifest), "dataset": self._dataset(manifest.dataset_id)["dataset"]}

    def _datasets_of(self, pair_id: str) -> list[Json]:
        models = list(self._all("models", "trained/", ModelManifest))
        rows: list[Json] = []
        for manifest in self._all("datasets", "frozen/", DatasetManifest):
            membership = self._store.find_manifest("datasets", f"members/{manifest.dataset_id}")
            split = None if membership is None else _split_of(self._store.get(membership), pair_id)
            if split is None:
                continue
            trained: list[Json] = [
                {"model_id": model.model_id, "run_id": model.run_id, "recipe": model.recipe}
                for model in models
                if model.dataset_id == manifest.dataset_id
            ]
            rows.append({"dataset_id": manifest.dataset_id, "split": split, "models": trained})
        return rows

    def _pairs(self) -> Iterator[tuple[StructuredArticle, Pair]]:
        for document in self._all("figures", "structured/", StructuredArticle):
            yield from ((document, pair) for pair in document.pairs)

    def _extracted(self) -> Iterator[ExtractedArticle]:
        yield from self._all("figures", "extracted/", ExtractedArticle)

    def _all(self, bucket: Bucket, prefix: str, model: type[Model]) -> Iterator[Model]:
        for name in self._store.list_manifests(bucket, prefix):
            found = self._store.find_manifest(bucket, name)
            if found is not None:
                yield model.model_validate_json(self._store.get(found))

    def _one(self, bucket: Bucket, name: str, model: type[Model]) -> Model:
        found = self._store.find_manifest(bucket, name)
        if found is None:
            raise UnknownId(name.rpartition("/")[2])
        return model.model_validate_json(self._store.get(found))


def _dump(value: BaseModel | None) -> Json:
    dumped: Json = None if value is None else value.model_dump(mode="json")
    return dumped


def _split_of(members: bytes, pair_id: str) -> str | None:
    splits: dict[str, list[str]] = json.loads(members)
    return next((split for split, ids in splits.items() if pair_id in ids), None)
