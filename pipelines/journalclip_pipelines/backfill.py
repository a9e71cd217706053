"""An archive through the extraction handler by Ray Data: the same handler, the same ids, without a broker between.

Each worker is an actor with a sandbox of its own and keeps one core busy; files reach the workers as paths, results
come back as rows while others are still being read. The driver publishes the facts, so that everything downstream
follows as if the articles had come by events. Resumable: an article whose manifest is there is not read again, one that
was quarantined before is left alone (``retry`` reads it again), and facts are the same facts each time.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.handler import ExtractionHandler, Reading
from journalclip_extraction.sandbox import Sandbox
from journalclip_intake.articles import record, submission
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import Event, Fact, FiguresExtracted, SourceQuarantined, Submitted
from journalclip_shared.settings import Settings
from journalclip_shared.wiring import open_artifacts
from journalclip_shared.withdrawals import Withdrawals
from journalclip_sources.sandbox import Limits

State = Literal["extracted", "done before", "quarantined", "quarantined before", "unavailable"]


class Row(TypedDict):
    """What a worker says of one file; facts as JSON, since rows travel as Arrow tables. Times: seconds since 1970."""

    path: str
    state: State
    code: str
    figures: int
    submitted: str
    outcome: str
    began: float
    ended: float


@dataclass(frozen=True)
class Summary:
    """Files by state, figures of those extracted, and articles read anew.

    ``reading_s`` is from the first file's begin to the last one's end by the workers' clocks, without their start.
    """

    files: int
    states: dict[str, int]
    codes: dict[str, int]
    figures: int
    work_done: int
    reading_s: float
    files_per_s: float


class Worker:
    """One actor: a store, a sandbox, the handler. Called with a row, answers with a row."""

    def __init__(self, settings: Settings, options: ExtractOptions, limits: Limits, refused: frozenset[str]) -> None:
        self._store = open_artifacts(settings)
        self._words = Withdrawals(self._store)
        self._sandbox = Sandbox(limits)
        self._options = options
        self._refused = refused

    def __call__(self, row: Mapping[str, str]) -> Row:
        return read_one(self._store, self._words, self._sandbox, self._options, self._refused, Path(row["path"]))


def read_one(
    store: ArtifactStore,
    words: Withdrawals,
    sandbox: Reading,
    options: ExtractOptions,
    refused: frozenset[str],
    path: Path,
) -> Row:
    """Submit and extract one file; every error on purpose ends in the row."""
    began = time.time()
    _, fact = record(store, words, path, path.name)
    if isinstance(fact, SourceQuarantined):
        return _row(path, "quarantined", fact, began, fact, code=fact.code)
    if fact.key in refused:
        return _row(path, "quarantined before", fact, began)
    handler = ExtractionHandler(store, sandbox, options)
    before = store.find_manifest("figures", handler.manifest_of(fact))
    try:
        extracted = handler.extract(fact)
    except PermanentError as error:
        outcome = SourceQuarantined(
            source_id=fact.key,
            name=fact.name,
            stage="extraction",
            code=error.code,
            reason=error.reason[:4000],
            remedy=error.remedy[:1000],
        )
        return _row(path, "quarantined", fact, began, outcome, code=error.code)
    except TransientError:
        return _row(path, "unavailable", fact, began)  # its next backfill reads it
    figures = sum(each.figures for each in extracted)
    return _row(path, "done before" if before else "extracted", fact, began, *extracted, figures=figures)


def rows(
    paths: Sequence[Path],
    settings: Settings,
    options: ExtractOptions,
    limits: Limits,
    refused: frozenset[str],
    workers: int,
    address: str | None = None,
) -> Iterator[Row]:
    """The files through ``workers`` Ray actors of the cluster at ``address`` or one of its own, as they are done."""
    import ray
    import ray.data

    if not paths:
        return
    # Left without an address, Ray joins the last cluster this machine remembers, and waits minutes for one long gone.
    ray.init(
        address=address or "local",
        ignore_reinit_error=True,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="warning",
        _system_config=None if address else _PATIENT,
    )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # Small blocks, the largest files first: a slow article holds up no others, and the workers end together.
    ordered = sorted(paths, key=lambda path: -path.stat().st_size)
    items = [{"path": str(path.resolve())} for path in ordered]
    blocks = min(len(items), max(workers, _MOST_BLOCKS))
    data = ray.data.from_items(items, override_num_blocks=blocks).map(
        Worker,
        fn_constructor_args=(settings, options, limits, refused),
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
    )
    yield from data.iter_rows()


def publish(bus: Bus, found: Iterable[Row]) -> Summary:
    """Announce what the rows say, as they come, and count them."""
    states: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    figures = 0
    began, ended = math.inf, -math.inf
    for row in found:
        bus.publish([Event(fact, "backfill") for fact in _facts(row)])
        states[row["state"]] += 1
        figures += row["figures"]
        began, ended = min(began, row["began"]), max(ended, row["ended"])
        if row["code"]:
            codes[row["code"]] += 1
    files = sum(states.values())
    spent = ended - began if files else 0.0
    return Summary(
        files=files,
        states=dict(sorted(states.items())),
        codes=dict(sorted(codes.items())),
        figures=figures,
        work_done=states["extracted"] + states["quarantined"],
        reading_s=round(spent, 2),
        files_per_s=round(files / spent, 3) if spent else 0.0,
    )


_MOST_BLOCKS = 1000  # a block is a task of Ray's, and more of them cost its scheduler more than small ones save
# On a busy machine Ray's own processes need longer than its 30 s to start, and its workers, which it starts at the
# lowest priority but four, would never get to run.
_PATIENT = {"agent_register_timeout_ms": 300_000, "worker_niceness": 0}


def _facts(row: Row) -> list[Fact]:
    facts: list[Fact] = [submission(row["submitted"])]
    if row["state"] == "quarantined":
        facts.append(SourceQuarantined.model_validate_json(row["outcome"]))
    else:
        facts.extend(FiguresExtracted.model_validate_json(line) for line in row["outcome"].splitlines())
    return facts


def _row(
    path: Path,
    state: State,
    fact: Submitted | SourceQuarantined,
    began: float,
    *outcome: Fact,
    code: str = "",
    figures: int = 0,
) -> Row:
    return Row(
        path=str(path),
        state=state,
        code=code,
        figures=figures,
        submitted=fact.model_dump_json(),
        outcome="\n".join(each.model_dump_json() for each in outcome),
        began=began,
        ended=time.time(),
    )
