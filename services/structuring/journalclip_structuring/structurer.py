"""What a structurer is: texts in, records out, one result for every request and in its order.

A result holds either a record that validated or the reason why there is none; never both, never neither. Text that
came from an article or a report is data: no structurer acts on what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.report import ReportRecord

Kind = Literal["caption", "report"]
Record = CaptionRecord | ReportRecord


@dataclass(frozen=True)
class StructureRequest:
    """One text to structure; ``request_id`` is the caller's and comes back with the result."""

    request_id: str
    text: str
    kind: Kind = "caption"
    panel: str | None = None


@dataclass(frozen=True)
class Failure:
    """Why a text has no record. ``retryable``: it is not the text's fault, and ``setting`` says what to look at.

    ``stops``: waiting does not help either, so no other text need be tried.
    """

    code: str
    reason: str
    retryable: bool = False
    setting: str = ""
    stops: bool = False


@dataclass(frozen=True)
class StructureResult:
    """What became of one request."""

    request_id: str
    outcome: Record | Failure

    @property
    def record(self) -> Record | None:
        return None if isinstance(self.outcome, Failure) else self.outcome

    @property
    def failure(self) -> Failure | None:
        return self.outcome if isinstance(self.outcome, Failure) else None


@dataclass(frozen=True)
class SplitRequest:
    """A compound figure's caption and the letters of the panels that want a text of their own."""

    request_id: str
    caption: str
    letters: tuple[str, ...]


@runtime_checkable
class Splitter(Protocol):
    """What a structurer is besides, where it can divide a caption among panels."""

    def split(self, captions: Sequence[SplitRequest]) -> list[dict[str, str] | Failure]:
        """For each caption the text of each letter ("" where it has none of its own), or why there is none."""
        ...


class Structurer(Protocol):
    """What every structurer does; ``version`` changes whenever the same text could give another record."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def structure(self, texts: Sequence[StructureRequest]) -> list[StructureResult]:
        """One result a request, in order. Raises nothing for bad text or bad answers: those are `Failure`."""
        ...


def signature(structurer: Structurer) -> str:
    """``name/version``, as it stands in records and in pair ids."""
    return f"{structurer.name}/{structurer.version}"
