"""Scores that forgetting control compares: retrieval on a validation split, and a general set by zero-shot classes.

A general reference set is a folder with one sub-folder of pictures a class (ImageNet's layout); its accuracy is
zero-shot, by the prompt "a photo of a <class>". Anything else that maps a model to a share can stand in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from journalclip_evaluation.classification import zero_shot_scores
from journalclip_evaluation.embedded import EmbeddedPairs
from journalclip_evaluation.retrieval import SIDES, rank
from journalclip_evaluation.suite_data import Labelled
from journalclip_evaluation.suites import ClassSpec
from journalclip_modeling.encoder import Encoder, Vectors
from journalclip_modeling.folder import ClipFolder
from journalclip_shared.errors import PermanentError
from journalclip_training.samples import Samples

VALIDATION_K = 10
PICTURES = {".jpg", ".jpeg", ".png"}


class ReferenceUnusable(PermanentError):
    """The general reference set has no classes with pictures."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            "reference-unusable",
            f"{folder} holds no sub-folders with pictures",
            "Give a folder with one sub-folder of JPEG or PNG files a class.",
        )


@dataclass(frozen=True)
class FolderReference:
    """Zero-shot accuracy over a folder of class folders. Raises `ReferenceUnusable` when called."""

    folder: Path
    prompt: str = "a photo of a {}"

    def __call__(self, model: ClipFolder) -> float:
        files = [path for path in sorted(self.folder.glob("*/*")) if path.suffix in PICTURES]
        classes = sorted({path.parent.name for path in files})
        if not classes:
            raise ReferenceUnusable(self.folder)
        labelled = Labelled(
            pictures=[partial(_opened, path) for path in files],
            labels=np.array([classes.index(path.parent.name) for path in files], np.int64),
            groups=[str(path) for path in files],
            classes=tuple(ClassSpec(name=name.replace("_", " ")) for name in classes),
        )
        scores = zero_shot_scores(Encoder(model.model, model.tokenizer, model.preprocess), labelled, [self.prompt])
        return float((scores.argmax(1) == labelled.labels).mean())


@dataclass(frozen=True)
class RetrievalScore:
    """Recall@k over a split, mean of both directions; a pair's own counterpart is the only hit."""

    samples: Samples
    k: int = VALIDATION_K

    def __call__(self, model: ClipFolder) -> float:
        return mean_recall(*embedded(model, self.samples), self.k)


def mean_recall(one: Vectors, other: Vectors, k: int) -> float:
    """Recall@k of rows that belong together, mean of both directions; ties count as their expectation.

    A model that gives every item one vector scores chance, whatever the order of the rows.
    """
    names = [str(row) for row in range(len(one))]
    pairs = EmbeddedPairs(one, other, names, names, names, names, [""] * len(one))
    ranked = rank(pairs)
    return float(np.mean([ranked.strict[side].hits(k).mean() for side in SIDES]))


def embedded(model: ClipFolder, samples: Samples) -> tuple[Vectors, Vectors]:
    """Unit vectors of every picture and every text."""
    encoder = Encoder(model.model, model.tokenizer, model.preprocess)
    indices = np.arange(len(samples), dtype=np.int64)
    images = [Image.fromarray(each) for each in samples.pictures.batch(indices).permute(0, 2, 3, 1).numpy()]
    return encoder.embed_images(images), encoder.embed_texts(samples.texts)


def similarities(model: ClipFolder, samples: Samples) -> Vectors:
    """Cosines of every picture (rows) with every text."""
    images, texts = embedded(model, samples)
    product: Vectors = images @ texts.T
    return product


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")
