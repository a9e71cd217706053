"""A split of a dataset as vectors: what every retrieval figure is computed from.

Row ``i`` of images and texts belong together. ``image_keys`` and ``text_keys`` say what is the same picture or the same
wording: a text that another pair shares, or a picture that stands twice, is as right an answer as the pair's own.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from journalclip_evaluation.counting import Ints, Rows
from journalclip_evaluation.errors import EmbeddingsUnusable, NothingToEvaluate
from journalclip_evaluation.vector_file import VectorFile
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder, Vectors
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.pair import Pair

T = TypeVar("T")

_AT_ONCE = 512  # pairs decoded at a time: a few hundred MiB at most, whatever the size of the split
_IN_MEMORY = 65_536  # pairs whose vectors stay in memory: 128 MiB a tower at 512 dimensions; more go to files

Progress = Callable[[int, int], None]


def quiet(done: int, total: int) -> None:
    """Shows nothing."""
    del done, total


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


def embed_split(
    encoder: Encoder, dataset: FrozenDataset, split: Split, spool: Path | None = None, progress: Progress = quiet
) -> EmbeddedPairs:
    """Both towers over one split, a few hundred pairs at a time.

    Vectors of a large split are kept in files below ``spool``, where it is given. Raises `NothingToEvaluate` for an
    empty split.
    """
    count = dataset.manifest.splits[split].pairs
    if not count:
        raise NothingToEvaluate(f"split {split} of {dataset.manifest.dataset_id} has no pairs")
    folder = spool if count > _IN_MEMORY else None
    names = _Names()
    texts = (encoder.embed_texts(names.add(some)) for some in chunks(dataset.stream(split), _AT_ONCE))
    images = (encoder.embed_images([image for _, image in some]) for some in chunks(dataset.images(split), _AT_ONCE))
    return EmbeddedPairs(
        texts=_kept(texts, folder, "texts.npy", (count, encoder.dim), lambda done: progress(done // 2, count)),
        images=_kept(
            images, folder, "images.npy", (count, encoder.dim), lambda done: progress((count + done) // 2, count)
        ),
        **vars(names),
    )


class _Names:
    """The columns of `EmbeddedPairs` that are not vectors, filled while texts are read."""

    def __init__(self) -> None:
        self.pair_ids: list[str] = []
        self.articles: list[str] = []
        self.image_keys: list[str] = []
        self.text_keys: list[str] = []
        self.modalities: list[str] = []

    def add(self, pairs: Sequence[Pair]) -> list[str]:
        """The pairs' texts."""
        for pair in pairs:
            self.pair_ids.append(pair.pair_id)
            self.articles.append(pair.article_id)
            self.image_keys.append(pair.image.sha256)
            self.text_keys.append(text_key(pair.text))
            self.modalities.append(pair.modality)
        return [pair.text for pair in pairs]


def _kept(
    parts: Iterable[Vectors], folder: Path | None, name: str, shape: tuple[int, int], done: Callable[[int], None]
) -> Rows:
    def counted() -> Iterator[Vectors]:
        rows = 0
        for part in parts:
            yield part
            rows += len(part)
            done(rows)

    if folder is None:
        return np.concatenate(list(counted()))
    return VectorFile.write(folder / name, counted(), shape)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of ``size``; the last may be shorter."""
    waiting = iter(items)
    while some := list(islice(waiting, size)):
        yield some


def text_key(text: str) -> str:
    """Short and equal for equal wordings: a million captions are not kept to be compared."""
    return hashlib.blake2b(wording(text).encode(), digest_size=8).hexdigest()


def wording(text: str) -> str:
    """A text without case, punctuation, accents' encoding and spacing: equal wordings are the same caption."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


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
