"""``make growth``: CPU time of what is asked of the catalogue, at several numbers of sources.

Of each question the CPU time of this process, and on PostgreSQL that of the connection's own backend process as well
(``/proc``), warm, the median of so many calls. Wall time is not measured: it says how busy the machine is.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from sqlalchemy import Engine

from journalclip_devtools.benches.growth.filling import Filled, fill, real_chain
from journalclip_devtools.benches.growth.services import coverage, what_is_new
from journalclip_devtools.faults.chain import Chain
from journalclip_devtools.servers import postgres
from journalclip_pipelines.operations.explaining import explained
from journalclip_pipelines.operations.tracing import way_of
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.catalogue.engine import open_engine, sqlite_url
from journalclip_shared.events import PairsStructured
from journalclip_shared.history import facts_of
from journalclip_shared.ids import Json
from journalclip_shared.records.pair import StructuredArticle

_WARM = 20
Ask = Callable[[], object]


@dataclass(frozen=True)
class Question:
    """``flat``: its cost may not grow with the number of sources."""

    name: str
    ask: Ask
    flat: bool


def questions(engine: Engine, filled: Filled) -> list[Question]:
    """What people and services ask."""
    catalogue, rng = Catalogue(engine), random.Random(1)  # noqa: S311 - no secret
    pairs = cycle(_pairs(filled.real))
    pages = cycle(catalogue.sources(limit=1000)[:: max(1, min(1000, filled.sources) // 50)])
    inbox = rng.sample(filled.received, min(900, len(filled.received))) + [f"received/new-{n}" for n in range(100)]

    def page() -> object:
        last = next(pages)
        return catalogue.sources(after=(last.received, last.source_id), limit=50)

    asked = [
        Question("explain a pair", lambda: explained(filled.real.store, engine, next(pairs)), True),
        Question("trace a pair", lambda: way_of(engine, next(pairs)), True),
        Question("receipt of one object", lambda: catalogue.receipts([rng.choice(filled.received)]), True),
        Question("receipts of an inbox of 1,000", lambda: catalogue.receipts(inbox), True),
        Question("a page of 50 sources", page, True),
        Question("a page of 50 in quarantine", lambda: catalogue.quarantined(code="code-3", limit=50), True),
        Question("status: sources by state", catalogue.counts, False),
    ]
    if engine.dialect.name == "sqlite":  # neither asks the database, so once is enough
        asked.append(Question("coverage: a look of the service", coverage(filled), False))
        asked.append(Question("what is new: a look of the freezer", what_is_new(filled), False))
    return asked


def _pairs(chain: Chain) -> list[str]:
    documents = (chain.store.get(fact.document) for fact in facts_of(chain.bus, PairsStructured))
    return [pair.pair_id for each in documents for pair in StructuredArticle.model_validate_json(each).pairs]


def measured(ask: Ask, calls: int, backend: int | None) -> float:
    """Milliseconds of CPU time of one call: the median of ``calls``."""
    for _ in range(_WARM):
        ask()
    found = []
    for _ in range(calls):
        before = time.process_time_ns() + _spent(backend)
        ask()
        found.append(time.process_time_ns() + _spent(backend) - before)
    return statistics.median(found) / 1e6


def _spent(process: int | None) -> int:
    """Nanoseconds that a process was on a CPU."""
    return 0 if process is None else int(Path(f"/proc/{process}/schedstat").read_text().split()[0])


@contextmanager
def opened(database: str) -> Iterator[Engine]:
    """An empty database."""
    with ExitStack() as stack:
        if database == "sqlite":
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="journalclip-growth-"))
            url = sqlite_url(Path(folder) / "catalogue.db")
        else:
            url = stack.enter_context(postgres.running())
        engine = open_engine(url)
        stack.callback(engine.dispose)
        yield engine


def backend_of(engine: Engine) -> int | None:
    """The process that serves this engine's one connection; None for a file."""
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("select pg_backend_pid()").scalar_one())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 16_000, 100_000])
    parser.add_argument("--databases", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: dict[str, dict[str, dict[str, float]]] = {}
    flat = set[str]()
    for database in given.databases:
        for size in given.sizes:
            with tempfile.TemporaryDirectory() as folder, opened(database) as engine:
                began = time.process_time()
                filled = fill(engine, real_chain(Path(folder)), size)
                print(f"{database} {size}: filled in {time.process_time() - began:.0f} s of CPU", file=sys.stderr)
                for each in questions(engine, filled):
                    cost = measured(each.ask, given.calls, backend_of(engine))
                    found.setdefault(database, {}).setdefault(each.name, {})[str(size)] = round(cost, 3)
                    flat |= {each.name} if each.flat else set()
                    print(f"{database:<11}{each.name:<40}{size:>8}{cost:>10.3f} ms", file=sys.stderr)
    report: dict[str, Json] = {"calls": given.calls, "flat": [*sorted(flat)], "cpu_ms": json.loads(json.dumps(found))}
    (given.out.write_text if given.out else print)(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
