"""A catalogue of any size: a few articles by the real chain on doubles, the rest as rows of the same shape."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, Table

from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import catch_up
from journalclip_catalogue.migrate import upgrade
from journalclip_devtools.faults.chain import Chain
from journalclip_freezing.handler import FreezeRule
from journalclip_intake.articles import submit
from journalclip_shared.catalogue.tables import (
    ALIAS,
    BELONGS,
    DATASET,
    DOCUMENT,
    MEMBER,
    MODEL,
    OPEN,
    PAIR,
    PARENT,
    QUARANTINE,
    RECEIPT,
    SOURCE,
    STEP,
)
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.ids import make_id, sha256_hex
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry

PAIRS = 9  # of a source
NEW_PAIRS = 1000  # of a dataset, as the default rule
MODEL_EVERY = 10  # datasets
QUARANTINED = 0.02
REAL = 40  # articles by the real chain
_STAGES = ("extraction", "structuring", "freezing", "training", "promotion")
_QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE = 1000
Row = dict[str, object]


@dataclass(frozen=True)
class Filled:
    """What a catalogue holds and can be asked for."""

    sources: int
    datasets: int
    real: Chain
    received: list[str]  # receipts that are there


def real_chain(folder: Path) -> Chain:
    """`REAL` articles all the way, and one dataset of them."""
    chain = Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry(), FreezeRule(new_pairs=2 * REAL))
    for number in range(REAL):
        submit(chain.store, chain.bus, chain.drop(folder, number))
    for stage in _STAGES:
        Loop(chain.bus, chain.handler(stage), _QUICK).drain()
    return chain


def fill(engine: Engine, chain: Chain, sources: int) -> Filled:
    """Fill an empty database with ``sources`` sources. Raises `TransientError`."""
    upgrade(engine)
    catch_up(chain.bus, Projector(engine, chain.store))
    datasets = max(1, sources * PAIRS // NEW_PAIRS)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":  # keys are scattered: with less, pages are written again and again
            connection.exec_driver_sql("pragma cache_size = -1000000")
        _datasets(connection, datasets)
        # The real articles were in the first dataset, and are in every later one.
        for number in range(REAL, sources, _AT_ONCE):
            _sources(connection, range(number, min(sources, number + _AT_ONCE)), sources, datasets)
    engine.dispose()  # what is measured has the usual cache
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("analyze")
    return Filled(sources, datasets, chain, [_receipt(number) for number in range(REAL, sources)])


def _datasets(connection: Connection, count: int) -> None:
    rows, models = list[Row](), list[Row]()
    for number in range(1, count):
        dataset = make_id("ds", str(number))
        at = (_BEGAN + timedelta(days=3650, hours=number)).isoformat()
        rows.append(
            {
                "dataset_id": dataset, "kind": "articles", "document_id": f"artifact://datasets/{dataset}",
                "sha256": sha256_hex(dataset.encode()), "pairs": number * NEW_PAIRS, "at": at, "place": number,
            }
        )  # fmt: skip
        if number % MODEL_EVERY == 0:
            models.append(
                {
                    "model_id": make_id("mdl", dataset), "kind": "articles", "dataset_id": dataset,
                    "version": str(number), "document_id": f"artifact://models/{dataset}", "run_id": dataset[:8],
                    "recipe": "bench", "promoted": number,
                }
            )  # fmt: skip
    _insert(connection, DATASET, rows)
    _insert(connection, MODEL, models)


def _sources(connection: Connection, numbers: range, sources: int, datasets: int) -> None:
    rows: dict[Table, list[Row]] = {
        table: [] for table in (SOURCE, STEP, PARENT, DOCUMENT, PAIR, ALIAS, BELONGS, MEMBER, QUARANTINE, RECEIPT)
    }
    for number in numbers:
        for table, row in _source(number, sources, datasets):
            rows[table].append(row)
    for table, found in rows.items():
        _insert(connection, table, found)


def _source(number: int, sources: int, datasets: int) -> Iterator[tuple[Table, Row]]:
    """The rows of one delivery with one article, as the projector writes them."""
    rng = random.Random(number)  # noqa: S311 - no secret
    delivery, article = _id("art", rng), _id("art", rng)
    at = (_BEGAN + timedelta(minutes=number)).isoformat()
    bad = rng.random() < QUARANTINED
    code = f"code-{rng.randrange(8)}" if bad else ""
    yield SOURCE, {
        "source_id": delivery, "kind": "articles", "name": f"issue-{number}.pdf", "received": at,
        "state": "quarantined" if bad else "structured", "stage": "extraction-articles" if bad else "", "code": code,
        "items": 0 if bad else 4, "pairs": 0 if bad else PAIRS,
    }  # fmt: skip
    yield RECEIPT, {"receipt": _receipt(number), "source_id": delivery}
    topics = ["articles.submitted.v1", *([] if bad else ["figures.extracted.v1", "pairs.structured.v1"])]
    for place, topic in enumerate(topics):
        yield STEP, {
            "source_id": article if place else delivery, "event_id": _id("evt", rng),
            "topic": topic, "at": at, "by": "bench", "trace": "",
        }  # fmt: skip
    if bad:
        yield QUARANTINE, {
            "source_id": delivery, "stage": "extraction-articles", "step": "extraction", "name": f"issue-{number}.pdf",
            "code": code, "reason": "a bench's", "remedy": "none", "at": at,
        }  # fmt: skip
        return
    yield PARENT, {"child_id": article, "source_id": delivery}
    yield BELONGS, {"child_id": article, "scope": "collection", "subject": f"journal{number % 20}"}
    yield ALIAS, {"id": article, "within": delivery, "key": "page 1", "rank": 6}
    for stage, producer, rank, items in (("extraction", "pdf/6", 6, 4), ("structuring", "rules/4", 4, PAIRS)):
        yield DOCUMENT, {
            "document_id": f"artifact://figures/manifests/{stage}/{producer}/{article}.json", "source_id": article,
            "stage": stage, "producer": producer, "rank": rank, "sha256": _digest(rng), "bytes": 20_000,
            "media_type": "application/json", "items": items,
        }  # fmt: skip
    figures = [_id("fig", rng) for _ in range(PAIRS // 3)]
    since = min(datasets - 1, number * datasets // sources)
    for place in range(PAIRS):
        figure = figures[place // 3]
        panel, pair = _id("pan", rng), _id("pair", rng)
        yield ALIAS, {"id": panel, "within": article, "key": f"figure {place // 3} panel {place}", "rank": 6}
        yield ALIAS, {"id": pair, "within": article, "key": f"pair {figure} {panel}", "rank": 4}
        if place % 3 == 0:
            yield ALIAS, {"id": figure, "within": article, "key": f"figure {place // 3}", "rank": 6}
        yield PAIR, {
            "pair_id": pair, "source_id": article, "document_id": f"artifact://figures/{article}", "parent_id": figure,
            "part_id": panel, "image": _digest(rng), "phash": f"{rng.getrandbits(64):016x}",
        }  # fmt: skip
        yield MEMBER, {
            "member_id": pair, "since": since, "until": OPEN, "kind": "articles",
            "split": rng.choice(["train"] * 7 + ["val", "test"]),
        }  # fmt: skip


def _id(prefix: str, rng: random.Random) -> str:
    """As scattered as a real one."""
    return f"{prefix}_{rng.getrandbits(80):020x}"


def _digest(rng: random.Random) -> str:
    return f"{rng.getrandbits(256):064x}"


def _receipt(number: int) -> str:
    return f"received/{make_id('evt', str(number))}"


def _insert(connection: Connection, table: Table, rows: list[Row]) -> None:
    """By the drivers themselves, COPY where there is one: there are millions of rows."""
    if not rows:
        return
    columns = list(rows[0])
    quoted = ", ".join(f'"{name}"' for name in columns)
    if connection.dialect.name != "postgresql":
        places = ", ".join("?" for _ in columns)
        statement = f'insert into "{table.name}" ({quoted}) values ({places})'  # noqa: S608 - names of our own tables
        connection.exec_driver_sql(statement, [tuple(row.values()) for row in rows])
        return
    cursor = connection.connection.cursor()
    with cursor.copy(f'copy "{table.name}" ({quoted}) from stdin') as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))
