"""What people and services ask of the catalogue. Every question is a bounded number of SQL statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, exists, func, not_, or_, select, tuple_

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.catalogue.engine import reached
from journalclip_shared.catalogue.tables import (
    DATASET,
    DOCUMENT,
    FAILED,
    MODEL,
    PAIR,
    PARENT,
    PLACE,
    QUARANTINE,
    RECEIPT,
    SOURCE,
    STEP,
    WITHDRAWN,
    ref_of,
)
from journalclip_shared.ids import Json

_CHUNK = 400
_LIKE_ESCAPE = "\\"


@dataclass(frozen=True)
class SourceRow:
    """One source; code and what to do where it is in quarantine."""

    source_id: str
    kind: str
    name: str
    received: str
    state: str
    items: int
    pairs: int
    stage: str = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, Json]:
        return asdict(self)


@dataclass(frozen=True)
class Place:
    """Where a thing is: its source, that source's documents, and the datasets and models made of its kind."""

    asked: str
    found_by: str  # "source", "article", "name", "pair", "figure", "dataset" or "model"
    source: SourceRow | None
    pair_id: str = ""
    documents: tuple[dict[str, Json], ...] = ()

    def as_json(self) -> dict[str, Json]:
        source = self.source.as_json() if self.source else None
        return {**asdict(self), "source": source, "documents": list(self.documents)}


@dataclass(frozen=True)
class Step:
    """One fact about a thing: when it was said first (ISO 8601, UTC), by whom, and under which trace."""

    at: str
    thing: str
    topic: str
    by: str
    trace: str = ""


class Catalogue:
    """Reads one catalogue. Any number of threads may share it. Raises `TransientError`, `ConfigurationError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self) -> dict[str, int]:
        """Sources by state."""
        query = select(SOURCE.c.state, func.count()).group_by(SOURCE.c.state).order_by(SOURCE.c.state)
        with reached(), self._engine.connect() as connection:
            return {str(state): int(count) for state, count in connection.execute(query)}

    def sources(
        self, kind: str = "", state: str = "", after: tuple[str, str] | None = None, limit: int = 100
    ) -> list[SourceRow]:
        """One page of sources in order of arrival; ``after`` is (received, source_id) of the last page's last row."""
        query = _rows().order_by(SOURCE.c.received, SOURCE.c.source_id).limit(limit)
        if kind:
            query = query.where(SOURCE.c.kind == kind)
        if state:
            query = query.where(SOURCE.c.state == state)
        if after is not None:
            query = query.where(tuple_(SOURCE.c.received, SOURCE.c.source_id) > tuple_(*after))
        with reached(), self._engine.connect() as connection:
            return [_source(row) for row in connection.execute(query)]

    def all_sources(self, kind: str = "", state: str = "") -> Iterator[SourceRow]:
        """Every source, a page at a time."""
        after: tuple[str, str] | None = None
        while page := self.sources(kind, state, after, 1000):
            yield from page
            after = (page[-1].received, page[-1].source_id)

    def source(self, source_id: str) -> SourceRow | None:
        """One submission."""
        with reached(), self._engine.connect() as connection:
            row = connection.execute(_rows().where(SOURCE.c.source_id == source_id)).first()
        return None if row is None else _source(row)

    def came_in(self, source_id: str) -> list[str]:
        """The articles or studies of a submission, by id."""
        query = select(PARENT.c.child_id).where(PARENT.c.source_id == source_id).order_by(PARENT.c.child_id)
        with reached(), self._engine.connect() as connection:
            return [str(row.child_id) for row in connection.execute(query)]

    def held(self) -> dict[str, int]:
        """How many articles or studies came in each submission."""
        query = select(PARENT.c.source_id, func.count()).group_by(PARENT.c.source_id)
        with reached(), self._engine.connect() as connection:
            return {str(source): int(count) for source, count in connection.execute(query)}

    def refused(self) -> list[SourceRow]:
        """What is in quarantine and is neither a submission nor came in one: datasets, and studies never stored."""
        came_in = exists().where(PARENT.c.child_id == QUARANTINE.c.source_id)
        query = _verdicts().where(and_(SOURCE.c.source_id.is_(None), not_(came_in)))
        with reached(), self._engine.connect() as connection:
            found = {row.source_id: _source(row) for row in connection.execute(query)}
        return list(found.values())

    def quarantined(self, code: str = "", after: str = "", limit: int = 100) -> list[SourceRow]:
        """One page of what is in quarantine now, sources first known or not; ``after`` is the last page's last id."""
        query = _verdicts().limit(limit)
        if code:
            query = query.where(QUARANTINE.c.code == code)
        if after:
            query = query.where(QUARANTINE.c.source_id > after)
        with reached(), self._engine.connect() as connection:
            return [_source(row) for row in connection.execute(query)]

    def where(self, asked: str) -> list[Place]:
        """Everything that ``asked`` names: an id of a source, pair, figure, dataset or model, or a file's name."""
        with reached(), self._engine.connect() as connection:
            row = connection.execute(_rows().where(SOURCE.c.source_id == asked)).first()
            if row is not None:
                return [self._place(asked, "source", _source(row))]
            pair = connection.execute(
                select(PAIR.c.pair_id, PAIR.c.source_id, PAIR.c.parent_id)
                .where(or_(PAIR.c.pair_id == asked, PAIR.c.parent_id == asked, PAIR.c.part_id == asked))
                .limit(1)
            ).first()
            if pair is not None:
                by = "pair" if pair.pair_id == asked else "figure"
                child, pair_id = str(pair.source_id), str(pair.pair_id)
                return [self._place(asked, by, each, pair_id, child) for each in self._submissions(connection, child)]
            if found := self._submissions(connection, asked):
                return [self._place(asked, "article", each, child=asked) for each in found]
            for table, column, by in ((DATASET, "dataset_id", "dataset"), (MODEL, "model_id", "model")):
                if connection.execute(select(table.c[column]).where(table.c[column] == asked)).first():
                    return [Place(asked, by, None)]
            names = connection.execute(
                _rows()
                .where(SOURCE.c.name.like(_pattern(asked), escape=_LIKE_ESCAPE))
                .order_by(SOURCE.c.name)
                .limit(50)
            ).all()
        return [self._place(asked, "name", _source(row)) for row in names]

    def newest(self, source_id: str, stage: str) -> ArtifactRef | None:
        """The newest document of a source and stage: the highest rank of its producer, not the latest event."""
        query = (
            select(DOCUMENT)
            .where(and_(DOCUMENT.c.source_id == source_id, DOCUMENT.c.stage == stage))
            .order_by(DOCUMENT.c.rank.desc(), DOCUMENT.c.document_id.desc())
            .limit(1)
        )
        with reached(), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else ref_of(row)

    def ranks(self, documents: Sequence[str]) -> dict[str, int]:
        """By address, the rank of those of ``documents`` that are known."""
        found = dict[str, int]()
        for at in range(0, len(documents), _CHUNK):
            chosen = DOCUMENT.c.document_id.in_(documents[at : at + _CHUNK])
            query = select(DOCUMENT.c.document_id, DOCUMENT.c.rank).where(chosen)
            with reached(), self._engine.connect() as connection:
                found |= {str(row.document_id): int(row.rank) for row in connection.execute(query)}
        return found

    def pairs(self, source_id: str, limit: int) -> list[str]:
        """The first pairs of an article or study, by id."""
        query = select(PAIR.c.pair_id).where(PAIR.c.source_id == source_id).order_by(PAIR.c.pair_id).limit(limit)
        with reached(), self._engine.connect() as connection:
            return [str(row.pair_id) for row in connection.execute(query)]

    def steps(self, things: Sequence[str]) -> list[Step]:
        """What was said of ``things``, in order of time."""
        found = list[Step]()
        for at in range(0, len(things), _CHUNK):
            query = select(STEP).where(STEP.c.source_id.in_(things[at : at + _CHUNK]))
            with reached(), self._engine.connect() as connection:
                rows = connection.execute(query).all()
            found += [Step(each.at, each.source_id, each.topic, each.by, each.trace) for each in rows]
        return sorted(found, key=lambda each: (each.at, each.topic, each.thing))

    def receipts(self, names: Sequence[str]) -> set[str]:
        """Those of ``names`` (receipts of the inbox) that a submission came with."""
        found = set[str]()
        for at in range(0, len(names), _CHUNK):
            query = select(RECEIPT.c.receipt).where(RECEIPT.c.receipt.in_(names[at : at + _CHUNK]))
            with reached(), self._engine.connect() as connection:
                found.update(str(row.receipt) for row in connection.execute(query))
        return found

    def words(self, subjects: Iterable[tuple[str, str]]) -> list[dict[str, Json]]:
        """The withdrawals that hold now of these (scope, subject), each once."""
        wanted, found = list(dict.fromkeys(subjects)), list[dict[str, Json]]()
        for at in range(0, len(wanted), _CHUNK):
            chosen = tuple_(WITHDRAWN.c.scope, WITHDRAWN.c.subject).in_(wanted[at : at + _CHUNK])
            query = select(WITHDRAWN).where(and_(chosen, WITHDRAWN.c.action == "withdraw"))
            with reached(), self._engine.connect() as connection:
                rows = connection.execute(query.order_by(WITHDRAWN.c.scope, WITHDRAWN.c.subject)).all()
            found += [
                {"scope": each.scope, "subject": each.subject, "reason": each.reason, "who": each.who, "time": each.at}
                for each in rows
            ]
        return found

    def failed(self) -> int:
        """How many records could not be projected."""
        with reached(), self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(FAILED)).scalar_one())

    def failures(self) -> list[tuple[str, str]]:
        """The place in the log of each record that could not be projected, and why."""
        query = select(FAILED).order_by(FAILED.c.topic, FAILED.c.partition, FAILED.c.offset)
        with reached(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [(f"{row.topic}/{row.partition}/{row.offset}", str(row.error)) for row in rows]

    def places(self) -> dict[tuple[str, int], int]:
        """The next offset of each partition."""
        with reached(), self._engine.connect() as connection:
            return {(str(t), int(p)): int(n) for t, p, n in connection.execute(select(PLACE))}

    @staticmethod
    def _submissions(connection: Connection, child: str) -> list[SourceRow]:
        """The submissions that a source came in."""
        found = _rows().where(SOURCE.c.source_id.in_(select(PARENT.c.source_id).where(PARENT.c.child_id == child)))
        return [_source(row) for row in connection.execute(found.order_by(SOURCE.c.received, SOURCE.c.source_id))]

    def _place(self, asked: str, by: str, source: SourceRow | None, pair_id: str = "", child: str = "") -> Place:
        documents: Sequence[Row[Any]] = ()
        if source is not None:
            within = select(PARENT.c.child_id).where(PARENT.c.source_id == source.source_id)
            own = DOCUMENT.c.source_id == child if child else DOCUMENT.c.source_id.in_(within)
            query = select(DOCUMENT).where(own)
            with reached(), self._engine.connect() as connection:
                documents = connection.execute(query.order_by(DOCUMENT.c.stage, DOCUMENT.c.rank)).all()
        found: tuple[dict[str, Json], ...] = tuple(
            {"stage": row.stage, "producer": row.producer, "rank": row.rank, "uri": row.document_id}
            for row in documents
        )
        return Place(asked, by, source, pair_id, found)


def _rows() -> Select[Any]:
    """The columns of `SourceRow`, in the order of its fields."""
    verdict = and_(QUARANTINE.c.source_id == SOURCE.c.source_id, QUARANTINE.c.stage == SOURCE.c.stage)
    own = [SOURCE.c[name] for name in SourceRow.__dataclass_fields__ if name in SOURCE.c]
    words = [func.coalesce(QUARANTINE.c[name], "").label(name) for name in ("reason", "remedy")]
    return select(*own, *words).select_from(SOURCE.outerjoin(QUARANTINE, verdict))


def _verdicts() -> Select[Any]:
    """Verdicts that stand, with the columns of `SourceRow`, sources known or not."""
    return (
        select(
            QUARANTINE.c.source_id,
            func.coalesce(SOURCE.c.kind, "").label("kind"),
            func.coalesce(func.nullif(SOURCE.c.name, ""), QUARANTINE.c.name).label("name"),
            func.coalesce(SOURCE.c.received, "").label("received"),
            func.coalesce(SOURCE.c.state, "quarantined").label("state"),
            func.coalesce(SOURCE.c["items"], 0).label("items"),
            func.coalesce(SOURCE.c.pairs, 0).label("pairs"),
            QUARANTINE.c.stage,
            QUARANTINE.c.code,
            QUARANTINE.c.reason,
            QUARANTINE.c.remedy,
        )
        .select_from(QUARANTINE.outerjoin(SOURCE, SOURCE.c.source_id == QUARANTINE.c.source_id))
        .where(_stands())
        .order_by(QUARANTINE.c.source_id, QUARANTINE.c.stage)
    )


def _stands() -> ColumnElement[bool]:
    """A quarantine stands while its step has no document of the source, or of a source that came in that submission."""
    step = DOCUMENT.c.stage == QUARANTINE.c.step
    own = exists().where(and_(step, DOCUMENT.c.source_id == QUARANTINE.c.source_id))
    came_in = and_(PARENT.c.source_id == QUARANTINE.c.source_id, PARENT.c.child_id == DOCUMENT.c.source_id)
    return and_(not_(own), not_(exists().where(and_(step, came_in))))


def _source(row: Any) -> SourceRow:  # rows of several selects, all with the columns of `SourceRow`
    return SourceRow(**{name: getattr(row, name) for name in SourceRow.__dataclass_fields__})


def _pattern(asked: str) -> str:
    escaped = asked
    for special in (_LIKE_ESCAPE, "%", "_"):
        escaped = escaped.replace(special, _LIKE_ESCAPE + special)
    return f"%{escaped}%"
