"""What the pages for those who run an installation show and do; done by whoever wires all services.

Serving knows neither promotion nor intake. `Operations` is what it asks of them: lists, and changes that a person
answers for by name and reason. A change may take minutes (gates measure models), so one runs at a time, beside
requests, and is asked after.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal, Protocol

from pydantic import Field

from journalclip_inference.reload import said
from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import Kind
from journalclip_shared.records import Document
from journalclip_shared.records.withdrawal import WithdrawalReason


class Gate(Document):
    """One gate's verdict about one version."""

    gate: str
    passed: bool
    reason: str
    measured: float | None = None
    limit: float | None = None


class ModelEntry(Document):
    """A registered version, and the last word about it."""

    kind: Kind
    version: str
    model_id: str
    aliases: tuple[str, ...] = ()
    decision: str = ""
    who: str = ""
    when: str = ""


class Decided(Document):
    """One entry of the ledger about a version."""

    sequence: int
    outcome: str
    who: str
    when: str
    why: str
    compared_with: str = ""
    gates: tuple[Gate, ...] = ()


class Curve(Document):
    """A metric over a training's steps."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


class Compared(Document):
    """What a version was made from, beside the champion's."""

    what: str
    here: str
    champion: str


class ModelDetail(Document):
    """All that is on record about a version."""

    entry: ModelEntry
    compared: tuple[Compared, ...] = Field((), description="Dataset, recipe, start, steps; where they differ as well.")
    decisions: tuple[Decided, ...] = ()
    curves: tuple[Curve, ...] = ()
    withdrawn: dict[str, int] = Field(default_factory=dict, description="Withdrawn pairs of its dataset, by the word.")


class SourceEntry(Document):
    """A delivery and where it stands."""

    source_id: str
    name: str
    state: str
    kind: Kind | None = None
    figures: int = 0
    pairs: int = 0
    stage: str = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""


class Sources(Document):
    """One page of deliveries."""

    counts: dict[str, int] = Field(description="All deliveries by state.")
    sources: tuple[SourceEntry, ...]
    next: str | None = Field(None, description="Give it as `after` for the next page.")


class DatasetEntry(Document):
    """A frozen dataset."""

    dataset_id: str
    kind: Kind
    splits: dict[str, int]
    dropped: dict[str, int] = Field(default_factory=dict, description="Pairs left out, by reason.")
    leaks: int = 0


class Operations(Protocol):
    """Raises `PermanentError` and `TransientError` as the commands of the same name do."""

    def models(self) -> Sequence[ModelEntry]: ...

    def model(self, kind: Kind, version: str) -> ModelDetail: ...

    def promote(self, kind: Kind, version: str, who: str, why: str) -> str:
        """Through the gates, and approved where they pass; what was decided."""
        ...

    def roll_back(self, kind: Kind, to: str | None, who: str, why: str) -> str: ...

    def sources(self, state: str, after: str, limit: int) -> Sources: ...

    def replay(self, source_id: str) -> str:
        """Publish a delivery's dead letters again."""
        ...

    def withdraw(self, asked: str, reason: WithdrawalReason, who: str, note: str) -> str: ...

    def datasets(self) -> Sequence[DatasetEntry]: ...


class Change(Document):
    """A change that was asked for: under way, done with what came of it, or refused with the reason."""

    what: str
    who: str
    state: Literal["running", "done", "refused"]
    said: str = ""
    code: str = ""


class OneAtATime:
    """Runs one change in a thread of its own, and remembers the last. A process that ends waits for one under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="change")
        self._last: tuple[Change, Future[str]] | None = None

    @property
    def last(self) -> Change | None:
        """As it stands now; a bug ends as a refusal too, since whoever asked must hear of it."""
        if self._last is None:
            return None
        started, work = self._last
        if not work.done():
            return started
        error = work.exception()
        if error is None:
            return started.model_copy(update={"state": "done", "said": work.result()})
        code, remedy = (error.code, error.remedy) if isinstance(error, PermanentError) else ("", "")
        words = ". ".join(filter(None, (said(error), remedy)))
        return started.model_copy(update={"state": "refused", "said": words, "code": code})

    def start(self, what: str, who: str, work: Callable[[], str]) -> Change:
        """Raises `PermanentError` ``change-runs`` while another one does."""
        with self._lock:
            last = self.last
            if last is not None and last.state == "running":
                raise PermanentError("change-runs", f"{last.what} by {last.who} is under way", "Wait until it is done.")
            started = Change(what=what, who=who, state="running")
            self._last = (started, self._pool.submit(work))
        return started
