"""Scores that forgetting control compares: retrieval on a validation split, and a general set by zero-shot classes.

A general reference set is a folder with one sub-folder of pictures a class (ImageNet's layout), named by the class or
by its WordNet id; its accuracy is zero-shot, by prompts. Anything else that maps a model to a share can stand in its
place.
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from journalclip_evaluation.classification import class_vectors
from journalclip_evaluation.embedded import EmbeddedPairs
from journalclip_evaluation.imagenet import imagenet
from journalclip_evaluation.retrieval import SIDES, rank
from journalclip_evaluation.suite_data import pictures_in
from journalclip_evaluation.suites import ClassSpec
from journalclip_modeling.encoder import Encoder, Vectors
from journalclip_modeling.folder import ClipFolder
from journalclip_modeling.foreign_pictures import PictureUnreadable, read_picture
from journalclip_modeling.preprocess import Pixels, Preprocess
from journalclip_shared.errors import PermanentError
from journalclip_training.batches import Indices
from journalclip_training.samples import Samples

VALIDATION_K = 10
_WORDNET = re.compile(r"n\d{8}")
_log = logging.getLogger(__name__)


class ReferenceUnusable(PermanentError):
    """The general reference set has no classes with pictures."""

    def __init__(self, folder: Path, reason: str = "holds no two sub-folders with pictures") -> None:
        super().__init__(
            "reference-unusable",
            f"{folder} {reason}",
            "Give a folder with one sub-folder of pictures (JPEG, PNG, WebP, BMP, TIFF) a class.",
        )


@dataclass(frozen=True)
class FolderReference:
    """Zero-shot accuracy over a folder of class folders. Raises `ReferenceUnusable` when called.

    A class folder is named by the class, or by its WordNet id; then ImageNet's own words and templates are used. Every
    picture is decoded once for each preprocessing, however many models are scored. Damaged ones are counted, named in
    the log and left out.
    """

    folder: Path
    templates: tuple[str, ...] = ("a photo of a {}",)
    _decoded: dict[Preprocess, Decoded] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, model: ClipFolder) -> float:
        return float(self.right(model).mean())

    def right(self, model: ClipFolder) -> NDArray[np.bool_]:
        """Of each picture that could be read: whether its class is the nearest."""
        found = self._decoded.get(model.preprocess)
        if found is None:
            found = self._decoded[model.preprocess] = self._decode(model.preprocess)
        encoder = Encoder(model.model, model.tokenizer, model.preprocess)
        weights = class_vectors(encoder, found.classes, found.templates)
        scores = encoder.embed_pixels(found.pixels) @ weights.T
        right: NDArray[np.bool_] = scores.argmax(1) == found.labels
        return right

    def _decode(self, preprocess: Preprocess) -> Decoded:
        folders = sorted(path for path in self.folder.iterdir() if path.is_dir()) if self.folder.is_dir() else []
        of = [(folder, pictures_in(folder)) for folder in folders]
        files = [(label, path) for label, (_, paths) in enumerate(each for each in of if each[1]) for path in paths]
        names = [folder.name for folder, paths in of if paths]
        if len(names) < 2:
            raise ReferenceUnusable(self.folder)
        classes, templates = _worded(names, self.templates)
        pixels = np.memmap(
            tempfile.TemporaryFile(),  # noqa: SIM115 - it lives as long as the array
            np.uint8,
            "w+",
            shape=(len(files), preprocess.size, preprocess.size, 3),
        )
        labels: list[int] = []
        damaged: list[str] = []
        for label, path in files:
            try:
                pixels[len(labels)] = preprocess.pixels(read_picture(path))
                labels.append(label)
            except PictureUnreadable:
                damaged.append(path.name)
        if damaged:
            _log.warning("%d damaged pictures of the reference are left out: %s", len(damaged), ", ".join(damaged[:5]))
        if not labels:
            raise ReferenceUnusable(self.folder)
        return Decoded(pixels[: len(labels)], np.array(labels, np.int64), classes, templates)


@dataclass(frozen=True)
class Decoded:
    """Squares uint8 [N, size, size, 3] in a file without a name, their classes, and how those are prompted."""

    pixels: Pixels
    labels: NDArray[np.int64]
    classes: tuple[ClassSpec, ...]
    templates: tuple[str, ...]


def _worded(names: Sequence[str], templates: tuple[str, ...]) -> tuple[tuple[ClassSpec, ...], tuple[str, ...]]:
    """Folder names as classes; WordNet ids by ImageNet's words. Raises `ReferenceUnusable` for an unknown id."""
    if not all(_WORDNET.fullmatch(name) for name in names):
        return tuple(ClassSpec(name=name, words=(name.replace("_", " "),)) for name in names), templates
    known = imagenet()
    unknown = [name for name in names if name not in known.names]
    if unknown:
        raise ReferenceUnusable(Path(unknown[0]), "is a WordNet id that is none of ImageNet's 1,000 classes")
    _log.info("the reference's %d WordNet ids are prompted by %s", len(names), known.source)
    return tuple(ClassSpec(name=name, words=(known.names[name],)) for name in names), known.templates


@dataclass(frozen=True)
class RetrievalScore:
    """Recall@k over a split, or its pairs ``rows``, mean of both directions; only a pair's own counterpart is a hit."""

    samples: Samples
    k: int = VALIDATION_K
    rows: Indices | None = None

    def __call__(self, model: ClipFolder) -> float:
        return mean_recall(*embedded(model, self.samples, self.rows), self.k)


def mean_recall(one: Vectors, other: Vectors, k: int) -> float:
    """Recall@k of rows that belong together, mean of both directions; ties count as their expectation.

    A model that gives every item one vector scores chance, whatever the order of the rows.
    """
    names = [str(row) for row in range(len(one))]
    pairs = EmbeddedPairs(one, other, names, names, names, names, [""] * len(one))
    ranked = rank(pairs)
    return float(np.mean([ranked.strict[side].hits(k).mean() for side in SIDES]))


def embedded(model: ClipFolder, samples: Samples, rows: Indices | None = None) -> tuple[Vectors, Vectors]:
    """Unit vectors of every picture and every text, or of those of the pairs ``rows``."""
    encoder = Encoder(model.model, model.tokenizer, model.preprocess)
    indices = np.arange(len(samples), dtype=np.int64) if rows is None else rows
    images = [Image.fromarray(each) for each in samples.pictures.batch(indices).permute(0, 2, 3, 1).numpy()]
    texts = samples.texts
    return encoder.embed_images(images), encoder.embed_texts([texts[n] for n in indices])


def similarities(model: ClipFolder, samples: Samples) -> Vectors:
    """Cosines of every picture (rows) with every text."""
    images, texts = embedded(model, samples)
    product: Vectors = images @ texts.T
    return product
