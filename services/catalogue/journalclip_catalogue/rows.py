"""What facts become as rows, whatever order they come in.

Every row has one rule for two facts that speak of the same thing:

* a submission keeps its first time, then its first name;
* of a stage's documents the one of the highest rank is the newest, then the one of the highest address;
* a quarantine keeps the verdict of the latest time, then of the highest code, and falls to any document of its step;
* a step keeps the time at which it was said first;
* a dataset keeps the time of its first announcement;
* a model keeps the highest sequence of its promotions;
* of the words on one subject (withdrawn, reinstated) the one of the highest sequence holds.

The state of a submission follows from these rows and from nothing else: it is structured when every source that came in
it is, in quarantine when one of them, or the submission itself, is, and withdrawn when all that came in it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, bindparam, delete, select, update

from journalclip_catalogue.keys import keys_of_article, keys_of_pairs, keys_of_study
from journalclip_catalogue.members import displace
from journalclip_catalogue.upsert import insert_new, insert_or_replace
from journalclip_shared.artifacts import ArtifactMissing, ArtifactRef, ArtifactStore
from journalclip_shared.catalogue.tables import (
    ALIAS,
    BELONGS,
    DATASET,
    DOCUMENT,
    MODEL,
    PAIR,
    PARENT,
    QUARANTINE,
    RECEIPT,
    SOURCE,
    STEP,
    WITHDRAWN,
)
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import (
    ArticleSubmitted,
    DatasetFrozen,
    DeliverySubmitted,
    Event,
    FiguresExtracted,
    ModelPromoted,
    ModelTrained,
    PairsStructured,
    SourceQuarantined,
    SourcesReinstated,
    SourcesWithdrawn,
    StudyStructured,
    StudySubmitted,
    VolumesExtracted,
)
from journalclip_shared.ranks import rank_of
from journalclip_shared.records.article import ExtractedArticle
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.records.study import ExtractedStudy, StructuredStudy
from journalclip_shared.records.withdrawal import Withdrawal
from journalclip_shared.withdrawals import CODE as WITHDRAWN_CODE
from journalclip_shared.withdrawals import collection_key, tombstone_of

Row = dict[str, object]
DocumentT = TypeVar("DocumentT", bound=BaseModel)
KeyT = TypeVar("KeyT")
_STAGES = ("structuring", "extraction")  # the latest first
_STATES = {"structuring": "structured", "extraction": "extracted"}
_CHUNK = 400
_SETS = ("parents", "belongs", "aliases", "touched")


@dataclass
class Changes:
    """What a batch of facts says, merged; `apply` writes it."""

    sources: dict[str, Row] = field(default_factory=dict)
    parents: set[tuple[str, str]] = field(default_factory=set)  # source and the submission it came in
    documents: dict[str, Row] = field(default_factory=dict)
    pairs: dict[str, list[Row]] = field(default_factory=dict)  # by document
    quarantines: dict[tuple[str, str], Row] = field(default_factory=dict)
    datasets: dict[str, Row] = field(default_factory=dict)
    models: dict[str, Row] = field(default_factory=dict)
    withdrawn: dict[tuple[str, str], Row] = field(default_factory=dict)
    belongs: set[tuple[str, str, str]] = field(default_factory=set)  # child, scope, subject
    aliases: set[tuple[str, str, str, int]] = field(default_factory=set)  # id, what it is within, its key there, rank
    steps: dict[tuple[str, str], Row] = field(default_factory=dict)  # by thing and event
    receipts: set[tuple[str, str]] = field(default_factory=set)  # receipt and the submission
    touched: set[str] = field(default_factory=set)

    def add(self, event: Event, store: ArtifactStore) -> None:
        """Of a document that was erased, what its tombstone says.

        Raises `PermanentError` where the fact's document cannot be read, `TransientError`.
        """
        try:
            self._add(event, store)
        except ArtifactMissing:
            document = getattr(event.fact, "document", None)
            left = tombstone_of(store, document) if isinstance(document, ArtifactRef) else None
            if left is None or not left.rows:
                raise
            self.load(left.rows)
        self._step(event)

    def dump(self) -> str:
        """What documents say, as JSON: for their tombstones."""
        said = {name: sorted(getattr(self, name)) for name in _SETS}
        return json.dumps({"documents": self.documents, "pairs": self.pairs, "sources": self.sources, **said})

    def load(self, dumped: str) -> None:
        """Add what `dump` said."""
        found = json.loads(dumped)
        for source_id, row in found["sources"].items():
            self.sources.setdefault(source_id, row)
        self.documents |= found["documents"]
        self.pairs |= found["pairs"]
        self.parents |= {(child, source) for child, source in found["parents"]}
        self.belongs |= {(child, scope, subject) for child, scope, subject in found["belongs"]}
        self.aliases |= {(each, within, key, rank) for each, within, key, rank in found["aliases"]}
        self.touched |= set(found["touched"])

    def _add(self, event: Event, store: ArtifactStore) -> None:
        fact, at = event.fact, event.time.isoformat()
        match fact:
            case ArticleSubmitted() | DeliverySubmitted():
                self._source(fact.key, "articles", fact.name, at)
                if fact.receipt:
                    self.receipts.add((fact.receipt, fact.key))
            case StudySubmitted():
                self._source(fact.study_id, "studies", fact.name, at)
            case FiguresExtracted():
                extracted = _read(store, fact.document, ExtractedArticle)
                self._came_in(fact.article_id, fact.source, "articles")
                self._document(fact.article_id, "extraction", extracted.extractor, fact.document, fact.figures)
                if journal := collection_key(extracted.facts.journal.value or ""):
                    self.belongs.add((fact.article_id, "collection", journal))
                self.aliases |= keys_of_article(extracted, rank_of(extracted.extractor))
            case VolumesExtracted():
                volumes = _read(store, fact.document, ExtractedStudy)
                self._came_in(fact.study_id, fact.study_id, "studies")
                self._document(fact.study_id, "extraction", volumes.extractor, fact.document, fact.volumes)
                self.belongs.add((fact.study_id, "patient", volumes.patient))
                self.aliases |= keys_of_study(volumes, rank_of(volumes.extractor))
            case PairsStructured():
                article = _read(store, fact.document, StructuredArticle)
                producer = article.structurer
                self._document(fact.article_id, "structuring", producer, fact.document, fact.pairs)
                self.pairs[fact.document.uri] = [
                    {
                        "pair_id": each.pair_id,
                        "source_id": fact.article_id,
                        "document_id": fact.document.uri,
                        "parent_id": each.figure_id,
                        "part_id": each.panel_id or "",
                        "image": each.image.sha256,
                        "phash": each.phash or "",
                    }
                    for each in article.pairs
                ]
                self.aliases |= keys_of_pairs(self.pairs[fact.document.uri], rank_of(producer))
            case StudyStructured():
                study = _read(store, fact.document, StructuredStudy)
                producer = study.structurer
                self._document(fact.study_id, "structuring", producer, fact.document, fact.pairs)
                self.pairs[fact.document.uri] = [
                    {
                        "pair_id": each.pair_id,
                        "source_id": fact.study_id,
                        "document_id": fact.document.uri,
                        "parent_id": each.study_id,
                        "part_id": each.sequence,
                        "image": each.volume.sha256,
                        "phash": "",
                    }
                    for each in study.pairs
                ]
                self.aliases |= keys_of_pairs(self.pairs[fact.document.uri], rank_of(producer))
            case SourceQuarantined():
                self._quarantine(fact, at)
            case SourcesWithdrawn() | SourcesReinstated():
                self._word(fact, _read(store, fact.document, Withdrawal))
            case DatasetFrozen():
                self.datasets[fact.dataset_id] = {
                    "dataset_id": fact.dataset_id,
                    "kind": str(fact.kind),
                    "document_id": fact.manifest.uri,
                    "sha256": fact.manifest.sha256,
                    "pairs": fact.pairs,
                    "at": min(at, str(self.datasets.get(fact.dataset_id, {"at": at})["at"])),
                }
            case ModelTrained():
                self._model(fact, _read(store, fact.manifest, ModelManifest), -1)
            case ModelPromoted():
                self._model(fact, _read(store, fact.manifest, ModelManifest), fact.sequence)
            case _:
                pass  # what the catalogue has no row for yet

    def _step(self, event: Event) -> None:
        row: Row = {
            "source_id": event.key,
            "event_id": event.id,
            "topic": event.topic,
            "at": event.time.astimezone(UTC).isoformat(),
            "by": event.source,
            "trace": (event.traceparent or "").split("-")[1] if (event.traceparent or "").count("-") == 3 else "",
        }
        held = self.steps.setdefault((event.key, event.id), row)
        self.steps[event.key, event.id] = min(held, row, key=_at)

    def _source(self, source_id: str, kind: str, name: str, at: str) -> None:
        row: Row = {"source_id": source_id, "kind": kind, "name": name, "received": at}
        held = self.sources.get(source_id)
        self.sources[source_id] = row if held is None else _first(held, row)
        self.touched.add(source_id)

    def _came_in(self, child: str, source_id: str, kind: str) -> None:
        # A document may be announced before its submission is seen: topics are read in any order.
        self.sources.setdefault(source_id, {"source_id": source_id, "kind": kind, "name": "", "received": ""})
        self.parents.add((child, source_id))
        self.touched.add(child)

    def _document(self, source_id: str, stage: str, producer: str, ref: ArtifactRef, items: int) -> None:
        self.documents[ref.uri] = {
            "document_id": ref.uri,
            "source_id": source_id,
            "stage": stage,
            "producer": producer,
            "rank": rank_of(producer),
            "sha256": ref.sha256,
            "bytes": ref.bytes,
            "media_type": ref.media_type,
            "items": items,
        }
        self.touched.add(source_id)

    def _quarantine(self, fact: SourceQuarantined, at: str) -> None:
        row: Row = {
            "source_id": fact.source_id,
            "stage": fact.stage,
            # What was refused at intake for a withdrawal is settled by whatever is extracted of it.
            "step": "extraction" if fact.code == WITHDRAWN_CODE else fact.stage.partition("-")[0],
            "name": fact.name,
            "code": fact.code,
            "reason": fact.reason,
            "remedy": fact.remedy,
            "at": at,
        }
        key = (fact.source_id, fact.stage)
        held = self.quarantines.get(key)
        self.quarantines[key] = row if held is None else max(held, row, key=_verdict)
        self.touched.add(fact.source_id)

    def _word(self, fact: SourcesWithdrawn | SourcesReinstated, word: Withdrawal) -> None:
        row: Row = {
            "scope": word.scope,
            "subject": word.subject,
            "sequence": word.sequence,
            "action": word.action,
            "reason": word.reason or "",
            "who": word.who,
            "at": word.time,
            "erase": int(word.erase),
            "document_id": fact.document.uri,
        }
        key = (word.scope, word.subject)
        held = self.withdrawn.get(key)
        self.withdrawn[key] = row if held is None else max(held, row, key=_said)

    def _model(self, fact: ModelTrained | ModelPromoted, model: ModelManifest, promoted: int) -> None:
        held = self.models.get(fact.model_id)
        if held is not None:
            promoted = max(promoted, int(str(held["promoted"])))
        self.models[fact.model_id] = {
            "model_id": fact.model_id,
            "kind": str(fact.kind),
            "dataset_id": fact.dataset_id,
            "version": fact.version,
            "document_id": fact.manifest.uri,
            "run_id": model.run_id,
            "recipe": model.recipe,
            "promoted": promoted,
        }


def apply(connection: Connection, changes: Changes) -> None:
    """Write ``changes`` by the rules of this module, then the state of every source that they touch."""
    _merge_sources(connection, changes.sources)
    insert_new(connection, PARENT, [{"child_id": child, "source_id": source} for child, source in changes.parents])
    insert_new(connection, DOCUMENT, list(changes.documents.values()))
    _merge_quarantines(connection, changes.quarantines)
    _merge_datasets(connection, changes.datasets)
    _merge_models(connection, changes.models)
    _merge_words(connection, changes.withdrawn)
    belongs = [{"child_id": child, "scope": scope, "subject": subject} for child, scope, subject in changes.belongs]
    insert_new(connection, BELONGS, belongs)
    _merge_steps(connection, changes.steps)
    received = [{"receipt": receipt, "source_id": source} for receipt, source in sorted(changes.receipts)]
    insert_new(connection, RECEIPT, received)
    keys = ("id", "within", "key", "rank")
    insert_new(connection, ALIAS, [dict(zip(keys, each, strict=True)) for each in sorted(changes.aliases)])
    changes.touched |= _subjects(connection, changes.withdrawn)
    for chunk in _chunks(sorted(changes.touched)):
        _replace_pairs(connection, chunk, changes.pairs)
    touched = set(changes.touched)
    for chunk in _chunks(sorted(changes.touched)):
        query = select(PARENT.c.source_id).where(PARENT.c.child_id.in_(chunk))
        touched.update(str(row.source_id) for row in connection.execute(query))
    for chunk in _chunks(sorted(touched)):
        _derive(connection, chunk)


def _merge_sources(connection: Connection, found: dict[str, Row]) -> None:
    for chunk in _chunks(sorted(found)):
        there = {
            row.source_id: dict(row._mapping)
            for row in connection.execute(select(SOURCE).where(SOURCE.c.source_id.in_(chunk)))
        }
        merged = []
        for source_id in chunk:
            row = found[source_id]
            if source_id in there:
                row = _first(there[source_id], row)
            merged.append({**row, "state": "submitted"} if source_id not in there else row)
        new = [row for row in merged if "state" in row and row["source_id"] not in there]
        insert_new(connection, SOURCE, new)
        for row in merged:
            held = there.get(str(row["source_id"]))
            if held is not None and (held["name"], held["received"]) != (row["name"], row["received"]):
                connection.execute(
                    update(SOURCE)
                    .where(SOURCE.c.source_id == row["source_id"])
                    .values(name=row["name"], received=row["received"])
                )


def _merge_quarantines(connection: Connection, found: dict[tuple[str, str], Row]) -> None:
    for chunk in _chunks(sorted(found)):
        ids = [source_id for source_id, _ in chunk]
        there = {
            (row.source_id, row.stage): dict(row._mapping)
            for row in connection.execute(select(QUARANTINE).where(QUARANTINE.c.source_id.in_(ids)))
        }
        merged = [max(there.get(key, found[key]), found[key], key=_verdict) for key in chunk]
        insert_or_replace(connection, QUARANTINE, merged, ("step", "name", "code", "reason", "remedy", "at"))


def _merge_models(connection: Connection, found: dict[str, Row]) -> None:
    for chunk in _chunks(sorted(found)):
        query = select(MODEL.c.model_id, MODEL.c.promoted).where(MODEL.c.model_id.in_(chunk))
        there = {row.model_id: int(row.promoted) for row in connection.execute(query)}
        merged = [
            {**found[each], "promoted": max(int(str(found[each]["promoted"])), there.get(each, -1))} for each in chunk
        ]
        insert_or_replace(
            connection, MODEL, merged, ("kind", "dataset_id", "version", "document_id", "run_id", "recipe", "promoted")
        )


def _merge_steps(connection: Connection, found: dict[tuple[str, str], Row]) -> None:
    for chunk in _chunks(sorted(found)):
        query = select(STEP).where(STEP.c.source_id.in_({key for key, _ in chunk}))
        there = {(row.source_id, row.event_id): dict(row._mapping) for row in connection.execute(query)}
        first = [min(there.get(key, found[key]), found[key], key=_at) for key in chunk]
        insert_or_replace(connection, STEP, first, ("at", "by", "trace"))


def _merge_datasets(connection: Connection, found: dict[str, Row]) -> None:
    """The first announcement counts. One that is found to be earlier takes all places of its kind back."""
    for chunk in _chunks(sorted(found)):
        query = select(DATASET.c.dataset_id, DATASET.c.at).where(DATASET.c.dataset_id.in_(chunk))
        there = {row.dataset_id: str(row.at) for row in connection.execute(query)}
        insert_new(connection, DATASET, [found[each] for each in chunk if each not in there])
        for dataset_id in (each for each in chunk if each in there and str(found[each]["at"]) < there[each]):
            mine = DATASET.c.dataset_id == dataset_id
            connection.execute(update(DATASET).where(mine).values(at=found[dataset_id]["at"]))
            displace(connection, str(found[dataset_id]["kind"]))


def _merge_words(connection: Connection, found: dict[tuple[str, str], Row]) -> None:
    for key, row in sorted(found.items()):
        mine = (WITHDRAWN.c.scope == key[0]) & (WITHDRAWN.c.subject == key[1])
        there = connection.execute(select(WITHDRAWN).where(mine)).first()
        best = row if there is None else max(dict(there._mapping), row, key=_said)
        columns = tuple(name for name in row if name not in ("scope", "subject"))
        insert_or_replace(connection, WITHDRAWN, [best], columns)


def _subjects(connection: Connection, words: Iterable[tuple[str, str]]) -> set[str]:
    """The articles and studies whose state a word may change."""
    found = {subject for scope, subject in words if scope in ("article", "study")}
    for scope, subject in words:
        query = select(BELONGS.c.child_id).where((BELONGS.c.scope == scope) & (BELONGS.c.subject == subject))
        found.update(str(row.child_id) for row in connection.execute(query))
    return found


def _withdrawn(connection: Connection, children: list[str]) -> set[str]:
    """Those of ``children`` that are withdrawn, by themselves or with their collection or patient."""
    holds = WITHDRAWN.c.action == "withdraw"
    found = set[str]()
    for chunk in _chunks(children):
        own = select(WITHDRAWN.c.subject).where(holds & WITHDRAWN.c.scope.in_(("article", "study")))
        found.update(str(row.subject) for row in connection.execute(own.where(WITHDRAWN.c.subject.in_(chunk))))
        joined = BELONGS.join(
            WITHDRAWN, (WITHDRAWN.c.scope == BELONGS.c.scope) & (WITHDRAWN.c.subject == BELONGS.c.subject)
        )
        query = select(BELONGS.c.child_id).select_from(joined).where(holds & BELONGS.c.child_id.in_(chunk))
        found.update(str(row.child_id) for row in connection.execute(query))
    return found


def _newest(connection: Connection, sources: list[str]) -> dict[tuple[str, str], tuple[int, str, int]]:
    """By source and stage: rank, address and items of the newest document."""
    newest: dict[tuple[str, str], tuple[int, str, int]] = {}
    for row in connection.execute(select(DOCUMENT).where(DOCUMENT.c.source_id.in_(sources))):
        key, rank = (row.source_id, row.stage), (row.rank, row.document_id, row.items)
        newest[key] = max(newest.get(key, rank), rank)
    return newest


def _derive(connection: Connection, submissions: list[str]) -> None:
    """State and counts of ``submissions``, from the documents and quarantines of what came in them."""
    children: dict[str, list[str]] = {each: [] for each in submissions}
    for row in connection.execute(select(PARENT).where(PARENT.c.source_id.in_(submissions))):
        children[row.source_id].append(row.child_id)
    everything = sorted({*submissions, *(child for each in children.values() for child in each)})
    newest, verdicts = dict[tuple[str, str], tuple[int, str, int]](), dict[str, list[Row]]()
    for chunk in _chunks(everything):
        newest |= _newest(connection, chunk)
        for row in connection.execute(select(QUARANTINE).where(QUARANTINE.c.source_id.in_(chunk))):
            verdicts.setdefault(row.source_id, []).append(dict(row._mapping))
    taken = _withdrawn(connection, everything)
    states = [_state(each, children[each], newest, verdicts, taken) for each in submissions]
    connection.execute(
        update(SOURCE)
        .where(SOURCE.c.source_id == bindparam("b_source"))
        .values({name: bindparam(name) for name in ("state", "stage", "code", "items", "pairs")}),
        states,
    )


def _state(
    submission: str,
    children: list[str],
    newest: dict[tuple[str, str], tuple[int, str, int]],
    verdicts: dict[str, list[Row]],
    taken: set[str],
) -> Row:
    done = {stage: [child for child in children if (child, stage) in newest] for stage in _STATES}
    standing = [
        verdict
        for each in {submission, *children}
        for verdict in verdicts.get(each, ())
        if not done.get(str(verdict["step"])) or (each in children and each not in done[str(verdict["step"])])
    ]
    verdict = max(standing, key=_verdict, default=None)
    state = next((_STATES[stage] for stage in _STAGES if children and len(done[stage]) == len(children)), "submitted")
    state = "quarantined" if verdict else state
    if submission in taken or (children and taken.issuperset(children)):
        state = "withdrawn"
    return {
        "b_source": submission,
        "state": state,
        "stage": verdict["stage"] if verdict else "",
        "code": verdict["code"] if verdict else "",
        "items": sum(newest[child, "extraction"][2] for child in done["extraction"]),
        "pairs": sum(newest[child, "structuring"][2] for child in done["structuring"]),
    }


def _replace_pairs(connection: Connection, touched: list[str], pairs: dict[str, list[Row]]) -> None:
    """The pairs of sources whose newest structured document is one of this batch."""
    newest = _newest(connection, touched)
    current = {source_id: rank[1] for (source_id, stage), rank in newest.items() if stage == "structuring"}
    changed = [source_id for source_id, document in current.items() if document in pairs]
    if changed:
        connection.execute(delete(PAIR).where(PAIR.c.source_id.in_(changed)))
        insert_new(connection, PAIR, [row for each in changed for row in pairs[current[each]]])


def _first(held: Row, row: Row) -> Row:
    """The earlier submission, of two that speak of the same source; one without a time is no submission."""
    if not held["received"] or not row["received"]:
        return row if not held["received"] else held
    return min(held, row, key=lambda each: (str(each["received"]), str(each["name"])))


def _verdict(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("at", "stage", "code", "reason", "remedy", "name"))


def _at(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("at", "by", "trace"))


def _said(row: Row) -> tuple[int, str]:
    return int(str(row["sequence"])), str(row["document_id"])


def _read(store: ArtifactStore, ref: ArtifactRef, kind: type[DocumentT]) -> DocumentT:
    try:
        return kind.model_validate_json(store.get(ref))
    except ValidationError as error:
        raise PermanentError("document-invalid", f"{ref.uri}: {error.error_count()} errors", "") from error


def _chunks(keys: list[KeyT]) -> Iterator[list[KeyT]]:
    for at in range(0, len(keys), _CHUNK):
        yield keys[at : at + _CHUNK]
