"""What differs between kinds in a freeze: how structured documents become splits, and splits become bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from journalclip_freezing.lost import Lost
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import PairsStructured, StudyStructured
from journalclip_shared.kinds import Kind
from journalclip_shared.records.caption import RecordFlag
from journalclip_shared.records.dataset import DatasetManifest, LeakReport, Split

Structured = PairsStructured | StudyStructured


class Plan(Protocol):
    """A dataset before its bytes are written. Its ``digest`` covers ids, contents, splits and options."""

    @property
    def digest(self) -> str: ...

    @property
    def pairs(self) -> int: ...

    @property
    def leaks(self) -> LeakReport: ...

    @property
    def members(self) -> Mapping[Split, Sequence[str]]:
        """Ids by split: what `explain` and `audit` look up without reading Parquet."""
        ...

    def write(
        self, store: ArtifactStore, progress: Callable[[int, int], None], former: DatasetManifest | None
    ) -> DatasetManifest:
        """Store the blocks that ``former`` does not hold; the manifest itself is stored by the caller.

        ``progress`` is told of the members that are written, and of all there are.

        Raises `BlobsUnreadable` after all blobs were tried; the plan's `Lost` then names them.
        """
        ...


class Layout(Protocol):
    """One kind's way into a dataset, with the options that go into its digest."""

    @property
    def kind(self) -> Kind: ...

    @property
    def consumes(self) -> type[Structured]: ...

    @property
    def leave_out(self) -> tuple[RecordFlag, ...]:
        """Flags of a record that keep it out until a reviewer accepts it."""
        ...

    def plan(self, store: ArtifactStore, documents: Iterable[ArtifactRef], lost: Lost) -> Plan | None:
        """Without what is ``lost``, to which unreadable documents are added; None where the rest holds no pair."""
        ...
