"""A durable bus in one SQLite file: what local mode and unit tests run on.

One table is the log, one holds each group's position by topic. Each topic is one partition. Publishing the same fact
twice appends it once, since an event's id is a digest of its content; raw records are always appended. A group is read
by one process at a time, as in local mode; positions only grow.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from journalclip_shared.bus import Delivery, Record
from journalclip_shared.errors import TransientError
from journalclip_shared.events import Event, Headers, encode
from journalclip_shared.failpoints import hit
from journalclip_shared.names import FORMER_GROUPS

_SCHEMA = """
create table if not exists log (
  seq integer primary key autoincrement,
  topic text not null,
  key text not null,
  event_id text,
  headers text not null,
  body blob not null
);
create unique index if not exists log_once on log (topic, event_id) where event_id is not null;
create index if not exists log_by_topic on log (topic, seq);
create table if not exists positions (
  grp text not null, topic text not null, seq integer not null, primary key (grp, topic)
);
"""
_APPEND = "insert or ignore into log (topic, key, event_id, headers, body) values (?, ?, ?, ?, ?)"
_BUSY_S = 30.0  # how long to wait for another process's write before saying that the log cannot be reached
_POLL_S = 0.05  # an idle consumer looks this often; well under what a person notices


class SqliteBus:
    """`Bus` over one file. Any number of threads and processes may publish."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()
        self._db = _connect(path)
        with self._lock, _transient():
            self._db.executescript(_SCHEMA)

    def publish(self, events: Sequence[Event]) -> None:
        rows = []
        for event in events:
            headers, body = encode(event)
            rows.append((event.topic, event.key, event.id, _dump(headers), body))
        self._append(rows)

    def publish_raw(self, records: Sequence[Record]) -> None:
        self._append([(r.topic, r.key, None, _dump(r.headers), r.body) for r in records])

    def consumer(self, topics: Sequence[str], group: str) -> SqliteConsumer:
        return SqliteConsumer(self._path, tuple(topics), group)

    def read(self, topic: str, places: Mapping[int, int] | None = None) -> Iterator[Delivery]:
        """See `Bus.read`; a topic is one partition here."""
        with self._lock, _transient():
            rows = self._db.execute(
                "select topic, seq, key, headers, body from log where topic = ? and seq >= ? order by seq",
                (topic, (places or {}).get(0, 0)),
            ).fetchall()
        yield from (_delivery(row) for row in rows)

    def reopen(self) -> None: ...  # a database in a file has no connection that breaks

    def close(self) -> None:
        self._db.close()

    def _append(self, rows: Sequence[tuple[str, str, str | None, str, bytes]]) -> None:
        hit("bus.before-send")
        with self._lock, _transient(), self._db:
            half = len(rows) // 2
            self._db.executemany(_APPEND, rows[:half])
            hit("bus.sent-in-part")
            self._db.executemany(_APPEND, rows[half:])
            hit("bus.sent")
        hit("bus.acknowledged")


class SqliteConsumer:
    """`Consumer` with its own connection, so that it may live in its own thread."""

    def __init__(self, path: Path, topics: tuple[str, ...], group: str) -> None:
        self._db = _connect(path)
        self._group = group
        self._succeed(FORMER_GROUPS.get(group, ""), topics)
        self._polled = {topic: self._position(topic) for topic in topics}

    def poll(self, timeout_s: float, max_records: int) -> list[Delivery]:
        deadline = time.monotonic() + timeout_s
        while True:
            found = self._fetch(max_records)
            if found or time.monotonic() >= deadline:
                return found
            time.sleep(min(_POLL_S, timeout_s))

    def heartbeat(self) -> None:
        """Nothing to keep: no other member can take a local group's topics."""

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        done: dict[str, int] = {}
        for delivery in deliveries:
            done[delivery.topic] = max(done.get(delivery.topic, 0), delivery.offset)
        with _transient(), self._db:
            self._db.executemany(
                "insert into positions values (?, ?, ?) "
                "on conflict (grp, topic) do update set seq = max(seq, excluded.seq)",
                [(self._group, topic, seq) for topic, seq in done.items()],
            )

    def lag(self) -> int:
        with _transient():
            return sum(
                int(
                    self._db.execute(
                        "select count(*) from log where topic = ? and seq > ?", (topic, self._position(topic))
                    ).fetchone()[0]
                )
                for topic in self._polled
            )

    def close(self) -> None:
        self._db.close()

    def _succeed(self, former: str, topics: tuple[str, ...]) -> None:
        """Begin where a group of another name stopped, in topics where this one has no place yet."""
        with _transient(), self._db:
            self._db.executemany(
                "insert or ignore into positions select ?, topic, seq from positions where grp = ? and topic = ?",
                [(self._group, former, topic) for topic in topics if former],
            )

    def _fetch(self, max_records: int) -> list[Delivery]:
        found: list[Delivery] = []
        for topic, position in tuple(self._polled.items()):
            with _transient():
                rows = self._db.execute(
                    "select topic, seq, key, headers, body from log where topic = ? and seq > ? order by seq limit ?",
                    (topic, position, max_records - len(found)),
                ).fetchall()
            if rows:
                found.extend(_delivery(row) for row in rows)
                # Read last next time, so that a busy topic cannot starve the others.
                del self._polled[topic]
                self._polled[topic] = found[-1].offset
            if len(found) >= max_records:
                break
        return found

    def _position(self, topic: str) -> int:
        with _transient():
            row = self._db.execute(
                "select seq from positions where grp = ? and topic = ?", (self._group, topic)
            ).fetchone()
        return int(row[0]) if row else 0


def _connect(path: Path) -> sqlite3.Connection:
    with _transient():
        db = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False)
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")  # a commit survives a power cut, not only a killed process
    return db


@contextmanager
def _transient() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:  # locked, disk full, input/output error
        raise TransientError(f"event log: {error}", "bus") from error


def _dump(headers: Headers) -> str:
    # Latin-1 maps every byte to one character and back, so that poison headers survive too.
    return json.dumps([[name, value.decode("latin-1")] for name, value in headers])


def _delivery(row: tuple[str, int, str, str, bytes]) -> Delivery:
    topic, seq, key, headers, body = row
    pairs = tuple((str(name), str(value).encode("latin-1")) for name, value in json.loads(headers))
    return Delivery(topic, 0, seq, key, pairs, body)
