"""Copies of what is erased in frozen datasets and search indexes: their parts are written anew without it.

A dataset's parts are replaced by others, which their tombstones name; its manifest and id stay. An index keeps its
name and gets another manifest, since a model is served from the index of that name. The same for every kind; what
differs is how rows are filtered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import ValidationError

from journalclip_freezing.erased import without
from journalclip_inference.index.erased import Filtered
from journalclip_inference.index.erased import filtered as filtered_figures
from journalclip_inference.index.manifest import STUDY_EDITION
from journalclip_inference.studies.erased import filtered as filtered_studies
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.withdrawal import Tombstone, Withdrawal
from journalclip_shared.withdrawals import label_of, standing

_OF_STUDIES = STUDY_EDITION.split("-")[0] + "-"
Delete = Callable[[ArtifactRef, Tombstone | None], None]


class Copies:
    """Rewrites what holds copies of the subject of one word. ``delete`` writes the tombstone, then deletes."""

    def __init__(self, store: ArtifactStore, word: Withdrawal, delete: Delete) -> None:
        self._store, self._word, self._delete = store, word, delete
        self.erased: list[Tombstone] = []
        self.datasets: set[str] = set()
        self._indexes: list[str] = []
        self._unread: dict[str, list[str]] = {"datasets": [], "indexes": []}

    def rewritten(self) -> dict[str, tuple[str, ...]]:
        found = {"datasets": tuple(sorted(self.datasets)), "indexes": tuple(self._indexes)}
        return {what: ids for what, ids in found.items() if ids}

    def unreadable(self) -> dict[str, tuple[str, ...]]:
        """What could not be read, and may hold copies still."""
        return {what: tuple(ids) for what, ids in self._unread.items()}

    def rewrite_datasets(self) -> None:
        """Raises `TransientError`."""
        for name in self._store.list_manifests("datasets", names.frozen()):
            ref = self._store.find_manifest("datasets", name)
            if ref is None:
                continue
            manifest = DatasetManifest.model_validate_json(self._store.get(ref))
            try:
                for part in without(self._store, manifest, self._word):
                    self._drop(part.before, part.after, part.pairs)
                    self.datasets.add(manifest.dataset_id)
            except PermanentError:  # a part of it is missing or damaged
                self._unread["datasets"].append(manifest.dataset_id)

    def rewrite_indexes(self) -> None:
        """Raises `TransientError`. All are written before parts are deleted: editions of one index share vectors."""
        found = [(*each, rest) for each in self._manifests() if (rest := self._filtered(*each)) is not None]
        for name, ref, rest in found:
            # Under the same name: for a moment the index is absent, and who looks then looks again.
            self._delete(ref, None)
            if rest.manifest is not None:
                self._store.put_manifest("models", name, rest.manifest)
            self._indexes.append(name)
        doomed = {each.uri: each for _, _, rest in found for each in rest.before}
        for _, ref in self._manifests() if doomed else ():  # equal parts are one object
            stored = self._store.get(ref)
            doomed = {uri: each for uri, each in doomed.items() if each.sha256.encode() not in stored}
        for part in doomed.values():
            self._drop(part, None, 0)

    def _manifests(self) -> Iterator[tuple[str, ArtifactRef]]:
        """Of every index and segment, with its name."""
        for prefix in ("indexes/", "segments/"):
            for name in list(self._store.list_manifests("models", prefix)):
                if (ref := self._store.find_manifest("models", name)) is not None:
                    yield name, ref

    def _filtered(self, name: str, ref: ArtifactRef) -> Filtered | None:
        taken = standing([self._word])
        of_studies = any(each.startswith(_OF_STUDIES) for each in name.split("/"))
        try:
            stored = self._store.get(ref)
            if of_studies:
                return filtered_studies(
                    self._store, stored, lambda study, patient: bool(taken.of_study(study, patient))
                )
            return filtered_figures(self._store, stored, lambda pair, journal: bool(taken.of_pair(pair, journal)))
        except (PermanentError, ValidationError):  # damaged, or of a format that nothing reads any more
            self._unread["indexes"].append(name)
            return None

    def _drop(self, ref: ArtifactRef, successor: ArtifactRef | None, pairs: int) -> None:
        left = Tombstone(
            uri=ref.uri, sha256=ref.sha256, bytes=ref.bytes, successor=successor,
            removed={label_of(self._word): pairs} if pairs else {},
        )  # fmt: skip
        self._delete(ref, left)
        self.erased.append(left)
