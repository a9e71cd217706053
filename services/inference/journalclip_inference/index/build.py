"""Builds an index: embeds every pair once, collects the fields of hits, writes the parts, then the manifest.

The same dataset and the same model give the same index id. If the manifest exists, a caller need not embed again.
Memory does not grow with the pictures, because they are read, embedded and dropped in batches.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from journalclip_inference.analysis import ANALYSIS
from journalclip_inference.documents import Documents
from journalclip_inference.errors import IndexMismatch
from journalclip_inference.index.ann import build_ann
from journalclip_inference.index.collection import fetched
from journalclip_inference.index.manifest import (
    EDITION,
    FORMAT,
    AnnPart,
    IndexManifest,
    editions_of,
    index_id,
    index_name,
    segment_name,
)
from journalclip_inference.index.projection import project
from journalclip_inference.index.row_words import words_of_rows
from journalclip_inference.index.rows import Row, RowTable
from journalclip_inference.index.vectors import EXACT_UP_TO, Rows, Vectors
from journalclip_inference.index.words import write_words
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.foreign_pictures import full_range
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.pair import Pair, StructuredArticle

_log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
Sample = tuple[Pair, Split | None, Image.Image]

_BATCH = 256  # pictures in memory at once: some 40 MB at the size in the shards
_NEGATIVES = 512  # captions that each pair's loss is computed against, as in a training batch
_CHUNK = 16_384  # pairs whose losses are computed at once: 16,384 x 512 floats are 33 MB
_NPY, _PARQUET, _BINARY = "application/x-npy", "application/vnd.apache.parquet", "application/octet-stream"
_TAR = "application/x-tar"


def quiet(_done: int, _total: int) -> None:
    """A progress callback that does nothing."""


@dataclass(frozen=True)
class Builder:
    """Builds indexes of one model."""

    store: ArtifactStore
    encoder: Encoder
    model_id: str
    exact_up_to: int = EXACT_UP_TO

    def dataset(self, dataset: FrozenDataset, progress: Progress = quiet) -> ArtifactRef:
        """Build the index of all splits of a frozen dataset. Raises `IndexMismatch` if records and shards differ."""
        dataset_id = dataset.manifest.dataset_id
        total = sum(part.pairs for part in dataset.manifest.splits.values())
        vectors = self._embed(_samples(dataset), total, progress)
        part = self._write(vectors, index_id(self.model_id, dataset_id), dataset_id)
        return self.store.put_manifest("models", index_name(self.model_id, dataset_id), part.canonical())

    def article(self, article: StructuredArticle, pairs: Sequence[Pair], dataset_id: str) -> ArtifactRef:
        """Build a segment with ``pairs`` of an article that is not in the dataset.

        A pair whose picture is missing or damaged is left out. Raises the first picture's `PermanentError` if no pair
        is left.
        """
        samples, lost = list[Sample](), list[PermanentError]()
        for pair in pairs:
            try:
                samples.append((pair, None, _open(self.store.get(pair.image))))
            except PermanentError as error:
                lost.append(error)
        if lost and not samples:
            raise lost[0]
        if lost:
            _log.warning("%d pairs of %s are left out: %s", len(lost), article.article_id, lost[0])
        vectors = self._embed(samples, len(samples), quiet)
        part = self._write(vectors, index_id(self.model_id, dataset_id, article.source.sha256), dataset_id)
        name = segment_name(self.model_id, dataset_id, article.article_id)
        return self.store.put_manifest("models", name, part.canonical())

    def _embed(self, samples: Iterable[Sample], total: int, progress: Progress) -> _Embedded:
        documents, rows, images, texts = Documents(self.store), list[Row](), list[Vectors](), list[Vectors]()
        for batch in _batches(samples, _BATCH):
            images.append(self.encoder.embed_images([full_range(image) for _, _, image in batch]))
            texts.append(self.encoder.embed_texts([pair.text for pair, _, _ in batch]))
            rows.extend(row_of(documents, pair, split) for pair, split, _ in batch)
            progress(len(rows), total)
        empty = np.zeros((0, self.encoder.dim), np.float32)
        return _Embedded(rows, np.concatenate([empty, *images]), np.concatenate([empty, *texts]))

    def _write(self, found: _Embedded, name: str, dataset_id: str) -> IndexManifest:
        losses = pair_losses(found.images, found.texts, self.encoder.logit_scale)
        rows = [row.model_copy(update={"loss": float(loss)}) for row, loss in zip(found.rows, losses, strict=True)]
        large = len(rows) > self.exact_up_to
        with tempfile.TemporaryDirectory() as folder:
            return IndexManifest(
                index_id=name,
                model_id=self.model_id,
                dataset_id=dataset_id,
                dim=self.encoder.dim,
                pairs=len(rows),
                images=put_array(self.store, found.images),
                texts=put_array(self.store, found.texts),
                table=put_table(self.store, rows, Path(folder)),
                words=put_words(self.store, rows, Path(folder)),
                analysis=ANALYSIS,
                map=put_array(self.store, project(found.images)),
                ann=put_ann(self.store, found.images, found.texts, Path(folder)) if large else None,
            )


def put_array(store: ArtifactStore, array: Vectors) -> ArtifactRef:
    """Store an array as an NPY file."""
    buffer = BytesIO()
    np.save(buffer, array)
    return store.put("models", buffer.getvalue(), _NPY)


def put_ann(store: ArtifactStore, images: Vectors, texts: Vectors, folder: Path) -> AnnPart:
    """Build and store the approximate index of image vectors, tested with text vectors; ``folder`` is scratch."""
    built = build_ann(images, folder / "ann.faiss", texts)
    ref = store.put_file("models", built.path, _BINARY)
    return AnnPart(index=ref, probes=built.probes, recall_at_10=built.recall_at_10)


def put_words(store: ArtifactStore, rows: Iterable[Row], folder: Path) -> ArtifactRef:
    """Store the words of rows as one artifact; ``folder`` is scratch."""
    path = folder / "words.tar"
    write_words(words_of_rows(rows), path)
    return store.put_file("models", path, _TAR)


def put_table(store: ArtifactStore, rows: Sequence[Row], folder: Path) -> ArtifactRef:
    """Store the fields that hits show as one artifact; ``folder`` is scratch."""
    path = folder / "table.parquet"
    RowTable.of(rows).write(path)
    return store.put_file("models", path, _PARQUET)


def former_edition(store: ArtifactStore, model_id: str, dataset_id: str) -> str | None:
    """The newest other edition with the same vectors and rows but different words; None if there is none."""
    names = store.list_manifests("models", editions_of(model_id, dataset_id))
    editions = [name.rpartition("/")[2] for name in names]
    return next((each for each in reversed(editions) if each.startswith(f"{FORMAT}-") and each != EDITION), None)


def reword_segments(store: ArtifactStore, cache: Path, model_id: str, dataset_id: str, former: str) -> None:
    """Rewrite the words of an index's segments with the present analysis, without embedding again."""
    before = list(store.list_manifests("models", segment_name(model_id, dataset_id, "", former)))
    for name in before:
        _reword(store, cache, name, segment_name(model_id, dataset_id, name.rpartition("/")[2]))


def reword(store: ArtifactStore, cache: Path, model_id: str, dataset_id: str, former: str) -> ArtifactRef:
    """As `reword_segments`, for the index itself. Call it last, so that a server of the index finds its segments."""
    return _reword(store, cache, index_name(model_id, dataset_id, former), index_name(model_id, dataset_id))


def _reword(store: ArtifactStore, cache: Path, before: str, name: str) -> ArtifactRef:
    if (done := store.find_manifest("models", name)) is not None:
        return done
    ref = store.find_manifest("models", before)
    if ref is None:
        raise IndexMismatch(f"{before} is gone")
    manifest = IndexManifest.model_validate_json(store.get(ref))
    before_rows, documents = RowTable.read(fetched(store, cache, manifest.table)), Documents(store)
    known = (before_rows[n] for n in range(len(before_rows)))
    rows = [row_of(documents, row.pair, row.split).model_copy(update={"loss": row.loss}) for row in known]
    with tempfile.TemporaryDirectory() as folder:
        words = put_words(store, rows, Path(folder))
        table = put_table(store, rows, Path(folder))
    own = index_id(manifest.model_id, manifest.dataset_id, manifest.index_id)
    made = manifest.model_copy(update={"index_id": own, "words": words, "table": table, "analysis": ANALYSIS})
    return store.put_manifest("models", name, made.canonical())


@dataclass(frozen=True)
class _Embedded:
    rows: list[Row]
    images: Vectors
    texts: Vectors


def row_of(documents: Documents, pair: Pair, split: Split | None) -> Row:
    """The row of a pair, with its article's bibliography and its figure if the store has them."""
    article = documents.of_pair(pair.article_id, pair.pair_id)
    if article is None:
        return Row(pair=pair, split=split)
    figure = documents.figure(article, pair.figure_id)
    facts = article.facts
    return Row(
        pair=pair,
        split=split,
        name=article.name,
        title=facts.title.value,
        authors=facts.authors,
        journal=facts.journal.value,
        year=facts.year.value,
        doi=facts.doi.value,
        article_type=documents.extracted(article.source).article_type,
        figure_image=figure.image if figure else None,
        figure_box=figure.box if figure else None,
    )


def pair_losses(images: Vectors, texts: Vectors, scale: float) -> Vectors:
    """float32 [N]: each pair's CLIP loss in nats, the mean of both directions, against a fixed sample."""
    if not len(images):
        return np.zeros(0, np.float32)
    sample = np.random.default_rng(0).permutation(len(images))[:_NEGATIVES]
    losses = np.zeros(len(images), np.float32)
    for start in range(0, len(images), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(images)))
        for one, other in ((images, texts), (texts, images)):
            logits = scale * (one[rows] @ other[sample].T)
            losses[rows] += _loss(logits, scale * _dots(one[rows], other[rows]), rows, sample)
    halved: Vectors = losses / np.float32(2)
    return halved


def _dots(a: Vectors, b: Vectors) -> Vectors:
    products: Vectors = np.einsum("nd,nd->n", a, b)
    return products


def _loss(logits: Vectors, own: Vectors, rows: Rows, sample: Rows) -> Vectors:
    others = np.where(rows[:, None] == sample[None], -np.inf, logits)  # a pair is not its own negative
    top = np.maximum(others.max(axis=1), own)
    loss: Vectors = top + np.log(np.exp(others - top[:, None]).sum(axis=1) + np.exp(own - top)) - own
    return loss


def _samples(dataset: FrozenDataset) -> Iterator[Sample]:
    for split in sorted(dataset.manifest.splits):
        names = dataset.images(split)
        for pair in dataset.stream(split):
            name, image = next(names, ("nothing", None))
            if name != pair.pair_id or image is None:
                raise IndexMismatch(f"split {split}: records say {pair.pair_id}, shards say {name}")
            yield pair, split, image


def _batches(samples: Iterable[Sample], size: int) -> Iterator[Sequence[Sample]]:
    iterator = iter(samples)
    while batch := list(islice(iterator, size)):
        yield batch


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(data)).convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises these for bytes that are not a picture
        raise PermanentError("picture-unreadable", f"a stored picture does not open: {error}", "") from error
