"""``make growth`` measures the CPU time of questions to the catalogue, at several numbers of sources.

A figure is the median CPU time of ``--calls`` calls after a warm-up, in milliseconds. It is the CPU time of this
process; on PostgreSQL, the connection's backend process is added (from ``/proc``). Wall-clock time is not measured,
because it depends on other work of the machine. That work changes CPU times too, so all sizes are filled first and
asked in turns: figures of one row were measured at the same time. The command ends with code 1 if a figure exceeds its
limit.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from sqlalchemy import Engine, create_engine

from journalclip_devtools.benches.growth.filling import Filled, fill, real_chain
from journalclip_devtools.benches.growth.freezes import rewritten
from journalclip_devtools.benches.growth.lines import Line, explained_within, shown
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
    """A question to the catalogue or a check of a service. A ``flat`` one must not cost more with more sources."""

    name: str
    ask: Ask
    flat: bool


def questions(engine: Engine, filled: Filled) -> list[Question]:
    """The questions of people and the checks of services."""
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
    if engine.dialect.name == "sqlite":  # neither reads the database, so one database is enough
        asked.append(Question("coverage: a look of the service", coverage(filled), False))
        asked.append(Question("what is new: a look of the freezer", what_is_new(filled), False))
    return asked


def _pairs(chain: Chain) -> list[str]:
    documents = (chain.store.get(fact.document) for fact in facts_of(chain.bus, PairsStructured))
    return [pair.pair_id for each in documents for pair in StructuredArticle.model_validate_json(each).pairs]


def measured(asks: Mapping[int, Ask], calls: int, backends: Mapping[int, int | None]) -> dict[int, float]:
    """Median CPU time of one call in milliseconds, by size, over ``calls``. The sizes are called in turns."""
    found: dict[int, list[float]] = {size: [] for size in asks}
    for call in range(_WARM + calls):
        for size, ask in asks.items():
            before = time.process_time_ns() + _spent(backends[size])
            ask()
            spent = time.process_time_ns() + _spent(backends[size]) - before
            if call >= _WARM:
                found[size].append(spent)
    return {size: statistics.median(each) / 1e6 for size, each in found.items()}


def _spent(process: int | None) -> int:
    """CPU time of a process in nanoseconds; 0 for None."""
    return 0 if process is None else int(Path(f"/proc/{process}/schedstat").read_text().split()[0])


@contextmanager
def opened(database: str, sizes: Sequence[int]) -> Iterator[dict[int, Engine]]:
    """An empty database for each size. PostgreSQL databases share one server."""
    with ExitStack() as stack:
        if database == "sqlite":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="journalclip-growth-")))
            urls = {size: sqlite_url(folder / f"catalogue-{size}.db") for size in sizes}
        else:
            server = stack.enter_context(postgres.running())
            urls = {size: f"{server.rpartition('/')[0]}/sources{size}" for size in sizes}
            with create_engine(server, isolation_level="AUTOCOMMIT").connect() as connection:
                for size in sizes:
                    connection.exec_driver_sql(f"create database sources{size}")
        engines = {size: open_engine(url) for size, url in urls.items()}
        for engine in engines.values():
            stack.callback(engine.dispose)
        yield engines


def backend_of(engine: Engine) -> int | None:
    """Id of the process that serves this engine's only connection; None for SQLite."""
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("select pg_backend_pid()").scalar_one())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 16_000, 100_000])
    parser.add_argument("--databases", nargs="*", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--frozen", type=int, default=2_000, help="articles of the dataset that grows; 0: none")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: dict[str, dict[str, dict[int, float]]] = {}
    lines = list(rewritten(given.frozen)) if given.frozen else list[Line]()
    for database in given.databases:
        with tempfile.TemporaryDirectory() as folder, opened(database, given.sizes) as engines:
            asked = dict[int, list[Question]]()
            for size, engine in engines.items():
                began = time.process_time()
                drops = Path(folder) / str(size)
                drops.mkdir()
                filled = fill(engine, real_chain(drops), size)
                _say(f"{database} {size}: filled in {time.process_time() - began:.0f} s of CPU")
                asked[size] = questions(engine, filled)
                if size == max(given.sizes):
                    lines += explained_within(database, engine, filled)
            backends = {size: backend_of(engine) for size, engine in engines.items()}
            for each in zip(*asked.values(), strict=True):
                cost = measured(dict(zip(asked, (one.ask for one in each), strict=True)), given.calls, backends)
                found.setdefault(database, {})[each[0].name] = {size: round(ms, 3) for size, ms in cost.items()}
                lines += shown(database, each[0].name, each[0].flat, cost)
                _say(f"{database:<11}{each[0].name:<36}" + "".join(f"{ms:>11.3f}" for ms in cost.values()) + " ms")
    for line in lines:
        _say(f"{'holds' if line.holds else 'BROKEN':<7}{line.name}: {line.found} (at most {line.most})")
    report: dict[str, Json] = {
        "calls": given.calls,
        "cpu_ms": json.loads(json.dumps(found)),
        "shown": [{"line": e.name, "found": e.found, "most": e.most, "holds": e.holds} for e in lines],
    }
    (given.out.write_text if given.out else print)(json.dumps(report, indent=2))
    return 0 if all(line.holds for line in lines) else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
