"""Repair: dead letters replayed, the log rebuilt from manifests, an index made again.

All of it republishes facts that are true and lets idempotent handlers find what is done: nothing here writes results of
its own. Manifests are written last and never changed, so they are enough to say again everything that was said.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from journalclip_pipelines.kinds import every_kind
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, Bucket
from journalclip_shared.bus import Bus, Delivery, Record, dead_letter_topic
from journalclip_shared.consume import BODY_REFERENCE
from journalclip_shared.events import (
    FACTS,
    REPLAYS,
    DatasetFrozen,
    Event,
    Fact,
    ModelPromoted,
    ModelTrained,
    SourcesReinstated,
    SourcesWithdrawn,
)
from journalclip_shared.history import facts_of
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.withdrawal import Withdrawal
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.withdrawals import fact_of

_OURS = "dlq-"
_REPLAYED = "replayed-from"


@dataclass(frozen=True)
class Letter:
    """One dead letter with where it came from."""

    delivery: Delivery
    topic: str
    group: str
    code: str
    origin: str


def letters(bus: Bus, topics: tuple[str, ...] = ()) -> Iterator[Letter]:
    """Dead letters, each once: a crash between burial and commit buries a second time, and says the same origin."""
    seen: set[str] = set()
    for topic in topics or tuple(FACTS):
        for delivery in bus.read(dead_letter_topic(topic)):
            headers = {name: value.decode("utf-8", "replace") for name, value in delivery.headers}
            origin = "/".join(headers.get(f"dlq-{part}", "") for part in ("topic", "partition", "offset", "group"))
            if origin not in seen:
                seen.add(origin)
                yield Letter(delivery, topic, headers.get("dlq-group", ""), headers.get("dlq-code", ""), origin)


def replay(
    bus: Bus,
    topics: tuple[str, ...] = (),
    codes: tuple[str, ...] = (),
    store: ArtifactStore | None = None,
    origins: Container[str] | None = None,
) -> list[Letter]:
    """Publish dead letters to their topics again; each is replayed once in its life unless it dies again.

    ``codes`` chooses (``retries-exhausted`` is what an outage leaves); empty means all.
    ``origins`` narrows it to these letters.
    ``store`` holds the bodies that were too large for the log; without it such a letter is left where it is.
    """
    replayed = {
        dict(delivery.headers)[_REPLAYED].decode()
        for topic in topics or tuple(FACTS)
        for delivery in bus.read(topic)
        if _REPLAYED in dict(delivery.headers)
    }
    chosen = [
        letter
        for letter in letters(bus, topics)
        if letter.origin not in replayed
        and (not codes or letter.code in codes)
        and (origins is None or letter.origin in origins)
        and (store is not None or BODY_REFERENCE not in dict(letter.delivery.headers))
    ]
    bus.publish_raw([_again(letter, store) for letter in chosen])
    return chosen


def _again(letter: Letter, store: ArtifactStore | None) -> Record:
    body = letter.delivery.body
    if store is not None and (reference := dict(letter.delivery.headers).get(BODY_REFERENCE)):
        body = store.get(ArtifactRef.model_validate_json(reference))
    before = dict(letter.delivery.headers)
    kept = [
        (name, value)
        for name, value in letter.delivery.headers
        if not name.startswith(_OURS) and name not in {_REPLAYED, REPLAYS}
    ]
    again = str(int(before.get(REPLAYS, b"0")) + 1)
    headers = (*kept, (_REPLAYED, letter.origin.encode()), (REPLAYS, again.encode()))
    return Record(letter.topic, letter.delivery.key, headers, body)


def rebuild(bus: Bus, store: ArtifactStore, registries: Mapping[Kind, ModelRegistry]) -> dict[str, int]:
    """Say again, into an empty log, everything that manifests and registry know; returns how many facts by topic.

    The groups' places are gone with the log, so every service will see every fact again and find it done.
    """
    counts: dict[str, int] = {}
    for topic, facts in _sources(store, registries):
        batch = [Event(fact, "rebuild") for fact in facts]
        bus.publish(batch)
        counts[topic] = counts.get(topic, 0) + len(batch)
    return counts


def reindex(bus: Bus, kind: Kind, registry: ModelRegistry) -> ModelPromoted | None:
    """Announce a kind's champion again, so that what is not indexed is; None where there is none."""
    champion = registry.by_alias("champion")
    if champion is None:
        return None
    ours = [fact for fact in facts_of(bus, ModelPromoted) if fact.kind == kind]
    said = [fact for fact in ours if fact.model_id == champion.model_id]
    last = max((fact.sequence for fact in ours), default=-1)
    trained = [fact for fact in facts_of(bus, ModelTrained) if fact.model_id == champion.model_id]
    dataset = said[-1].dataset_id if said else trained[-1].dataset_id if trained else ""
    fact = ModelPromoted(
        model_id=champion.model_id,
        dataset_id=dataset,
        manifest=champion.manifest,
        version=champion.version,
        sequence=last + 1,
        kind=kind,
    )
    bus.publish([Event(fact, "reindex")])
    return fact


def _sources(store: ArtifactStore, registries: Mapping[Kind, ModelRegistry]) -> Iterator[tuple[str, Iterator[Fact]]]:
    for of in every_kind():
        for submitted in of.submitted:
            found = (fact for fact in of.submitted_facts(store) if isinstance(fact, submitted))
            yield submitted.topic, found
        structured = _manifests(store, of.documents, names.structured())
        yield of.extracted.topic, of.extracted_facts(store)
        yield of.structured.topic, map(partial(of.structured_fact, store), structured)
    yield DatasetFrozen.topic, _frozen(store)
    words = [(ref, Withdrawal.model_validate_json(store.get(ref))) for ref in _words(store)]
    yield SourcesWithdrawn.topic, (fact_of(word, ref) for ref, word in words if word.reason)
    yield SourcesReinstated.topic, (fact_of(word, ref) for ref, word in words if not word.reason)
    for registry in registries.values():
        yield ModelTrained.topic, _trained(store, registry)
        yield ModelPromoted.topic, _promoted(store, registry)


def _manifests(store: ArtifactStore, bucket: Bucket, prefix: str) -> Iterator[ArtifactRef]:
    for name in store.list_manifests(bucket, prefix):
        if (ref := store.find_manifest(bucket, name)) is not None:
            yield ref


def _words(store: ArtifactStore) -> Iterator[ArtifactRef]:
    return _manifests(store, "quarantine", names.withdrawn())


def _frozen(store: ArtifactStore) -> Iterator[Fact]:
    for ref in _manifests(store, "datasets", names.frozen()):
        manifest = DatasetManifest.model_validate_json(store.get(ref))
        pairs = sum(part.pairs for part in manifest.splits.values())
        yield DatasetFrozen(dataset_id=manifest.dataset_id, manifest=ref, pairs=pairs, kind=manifest.kind)


def _model(store: ArtifactStore, ref: ArtifactRef) -> ModelManifest:
    return ModelManifest.model_validate_json(store.get(ref))


def _trained(store: ArtifactStore, registry: ModelRegistry) -> Iterator[Fact]:
    for version in registry.versions():
        model = _model(store, version.manifest)
        yield ModelTrained(
            model_id=version.model_id,
            dataset_id=model.dataset_id,
            manifest=version.manifest,
            version=version.version,
            kind=model.kind,
        )


def _promoted(store: ArtifactStore, registry: ModelRegistry) -> Iterator[Fact]:
    champion, previous = registry.by_alias("champion"), registry.by_alias("previous")
    if champion is not None:
        model = _model(store, champion.manifest)
        yield ModelPromoted(
            model_id=champion.model_id,
            dataset_id=model.dataset_id,
            manifest=champion.manifest,
            version=champion.version,
            previous_version=previous.version if previous is not None else None,
            kind=model.kind,
        )
