"""How well the champion's whole search, words and looks, answers a reader's queries: of figures, and of studies.

Beside the queries that any search is judged by (`journalclip_evaluation.reader_queries`) words are asked in other
spellings, with slips, in the plural and by other names, and titles, DOIs and captions are looked up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from journalclip_evaluation.reader_queries import (
    JudgedQuery,
    K,
    TypeFigure,
    figures,
    queries_of,
    said_of_pair,
    said_of_study,
    spread,
    summarise_queries,
)
from journalclip_inference.analysis import analyzer
from journalclip_inference.engine import SearchEngine
from journalclip_inference.index.rows import Row
from journalclip_inference.search.ranker import Mode
from journalclip_inference.studies.said import StudyFilters
from journalclip_inference.studies.shelf import StudyShelf
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.kinds import Kind

_SPELLINGS = (("haem", "hem"), ("oedema", "edema"), ("tumour", "tumor"), ("ischaem", "ischem"), ("fibre", "fiber"))


@dataclass(frozen=True)
class Reply:
    """Ids, best first, and whether the reader was told that nothing says it."""

    ids: Sequence[str]
    told: bool


class Searched(Protocol):
    """What differs between kinds: what there is to find, and how it is asked for."""

    def queries(self, take: int) -> list[JudgedQuery]: ...

    def ask(self, text: str, k: int) -> Reply: ...


class SearchedFigures:
    """The champion's collection of figures."""

    def __init__(self, workspace: Workspace, mode: Mode) -> None:
        """Raises as `SearchEngine.open`."""
        self._engine = SearchEngine.open(workspace.store, workspace.registry("articles"), workspace.cache)
        self._mode: Mode = mode

    def queries(self, take: int) -> list[JudgedQuery]:
        collection = self._engine.snapshot.collection
        return figure_queries([collection.row(position) for position in collection.shown().tolist()], take)

    def ask(self, text: str, k: int) -> Reply:
        answer = self._engine.answer(text, k=k, mode=self._mode)
        return Reply([hit.pair_id for hit in answer.hits], answer.notice is not None)


class SearchedStudies:
    """The champion's archive of studies."""

    def __init__(self, workspace: Workspace, mode: Mode) -> None:
        self._shelf = StudyShelf(workspace.store, workspace.registry("studies"), workspace.cache, None)
        self._store, self._mode = workspace.store, mode

    def queries(self, take: int) -> list[JudgedQuery]:
        dataset = FrozenStudies.open(self._store, self._shelf.champion().manifest.dataset)
        studies = (study for split in dataset.manifest.splits for study in dataset.studies(split))
        return with_variants(queries_of((said_of_study(study) for study in studies), take))

    def ask(self, text: str, k: int) -> Reply:
        answer = self._shelf.search(text, k, StudyFilters(), self._mode)
        return Reply([hit.study_id for hit in answer.hits], answer.notice is not None)


def searched(workspace: Workspace, kind: Kind, mode: Mode) -> Searched:
    """Raises `NoChampion`, `IndexAbsent`."""
    return SearchedStudies(workspace, mode) if kind == "studies" else SearchedFigures(workspace, mode)


def read_queries(path: Path) -> list[JudgedQuery]:
    """A list of one's own, as JSON lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [JudgedQuery.model_validate_json(line) for line in lines if line.strip()]


def figure_queries(rows: Sequence[Row], take: int = 20) -> list[JudgedQuery]:
    """Queries of figures, with what is looked up exactly."""
    made = queries_of((said_of_pair(row.pair) for row in rows), take)
    known: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in rows:
        for kind, text in (("title", row.title), ("doi", row.doi), ("caption", row.pair.text)):
            if text:
                known[kind, text][row.pair.pair_id] = 1.0
    by_type: dict[str, list[JudgedQuery]] = defaultdict(list)
    for (kind, text), right in known.items():
        by_type[kind].append(JudgedQuery(type=kind, text=text, right=right))
    return [*with_variants(made), *(each for queries in by_type.values() for each in spread(queries, take))]


def with_variants(made: Iterable[JudgedQuery]) -> list[JudgedQuery]:
    made = list(made)
    return [*made, *(each for query in made if query.type == "finding" for each in _variants(query))]


def measure(queries: Iterable[JudgedQuery], ask: Callable[[str, int], Reply]) -> list[TypeFigure]:
    """One figure over all, and one a type."""
    values = []
    for query in queries:
        reply = ask(query.text, K)
        grades = [query.right.get(each, 0.0) for each in reply.ids]
        values.append((query.type, *figures(grades, list(query.right.values())), float(reply.told)))
    return summarise_queries(values)


def _variants(query: JudgedQuery) -> Iterator[JudgedQuery]:
    """The same thing asked for otherwise: the right ones stay."""
    reader = analyzer()
    for british, american in _SPELLINGS:
        if british in query.text:
            yield query.model_copy(update={"type": "spelling", "text": query.text.replace(british, american)})
    word = max(query.text.split(), key=len)
    middle = len(word) // 2
    if len(word) >= 7 and word[middle] != word[middle - 1]:
        swapped = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
        yield query.model_copy(update={"type": "misspelling", "text": query.text.replace(word, swapped)})
    plural = query.text + ("es" if query.text.endswith(("s", "x")) else "s")
    reading = reader.read(query.text)
    if reader.read(plural).stems == reading.stems:
        yield query.model_copy(update={"type": "plural", "text": plural})
    for found in reading.concepts[:1]:
        names = [name for name in found.concept.names if name.isascii() and name.lower() != query.text.lower()]
        if names and found.end - found.first == len(reading.words):
            yield query.model_copy(update={"type": "synonym", "text": names[len(names) // 2]})
