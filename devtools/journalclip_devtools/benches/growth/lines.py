"""The limits of the growth measurement: each measured figure with its limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, event

from journalclip_devtools.benches.growth.filling import Filled
from journalclip_pipelines.operations.explaining import explained
from journalclip_shared.events import DatasetFrozen, ModelTrained, PairsStructured
from journalclip_shared.history import facts_of
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.testing.memory import CountingArtifacts, MemoryArtifacts

FLAT = 1.5  # largest ratio of a flat question's cost at the largest size to the cost at the size before
LINEAR_MS = 300.0  # ms: largest cost of a linear question at the largest size, on SQLite
EXPLAIN = 10  # most statements, and most reads of the store, for one id
_FLOOR_MS = 1.0  # below this cost, growth cannot be distinguished from noise and is not checked


@dataclass(frozen=True)
class Line:
    """One figure beside its limit."""

    name: str
    found: float
    most: float

    @property
    def holds(self) -> bool:
        return self.found <= self.most


def shown(database: str, question: str, flat: bool, cost: Mapping[int, float]) -> Iterator[Line]:
    """The checks of one question from its cost in ms at each size; none if there is only one size."""
    if len(cost) < 2:
        return
    before, last = sorted(cost)[-2:]
    name, growth = f"{database}: {question}", cost[last] / max(cost[before], 1e-9)
    if flat:
        yield Line(f"{name}, {last} to {before}", round(growth, 2), FLAT)
        return
    if cost[last] >= _FLOOR_MS:
        yield Line(f"{name}, {last} to {before}", round(growth, 2), round(last / before, 2))
    if database == "sqlite":
        yield Line(f"{name}, ms at {last}", round(cost[last], 1), LINEAR_MS)


def explained_within(database: str, engine: Engine, filled: Filled) -> Iterator[Line]:
    """Checks the most statements and store reads that `explained` makes for one id of each kind."""
    if not isinstance(filled.real.store, MemoryArtifacts):
        raise TypeError("the chain's store is in memory")
    store, statements, reads = CountingArtifacts(filled.real.store), [0], [0]

    def note(*_: object) -> None:
        statements[-1] += 1

    fact = next(facts_of(filled.real.bus, PairsStructured))
    pair = StructuredArticle.model_validate_json(store.get(fact.document)).pairs[0]
    dataset = next(facts_of(filled.real.bus, DatasetFrozen)).dataset_id
    model = next(facts_of(filled.real.bus, ModelTrained)).model_id
    event.listen(engine, "before_cursor_execute", note)
    for each in (pair.pair_id, pair.figure_id, fact.article_id, dataset, model):
        statements.append(0)
        store.reads = 0
        explained(store, engine, each)
        reads.append(store.reads)
    event.remove(engine, "before_cursor_execute", note)
    yield Line(f"{database}: statements of explain", max(statements), EXPLAIN)
    yield Line(f"{database}: store reads of explain", max(reads), EXPLAIN)
