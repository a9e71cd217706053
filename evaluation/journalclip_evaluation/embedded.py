"""A split of a dataset as vectors: what every retrieval figure is computed from.

Row ``i`` of images and texts belong together. ``image_keys`` and ``text_keys`` say what is the same picture or the same
wording: a text that another pair shares, or a picture that stands twice, is as right an answer as the pair's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from journalclip_evaluation.counting import Ints, Rows
from journalclip_evaluation.errors import EmbeddingsUnusable, NothingToEvaluate
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder, Vectors
from journalclip_shared.records.dataset import Split

_AT_ONCE = 512  # pictures decoded at a time: a few hundred MiB at most, whatever the size of the split


@dataclass(frozen=True)
class EmbeddedPairs:
    """N pairs; vectors float32 [N, D], unit length."""

    images: Rows
    texts: Rows
    pair_ids: Sequence[str]
    articles: Sequence[str]
    image_keys: Sequence[str]
    text_keys: Sequence[str]
    modalities: Sequence[str]

    def __post_init__(self) -> None:
        names = (self.pair_ids, self.articles, self.image_keys, self.text_keys, self.modalities)
        if self.images.shape != self.texts.shape or any(len(each) != self.images.shape[0] for each in names):
            raise EmbeddingsUnusable(f"images {self.images.shape} and texts {self.texts.shape} do not belong together")
        if not len(self):
            raise NothingToEvaluate("the split has no pairs")

    def __len__(self) -> int:
        return self.images.shape[0]

    def several(self, rows: Ints) -> dict[int, Ints]:
        """For each of ``rows`` that is not alone in its picture or wording: all right answers, itself included."""
        by_image, by_text = _Same(self.image_keys), _Same(self.text_keys)
        shared = rows[(by_image.sizes(rows) > 1) | (by_text.sizes(rows) > 1)]
        return {int(row): np.union1d(by_image.members(row), by_text.members(row)) for row in shared}


def embed_split(encoder: Encoder, dataset: FrozenDataset, split: Split) -> EmbeddedPairs:
    """Both towers over one split. Raises `NothingToEvaluate` for an empty one."""
    pairs = dataset.pairs(split)
    if not pairs:
        raise NothingToEvaluate(f"split {split} of {dataset.manifest.dataset_id} has no pairs")
    return EmbeddedPairs(
        images=np.concatenate(list(_image_vectors(encoder, dataset, split))),
        texts=encoder.embed_texts([pair.text for pair in pairs]),
        pair_ids=[pair.pair_id for pair in pairs],
        articles=[pair.article_id for pair in pairs],
        image_keys=[pair.image.sha256 for pair in pairs],
        text_keys=[wording(pair.text) for pair in pairs],
        modalities=[pair.modality for pair in pairs],
    )


def wording(text: str) -> str:
    """A text without case, punctuation, accents' encoding and spacing: equal wordings are the same caption."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def _image_vectors(encoder: Encoder, dataset: FrozenDataset, split: Split) -> Iterator[Vectors]:
    images: Iterator[Image.Image] = (image for _, image in dataset.images(split))
    while some := list(islice(images, _AT_ONCE)):
        yield encoder.embed_images(some)


class _Same:
    """Rows by key, in a few flat arrays: a million keys take tens of megabytes."""

    def __init__(self, keys: Sequence[str]) -> None:
        seen: dict[str, int] = {}
        self._code = np.fromiter((seen.setdefault(key, len(seen)) for key in keys), np.int64, len(keys))
        self._order = np.argsort(self._code, kind="stable")
        self._start = np.concatenate([[0], np.cumsum(np.bincount(self._code))])

    def sizes(self, rows: Ints) -> Ints:
        return np.diff(self._start)[self._code[rows]]

    def members(self, row: int) -> Ints:
        code = self._code[row]
        return self._order[self._start[code] : self._start[code + 1]]
