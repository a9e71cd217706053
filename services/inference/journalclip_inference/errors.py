"""What can go wrong while serving, each with a stable code.

PermanentError
├── QueryInvalid      the question cannot be answered as asked (HTTP 422)
├── ImageRefused      the picture is none, is too large, or hides a bomb (HTTP 413 or 422)
├── PairRejected      reviewers rejected or dispute this pair (HTTP 410)
├── NotFound          no such pair, figure, article, model (HTTP 404)
└── IndexMismatch     an index and a model, or an index and its table, that do not belong together
TransientError
├── NoChampion        nothing has been promoted yet (HTTP 503)
├── IndexAbsent       the champion's index is not built yet (HTTP 503)
├── CoverageBehind    a new champion's index lacks what is searchable now (the former one stays)
└── Overloaded        more work waits than can be done soon (HTTP 429)

Replicas hand these to each other by pickle, so each says how it is rebuilt.
"""

from __future__ import annotations

from journalclip_shared.errors import PermanentError, TransientError


class QueryInvalid(PermanentError):
    """The question cannot be answered as asked."""

    def __init__(self, reason: str, remedy: str = "Give text, an image, or both.") -> None:
        super().__init__("query-invalid", reason, remedy)


class ImageRefused(PermanentError):
    """The bytes are not a picture we open."""

    def __init__(self, code: str, reason: str, remedy: str = "Send a JPEG, PNG, WebP, GIF, TIFF or BMP file.") -> None:
        super().__init__(code, reason, remedy)


class NotFound(PermanentError):
    """No document of that id."""

    def __init__(self, what: str, name: str, remedy: str = "Ids are printed by `journalclip search --json`.") -> None:
        super().__init__("not-found", f"no {what} {name!r}", remedy)


class PairRejected(PermanentError):
    """Reviewers keep this pair out; it is in no search and in no dataset from the next one on."""

    def __init__(self, pair_id: str) -> None:
        super().__init__("pair-rejected", f"reviewers rejected {pair_id}", "A reviewer can take the decision back.")


class Forbidden(PermanentError):
    """The caller may not do this."""


class IndexMismatch(PermanentError):
    """Two parts that do not belong together; they are never used as a pair."""

    def __init__(self, reason: str) -> None:
        super().__init__("index-mismatch", reason, "Run `journalclip reindex`.")


class NoChampion(TransientError):
    """Nothing has been promoted yet."""

    SAID = "no champion yet: run `journalclip run DIR`, or promote a model"

    def __init__(self) -> None:
        super().__init__(self.SAID)

    def __reduce__(self) -> tuple[type[NoChampion], tuple[()]]:
        return (NoChampion, ())


class IndexAbsent(TransientError):
    """The champion's index is still being built."""

    def __init__(self, model_id: str, dataset_id: str) -> None:
        super().__init__(f"no index of {dataset_id} by {model_id} yet: `journalclip reindex` builds it")
        self.model_id = model_id
        self.dataset_id = dataset_id

    def __reduce__(self) -> tuple[type[IndexAbsent], tuple[str, str]]:
        return (IndexAbsent, (self.model_id, self.dataset_id))


class CoverageBehind(TransientError):
    """A change of champion would take sources out of search."""

    def __init__(self, model_id: str, lost: int) -> None:
        super().__init__(
            f"{lost} sources that are searchable now are not yet indexed by {model_id}; `journalclip reindex` adds them"
        )
        self.model_id = model_id
        self.lost = lost

    def __reduce__(self) -> tuple[type[CoverageBehind], tuple[str, int]]:
        return (CoverageBehind, (self.model_id, self.lost))


class Overloaded(TransientError):
    """More work waits than can be done soon."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many requests wait; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[type[Overloaded], tuple[int]]:
        return (Overloaded, (self.retry_after_s,))
