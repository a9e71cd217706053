"""The ledger: decisions numbered without gaps, written once, never changed. It is the truth; aliases and events follow.

An entry is one manifest, so a decision and the champion that follows from it become true in one write. Appending needs
the promoter's lock; where a lease was lost in between, the second writer finds the number taken and starts again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from journalclip_promotion.decision import Decision
from journalclip_promotion.errors import Overtaken
from journalclip_shared.artifacts import ArtifactStore, ManifestConflict
from journalclip_shared.ids import canonical_json
from journalclip_shared.names import decided

_ENTRIES = "decisions/"
_FILED = "filed/"


@dataclass(frozen=True)
class Ledger:
    """Entries lie in the bucket ``models`` of one store; studies' lie below a prefix of their own."""

    store: ArtifactStore
    prefix: str

    def last(self) -> Decision | None:
        names = list(self.store.list_manifests("models", self.prefix + _ENTRIES))
        return self._read(names[-1]) if names else None

    def all(self) -> Iterator[Decision]:
        """From the first on."""
        for name in self.store.list_manifests("models", self.prefix + _ENTRIES):
            if (entry := self._read(name)) is not None:
                yield entry

    def backwards(self) -> Iterator[Decision]:
        """From the last on; who looks for the newest of a kind reads no more than it must."""
        for name in reversed(list(self.store.list_manifests("models", self.prefix + _ENTRIES))):
            if (entry := self._read(name)) is not None:
                yield entry

    def get(self, sequence: int) -> Decision | None:
        return self._read(self.prefix + _name(sequence))

    def append(self, entry: Decision) -> None:
        """Durable on return. Raises `Overtaken` where the number is taken."""
        try:
            self.store.put_manifest("models", self.prefix + _name(entry.sequence), entry.canonical())
        except ManifestConflict as error:
            raise Overtaken(f"decision {entry.sequence} was written by another promoter") from error

    def answer(self, model_id: str) -> Decision | None:
        """What was decided when the candidate's event came, or None if that is still to do."""
        found = self.store.find_manifest("models", decided(model_id))
        return None if found is None else Decision.model_validate_json(self.store.get(found))

    def set_answer(self, entry: Decision) -> None:
        self.store.put_manifest("models", decided(entry.candidate.model_id), entry.canonical())

    def announced(self, sequence: int) -> bool:
        """Whether the entry's event has been seen on the bus."""
        return self.store.find_manifest("models", f"{self.prefix}announced/{sequence:08d}") is not None

    def set_announced(self, sequence: int) -> None:
        self.store.put_manifest(
            "models", f"{self.prefix}announced/{sequence:08d}", canonical_json({"sequence": sequence})
        )

    def unfiled(self) -> list[int]:
        """Entries whose documents have not been attached to their model's run yet, or have none."""
        filed = set(self._numbers(_FILED))
        return [sequence for sequence in self._numbers(_ENTRIES) if sequence not in filed]

    def set_filed(self, sequence: int) -> None:
        self.store.put_manifest(
            "models", f"{self.prefix}{_FILED}{sequence:08d}", canonical_json({"sequence": sequence})
        )

    def _numbers(self, kind: str) -> Iterator[int]:
        below = self.prefix + kind
        yield from (int(name.removeprefix(below)) for name in self.store.list_manifests("models", below))

    def _read(self, name: str) -> Decision | None:
        found = self.store.find_manifest("models", name)
        return None if found is None else Decision.model_validate_json(self.store.get(found))


def _name(sequence: int) -> str:
    return f"{_ENTRIES}{sequence:08d}"
