"""The champion, ready to answer: encoder and index of one model as one immutable value.

Whoever answers takes the snapshot once and uses nothing else, so that an encoder and an index of different models can
not meet. A new champion is fetched, verified, loaded and warmed beside the old one, and takes its place by one
assignment (see `journalclip_inference.reload`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from journalclip_inference.errors import IndexAbsent, IndexMismatch, NoChampion, QueryInvalid
from journalclip_inference.hits import Answer, Served
from journalclip_inference.index.collection import Collection
from journalclip_inference.index.coverage import Change
from journalclip_inference.index.facets import Filters
from journalclip_inference.index.manifest import IndexManifest, index_name
from journalclip_inference.index.vectors import Vectors
from journalclip_inference.reader import Reader, served_by
from journalclip_inference.search.asking import Asked
from journalclip_inference.search.query import cleaned
from journalclip_inference.search.ranker import Mode
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.family import context_length
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.foreign_pictures import full_range
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import ModelRegistry, ModelVersion

_TINY = 1e-6  # below this the sum of a text and an image vector has no direction left


@dataclass(frozen=True)
class Query:
    """Words, a picture, or both; ``image`` is RGB and of bounded size. ``done``: what became of its values."""

    text: str | None = None
    image: Image.Image | None = None
    done: str | None = None

    def __post_init__(self) -> None:
        if not (self.text and self.text.strip()) and self.image is None:
            raise QueryInvalid("the query is empty")


@dataclass(frozen=True)
class Snapshot:
    """One champion with its collection."""

    encoder: Encoder
    reader: Reader
    manifest: ModelManifest

    @property
    def served(self) -> Served:
        return self.reader.served

    @property
    def collection(self) -> Collection:
        return self.reader.collection

    def embed(self, queries: Sequence[Query]) -> Vectors:
        """float32 [N, D], unit length; a query of text and image is the direction between both."""
        return embed_queries(self.encoder, queries)

    def search(self, query: Query, k: int, filters: Filters, mode: Mode = "best", by_caption: bool = False) -> Answer:
        asked = Asked(query.text, self.embed([query])[0], k, filters, mode, by_caption, query.image is not None)
        return self.reader.search(asked)


def embed_queries(encoder: Encoder, queries: Sequence[Query]) -> Vectors:
    """float32 [N, D], unit length: one pass of each tower for the whole batch."""
    total = np.zeros((len(queries), encoder.dim), np.float32)
    texts = [n for n, query in enumerate(queries) if query.text and query.text.strip()]
    images = [(n, query.image) for n, query in enumerate(queries) if query.image is not None]
    if texts:
        total[texts] += encoder.embed_texts([cleaned(queries[n].text or "") for n in texts])
    if images:
        total[[n for n, _ in images]] += encoder.embed_images([full_range(image) for _, image in images])
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    unit: Vectors = np.divide(total, lengths, out=total, where=lengths > _TINY)
    return unit


def beyond_context(encoder: Encoder, texts: Sequence[str]) -> list[bool]:
    """For each text whether the model reads only its beginning."""
    return longer_than(context_length(encoder.model), encoder.tokenizer, texts)


def longer_than(length: int, tokenizer: Any, texts: Sequence[str]) -> list[bool]:
    """For each text whether it has more tokens than ``length``."""
    short = [len(text) < length - 1 for text in texts]  # a token is at least a character, and two frame them
    if all(short):
        return [False] * len(texts)
    found = tokenizer(list(texts), truncation=False)["input_ids"]
    return [len(tokens) > length for tokens in found]


@dataclass(frozen=True)
class Champion:
    """A version with its documents: all that must be known before anything of it is loaded."""

    served: Served
    model: ModelManifest
    index: IndexManifest


def read_champion(store: ArtifactStore, version: ModelVersion) -> Champion:
    """Raises `IndexAbsent`, `ArtifactMissing`, `ArtifactCorrupt`."""
    model = ModelManifest.model_validate_json(store.get(version.manifest))
    ref = store.find_manifest("models", index_name(model.model_id, model.dataset_id))
    if ref is None:
        raise IndexAbsent(model.model_id, model.dataset_id)
    index = IndexManifest.model_validate_json(store.get(ref))
    return Champion(served_by(index, version.version), model, index)


def champion_of(registry: ModelRegistry) -> ModelVersion:
    """Raises `NoChampion`, `TransientError`."""
    champion = registry.by_alias("champion")
    if champion is None:
        raise NoChampion
    return champion


def load_snapshot(
    store: ArtifactStore,
    cache: Path,
    champion: ModelVersion,
    load: Callable[[Path], Encoder] = Encoder.load,
    former: Collection | None = None,
) -> Snapshot:
    """Fetched, verified against the manifest, and opened.

    Raises `IndexAbsent`, `IndexMismatch`, `ModelTampered`, `ModelUnloadable`, `ArtifactMissing`, `ArtifactCorrupt`, and
    `CoverageBehind` where it lacks a source that the ``former`` collection has.
    """
    manifest = ModelManifest.model_validate_json(store.get(champion.manifest))
    collection = Collection.open(store, cache / "indexes", manifest.model_id, manifest.dataset_id)
    if former is not None:
        change = Change("articles", manifest.model_id, manifest.dataset_id, former.sources, collection.sources)
        change.check(store)
    encoder = load(fetch_folder(store, manifest.files, cache / "models"))
    if encoder.dim != collection.manifest.dim:
        raise IndexMismatch(f"the model has {encoder.dim} dimensions, its index {collection.manifest.dim}")
    return Snapshot(encoder, Reader.of(collection, champion.version), manifest)


def warm(snapshot: Snapshot) -> None:
    """One query through both towers and the index: first calls allocate, and no reader should wait for that."""
    snapshot.search(Query("warm", Image.new("RGB", (64, 64))), 1, Filters())
