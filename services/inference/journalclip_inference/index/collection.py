"""One model's collection as it is searched: the frozen index and the segments added since, as one list of rows.

Immutable once opened. Row numbers run through the base and then the segments; a pair that stands in both counts once,
as the base has it. Everything is fetched by digest and mapped into memory, and a part that another model made is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from journalclip_inference.analysis import ANALYSIS
from journalclip_inference.errors import IndexAbsent, IndexMismatch
from journalclip_inference.index.facets import Choices, Facets, Filters, add_counts
from journalclip_inference.index.manifest import IndexManifest, index_name, segment_name
from journalclip_inference.index.rows import Row, RowTable
from journalclip_inference.index.vectors import Exact, Ivf, Mask, Rows, Searcher, Vectors
from journalclip_inference.index.words import Words, unpacked
from journalclip_inference.search.legs import Found
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.artifacts.local import digest_of
from journalclip_shared.errors import PermanentError


@dataclass(frozen=True)
class Part:
    """One index or segment, open: vectors, words and rows in one order."""

    manifest: IndexManifest
    table: RowTable
    words: Words
    facets: Facets
    images: Vectors
    texts: Vectors
    map: Vectors
    by_image: Searcher
    by_text: Searcher
    shown: Mask | None  # False for rows that an earlier part already has, and for those that are withheld

    @cached_property
    def hidden(self) -> int:
        """Rows that a search must not find."""
        return 0 if self.shown is None else int((~self.shown).sum())

    def search(self, query: Vectors, k: int, filters: Choices, by_caption: bool) -> tuple[Vectors, Rows]:
        """The ``k`` best rows. A few hidden ones are asked for as well and dropped: a mask of all rows costs more."""
        searcher = self.by_text if by_caption else self.by_image
        if self.shown is None or not filters.empty or self.hidden > _DROPPED:
            return searcher.search(query, k, self.allowed(filters))
        scores, rows = searcher.search(query, k + self.hidden)
        kept = self.shown[rows]
        return scores[kept][:k], rows[kept][:k]

    def vectors(self, by_caption: bool) -> Vectors:
        return self.texts if by_caption else self.images

    def allowed(self, filters: Choices) -> Mask | None:
        mask = self.facets.mask(filters)
        if mask is None or self.shown is None:
            return self.shown if mask is None else mask
        return mask & self.shown


class Collection:
    """The parts of one model and dataset, searched as one."""

    def __init__(self, parts: Sequence[Part], withheld: Mapping[int, PermanentError] | None = None) -> None:
        self.parts = tuple(parts)
        self._withheld = withheld or {}
        self.manifest = parts[0].manifest
        sizes = [len(part.table) for part in parts]
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self._size = sum(sizes)

    @classmethod
    def open(
        cls, store: ArtifactStore, cache: Path, model_id: str, dataset_id: str, former: Collection | None = None
    ) -> Collection:
        """Parts that a ``former`` collection of the same index has open are taken from it: they never change.

        Raises `IndexAbsent` where it is not built, `IndexMismatch` where parts do not belong together.
        """
        base = store.find_manifest("models", index_name(model_id, dataset_id))
        if base is None:
            raise IndexAbsent(model_id, dataset_id)
        known = {part.manifest.index_id: part for part in former.parts} if former is not None else {}
        refs = [base, *(store.find_manifest("models", name) for name in segments_of(store, model_id, dataset_id))]
        parts, added = list[Part](), set[str]()
        for ref in refs:
            if ref is not None:
                manifest = IndexManifest.model_validate_json(store.get(ref))
                part = known.get(manifest.index_id)
                part = (
                    part if part is not None and part.manifest == manifest else _open(store, cache, manifest, model_id)
                )
                parts.append(replace(part, shown=_new(part.table, parts[:1], added)))
        return cls(parts)

    def __len__(self) -> int:
        return self._size

    def hiding(self, withheld: Mapping[int, PermanentError]) -> Collection:
        """The same parts without the rows at these positions; whoever asks for one of them is told the error."""
        if not withheld:
            return self
        parts = []
        for start, part in self.placed:
            hidden = [position - start for position in withheld if start <= position < start + len(part.table)]
            shown = np.ones(len(part.table), bool) if part.shown is None else part.shown.copy()
            shown[hidden] = False
            parts.append(replace(part, shown=shown) if hidden else part)
        return Collection(parts, withheld)

    def shows(self, position: int) -> bool:
        """Whether the row at ``position`` is not withheld."""
        return position not in self._withheld

    def refuse(self, position: int) -> None:
        """Raises the reason why a row is withheld, where it is."""
        if (error := self._withheld.get(position)) is not None:
            raise PermanentError(error.code, error.reason, error.remedy)  # its own, with a trace of its own

    @property
    def pairs(self) -> int:
        """Pairs a search can find."""
        return sum(len(part.table) if part.shown is None else int(part.shown.sum()) for part in self.parts)

    @cached_property
    def sources(self) -> frozenset[str]:
        """The articles that a search can find."""
        return frozenset(article for part in self.parts for article in part.table.column("article_id") if article)

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(part.manifest.index_id for part in self.parts[1:])

    @property
    def placed(self) -> list[tuple[int, Part]]:
        """Each part with the position of its first row."""
        return [(int(start), part) for start, part in zip(self._starts, self.parts, strict=True)]

    def split(self, positions: Sequence[int]) -> list[tuple[int, Part, list[int]]]:
        """Parts that hold some of the positions: the first row's position, the part, its own row numbers."""
        if len(self.parts) == 1:
            return [(0, self.parts[0], list(positions))] if positions else []
        found: dict[int, list[int]] = {}
        places = np.searchsorted(self._starts, np.array(positions, np.int64), side="right") - 1
        for position, place in zip(positions, places.tolist(), strict=True):
            found.setdefault(place, []).append(position)
        return [
            (int(self._starts[n]), self.parts[n], [each - int(self._starts[n]) for each in here])
            for n, here in sorted(found.items())
        ]

    def search(self, query: Vectors, k: int, filters: Choices, by_caption: bool = False) -> list[Found]:
        """The ``k`` best pairs for a unit vector [D], by their image (or caption) vector."""
        found: list[Found] = []
        for start, part in zip(self._starts, self.parts, strict=True):
            scores, rows = part.search(query, k, filters, by_caption)
            found.extend(Found(float(s), int(start + row)) for s, row in zip(scores, rows, strict=True))
        return sorted(found, key=lambda hit: (-hit.score, hit.position))[:k]

    def counts(self, filters: Choices) -> dict[str, dict[str, int]]:
        return self._all_counts if filters.empty else self._counts(filters)

    @cached_property
    def _all_counts(self) -> dict[str, dict[str, int]]:
        return self._counts(Filters())

    def _counts(self, filters: Choices) -> dict[str, dict[str, int]]:
        return add_counts([part.facets.counts(filters, part.shown) for part in self.parts])

    def row(self, position: int) -> Row:
        part, local = self._locate(position)
        return part.table[local]

    def image_vector(self, position: int) -> Vectors:
        part, local = self._locate(position)
        vector: Vectors = np.array(part.images[local])
        return vector

    def agreement(self, position: int) -> float:
        """Cosine of a pair's own picture and caption."""
        part, local = self._locate(position)
        return float(part.images[local] @ part.texts[local])

    def column(self, name: str) -> list[str]:
        """A text column by position; an absent value is empty."""
        return [value or "" for part in self.parts for value in part.table.column(name)]

    def position(self, pair_id: str) -> int | None:
        """Where a pair stands, or None."""
        for start, part in zip(self._starts, self.parts, strict=True):
            if pair_id in part.table.by_pair:
                return int(start) + part.table.by_pair[pair_id]
        return None

    def of_figure(self, figure_id: str) -> list[int]:
        """Positions of a figure's pairs, in order of the table."""
        return [
            int(start) + local
            for start, part in zip(self._starts, self.parts, strict=True)
            for local in part.table.by_figure.get(figure_id, [])
        ]

    def shown(self) -> Rows:
        """Positions of all rows a search can find, ascending."""
        kept = [np.ones(len(part.table), bool) if part.shown is None else part.shown for part in self.parts]
        return np.flatnonzero(np.concatenate(kept)).astype(np.int64)

    def allowed(self, filters: Choices) -> Mask:
        """True by position for rows that pass; rows that must not be shown do not."""
        masks = [(part.allowed(filters), len(part.table)) for part in self.parts]
        return np.concatenate([np.ones(rows, bool) if mask is None else mask for mask, rows in masks])

    def quality(self) -> NDArray[np.float32]:
        """float32 by position; not-a-number where nothing judged a pair."""
        return np.concatenate([part.table.quality for part in self.parts])

    def losses(self) -> NDArray[np.float32]:
        """float32 by position."""
        return np.concatenate([part.table.loss for part in self.parts])

    def points(self) -> Vectors:
        """float32 [positions, 2]: the map. Later segments are laid beside their nearest pair of the base."""
        base = self.parts[0]
        placed = [np.asarray(base.map), *(_beside(part.images, base) for part in self.parts[1:])]
        return np.concatenate(placed)

    def _locate(self, position: int) -> tuple[Part, int]:
        index = int(np.searchsorted(self._starts, position, side="right")) - 1
        return self.parts[index], position - int(self._starts[index])


def segments_of(store: ArtifactStore, model_id: str, dataset_id: str) -> list[str]:
    """Names of the manifests of all segments that were added to an index."""
    return list(store.list_manifests("models", segment_name(model_id, dataset_id, "")))


def _beside(images: Vectors, base: Part) -> Vectors:
    if not len(base.images):
        return np.full((len(images), 2), 0.5, np.float32)
    nearest = np.argmax(images @ base.images.T, axis=1)
    placed: Vectors = np.asarray(base.map)[nearest]
    return placed


def _open(store: ArtifactStore, cache: Path, manifest: IndexManifest, model_id: str) -> Part:
    if manifest.model_id != model_id:
        raise IndexMismatch(f"{manifest.index_id} was made by {manifest.model_id}, not by {model_id}")
    images, texts, points = (_array(store, cache, each) for each in (manifest.images, manifest.texts, manifest.map))
    table = RowTable.read(fetched(store, cache, manifest.table))
    shape = (manifest.pairs, manifest.dim)
    if not (images.shape == texts.shape == shape and len(table) == len(points) == manifest.pairs):
        raise IndexMismatch(f"{manifest.index_id}: its parts differ in length")
    by_image: Searcher = Exact(images)
    if manifest.ann is not None:
        by_image = Ivf.open(fetched(store, cache, manifest.ann.index), images, manifest.ann.probes)
    if manifest.analysis != ANALYSIS:
        raise IndexMismatch(f"{manifest.index_id}: its words were analysed by {manifest.analysis}, not by {ANALYSIS}")
    words = Words(unpacked(fetched(store, cache, manifest.words)))
    facets = Facets.of_column(table.facets, Filters.facets())
    return Part(manifest, table, words, facets, images, texts, points, by_image, Exact(texts), None)


def _new(table: RowTable, base: Sequence[Part], added: set[str]) -> Mask | None:
    """False for rows that the ``base`` or an ``added`` segment has; a segment's own pairs are added. The base has all
    of its rows."""
    if not base:
        return None
    names = [name or "" for name in table.column("pair_id")]
    mask = np.array([name not in base[0].table.by_pair and name not in added for name in names], bool)
    added.update(names)
    return None if mask.all() else mask


def _array(store: ArtifactStore, cache: Path, ref: ArtifactRef) -> Vectors:
    # An empty array cannot be mapped; it also needs no mapping.
    path = fetched(store, cache, ref)
    array: Vectors = np.load(path, allow_pickle=False)[:] if ref.bytes < _SMALL else np.load(path, mmap_mode="r")
    return array


def fetched(store: ArtifactStore, cache: Path, ref: ArtifactRef) -> Path:
    """The artifact as a file below ``cache``: fetched once, and verified by its digest before a process first reads it.

    What was cut off or changed on disk since is fetched again.
    """
    path = cache / ref.sha256
    if not _whole(path, ref):
        store.fetch(ref, path)
        _verified[path] = path.stat().st_mtime_ns
    return path


def _whole(path: Path, ref: ArtifactRef) -> bool:
    if not path.exists():
        return False
    seen = path.stat()
    if seen.st_size != ref.bytes:
        return False
    if _verified.get(path) != seen.st_mtime_ns:
        if digest_of(path)[0] != ref.sha256:
            return False
        _verified[path] = seen.st_mtime_ns
    return True


_verified: dict[Path, int] = {}  # files whose digest this process has seen to be right, with when they were written
_DROPPED = 1_000  # hidden rows that are asked for beside those that are wanted
_SMALL = 1 << 20  # bytes; below this reading is quicker than mapping
