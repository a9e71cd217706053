"""What a freeze cannot read: documents and blobs that are missing, damaged or no picture.

Such a document or blob leaves out its own pairs, counted in the manifest under the error's code, and puts its own
source in quarantine; every other source is frozen as if it had never been. A freezer keeps what was lost from one
freeze to the next and looks for it again first, so that a restored blob is frozen and a missing one is looked for once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import SourceQuarantined
from journalclip_shared.withdrawals import tombstone_of

DocumentT = TypeVar("DocumentT", bound=BaseModel)
_REMEDY = "Restore the object, or bring the source in again; the next freeze takes it in."


class BlobsUnreadable(PermanentError):
    """Blobs were found unreadable while shards were written; the plan must be made again without them."""

    def __init__(self, count: int) -> None:
        super().__init__("blobs-unreadable", f"{count} blobs cannot be read", "")


@dataclass(frozen=True)
class LostBlob:
    """A blob of a dataset's member (a pair, or a study)."""

    source_id: str
    name: str
    ref: ArtifactRef
    error: PermanentError


@dataclass
class Lost:
    """Everything that could not be read, by address of the document and by id of the member."""

    documents: dict[str, PermanentError] = field(default_factory=dict)
    blobs: dict[str, LostBlob] = field(default_factory=dict)

    def look_again(self, store: ArtifactStore) -> None:
        """Forget what can be read now. Raises `TransientError`."""
        self.documents.clear()  # a plan reads them all
        for member, blob in list(self.blobs.items()):
            if blob.error.code.startswith("artifact-") and _readable(store, blob.ref):
                del self.blobs[member]

    def read(
        self, store: ArtifactStore, refs: Iterable[ArtifactRef], model: type[DocumentT]
    ) -> Iterator[tuple[int, DocumentT]]:
        """The documents that can be read, one at a time, each with its place in ``refs``."""
        for place, ref in enumerate(refs):
            try:
                yield place, model.model_validate_json(store.get(ref))
            except PermanentError as error:
                if tombstone_of(store, ref) is None:  # what was erased on purpose is not lost
                    self.documents[ref.uri] = error
            except ValidationError as error:
                reason = f"{ref.uri} does not fit this version: {error.error_count()} errors"
                self.documents[ref.uri] = PermanentError("document-invalid", reason, "Structure the source again.")

    @property
    def counts(self) -> dict[str, int]:
        """For a manifest: members by the blob's code, and documents by theirs."""
        blobs = Counter(blob.error.code for blob in self.blobs.values())
        documents = Counter(f"document-{error.code.removeprefix('document-')}" for error in self.documents.values())
        return dict(sorted((blobs + documents).items()))

    def quarantines(self, stage: str, sources: dict[str, str]) -> list[SourceQuarantined]:
        """One fact a source; ``sources`` names the source of a document's address."""
        found: dict[str, SourceQuarantined] = {}
        for member, blob in sorted(self.blobs.items()):
            reason = f"{member} is left out of datasets: {blob.error.reason}"
            fact = _quarantined(blob.source_id, blob.name, stage, blob.error, reason)
            found.setdefault(blob.source_id, fact)
        for address, error in sorted(self.documents.items()):
            if (source := sources.get(address)) is not None:
                found.setdefault(source, _quarantined(source, "", stage, error, error.reason))
        return list(found.values())


def _quarantined(source: str, name: str, stage: str, error: PermanentError, reason: str) -> SourceQuarantined:
    return SourceQuarantined(
        source_id=source, name=name, stage=stage, code=error.code, reason=reason[:4000], remedy=_REMEDY
    )


def _readable(store: ArtifactStore, ref: ArtifactRef) -> bool:
    try:
        store.get(ref)
    except PermanentError:
        return False
    return True
