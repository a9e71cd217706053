"""`Finder` by the catalogue: a bounded number of statements, however long the history is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, Engine, and_, case, func, not_, select, tuple_, union

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.catalogue.engine import reached
from journalclip_shared.catalogue.tables import ALIAS, DATASET, DOCUMENT, MEMBER, MODEL, PARENT, ref_of
from journalclip_shared.finding import Held, Made, Stage
from journalclip_shared.kinds import Kind

_CHUNK = 400
_PAGE = 1000  # rows of a walk over everything
_NEWEST = 20  # datasets that are named
_MANY = 50  # documents of one source, or of one delivery's articles, that are looked into


class CatalogueFinder:
    """Asks one catalogue. Any number of threads may share it. Raises `TransientError`, `ConfigurationError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def documents(self, wanted: str, stage: Stage) -> list[ArtifactRef]:
        """The newest first: the highest rank of its producer."""
        with reached(), self._engine.connect() as connection:
            within = _within(connection, wanted)
            mine = and_(DOCUMENT.c.source_id.in_(within), DOCUMENT.c.stage == stage)
            order = (case((DOCUMENT.c.source_id == wanted, 0), else_=1), DOCUMENT.c.rank.desc())
            query = select(DOCUMENT).where(mine).order_by(*order, DOCUMENT.c.document_id.desc()).limit(_MANY)
            return [ref_of(row) for row in connection.execute(query)]

    def studies(self, wanted: str) -> list[str]:
        with reached(), self._engine.connect() as connection:
            return _within(connection, wanted)

    def datasets(self, member: str) -> Held:
        """The newest, and how many more there are: a pair of the first year is in every dataset since."""
        mine = MEMBER.c.member_id == member
        within = and_(DATASET.c.kind == MEMBER.c.kind, DATASET.c.place >= MEMBER.c.since)
        joined = MEMBER.join(DATASET, and_(within, DATASET.c.place < MEMBER.c.until))
        newest = select(DATASET.c.dataset_id, MEMBER.c.split).select_from(joined).where(mine)
        with reached(), self._engine.connect() as connection:
            spans = connection.execute(select(MEMBER).where(mine)).all()
            if not spans:
                return Held([])
            last = select(func.max(DATASET.c.place)).where(DATASET.c.kind == spans[0].kind)
            end = int(connection.execute(last).scalar_one()) + 1
            rows = connection.execute(newest.order_by(DATASET.c.place.desc()).limit(_NEWEST)).all()
        count = sum(min(int(each.until), end) - int(each.since) for each in spans)
        return Held([(str(each.dataset_id), str(each.split)) for each in rows[::-1]], count - len(rows))

    def first_dataset(self, member: str) -> tuple[str, int]:
        """The first dataset that holds a pair or a study (empty: none does), and how many later ones do."""
        first = select(MEMBER).where(MEMBER.c.member_id == member).order_by(MEMBER.c.since).limit(1)
        with reached(), self._engine.connect() as connection:
            row = connection.execute(first).first()
            if row is None:
                return "", 0
            mine = and_(DATASET.c.kind == row.kind, DATASET.c.place == row.since)
            dataset = str(connection.execute(select(DATASET.c.dataset_id).where(mine)).scalar_one())
        held = self.datasets(member)
        return dataset, len(held.datasets) + held.earlier - 1

    def all_documents(self, stage: Stage) -> Iterator[tuple[str, ArtifactRef]]:
        """Every document of a stage with its source, by source; a source's newest comes last."""
        order = (DOCUMENT.c.source_id, DOCUMENT.c.rank, DOCUMENT.c.document_id)
        after: tuple[str, int, str] | None = None
        while True:
            query = select(DOCUMENT).where(DOCUMENT.c.stage == stage).order_by(*order).limit(_PAGE)
            if after is not None:
                query = query.where(tuple_(*order) > tuple_(*after))
            with reached(), self._engine.connect() as connection:
                rows = connection.execute(query).all()
            yield from ((str(row.source_id), ref_of(row)) for row in rows)
            if len(rows) < _PAGE:
                return
            after = (str(rows[-1].source_id), int(rows[-1].rank), str(rows[-1].document_id))

    def all_datasets(self) -> list[tuple[str, str, str, str, int]]:
        """Id, kind, address and digest of the manifest, and pairs, in order of time."""
        columns = [DATASET.c[name] for name in ("dataset_id", "kind", "document_id", "sha256", "pairs")]
        query = select(*columns).order_by(DATASET.c.at, DATASET.c.dataset_id)
        with reached(), self._engine.connect() as connection:
            return [(str(a), str(b), str(c), str(d), int(e)) for a, b, c, d, e in connection.execute(query)]

    def all_models(self) -> list[tuple[str, str]]:
        """Id, and the address of its manifest."""
        query = select(MODEL.c.model_id, MODEL.c.document_id).order_by(MODEL.c.model_id)
        with reached(), self._engine.connect() as connection:
            return [(str(model), str(address)) for model, address in connection.execute(query)]

    def promoted(self, kind: Kind) -> str | None:
        """The model of a kind's last promotion or rollback."""
        mine = and_(MODEL.c.kind == kind, MODEL.c.promoted >= 0)
        query = select(MODEL.c.model_id).where(mine).order_by(MODEL.c.promoted.desc()).limit(1)
        with reached(), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else str(row.model_id)

    def promoted_datasets(self) -> set[str]:
        """The datasets of every model that was ever promoted."""
        query = select(MODEL.c.dataset_id).where(MODEL.c.promoted >= 0).distinct()
        with reached(), self._engine.connect() as connection:
            return {str(row.dataset_id) for row in connection.execute(query)}

    def models(self, datasets: Iterable[str]) -> list[Made]:
        wanted, found = sorted(set(datasets)), list[Made]()
        for at in range(0, len(wanted), _CHUNK):
            query = select(MODEL).where(MODEL.c.dataset_id.in_(wanted[at : at + _CHUNK])).order_by(MODEL.c.model_id)
            with reached(), self._engine.connect() as connection:
                rows = connection.execute(query).all()
            found += [Made(row.model_id, row.dataset_id, row.run_id, row.recipe) for row in rows]
        return found


def _within(connection: Connection, wanted: str) -> list[str]:
    """The articles or studies whose documents may hold ``wanted``: itself, what it is a part of, what came in it."""
    part = select(ALIAS.c.within).where(and_(ALIAS.c.id == wanted, not_(ALIAS.c.key.like("page %"))))
    came = select(PARENT.c.child_id).where(PARENT.c.source_id == wanted)
    found = sorted(str(row[0]) for row in connection.execute(union(part, came)))
    return list(dict.fromkeys([wanted, *found[:_MANY]]))
