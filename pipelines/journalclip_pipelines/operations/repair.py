"""Repair: dead letters replayed, the log rebuilt from manifests, an index made again.

All of it republishes facts that are true and lets idempotent handlers find what is done: nothing here writes results of
its own. Manifests are written last and never changed, so they are enough to say again everything that was said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from journalclip_extraction.documents import richness
from journalclip_extraction.handler import announce
from journalclip_intake.articles import submitted
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, Bucket
from journalclip_shared.bus import Bus, Delivery, Record, dead_letter_topic
from journalclip_shared.consume import BODY_REFERENCE
from journalclip_shared.events import (
    FACTS,
    ArticleSubmitted,
    DatasetFrozen,
    DeliverySubmitted,
    Event,
    Fact,
    FiguresExtracted,
    ModelPromoted,
    ModelTrained,
    PairsStructured,
)
from journalclip_shared.history import facts_of
from journalclip_shared.records.article import ExtractedArticle, ExtractedDelivery
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.registry import ModelRegistry

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
    bus: Bus, topics: tuple[str, ...] = (), codes: tuple[str, ...] = (), store: ArtifactStore | None = None
) -> list[Letter]:
    """Publish dead letters to their topics again; each is replayed once in its life unless it dies again.

    ``codes`` chooses (``retries-exhausted`` is what an outage leaves); empty means all.
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
        and (store is not None or BODY_REFERENCE not in dict(letter.delivery.headers))
    ]
    bus.publish_raw([_again(letter, store) for letter in chosen])
    return chosen


def _again(letter: Letter, store: ArtifactStore | None) -> Record:
    body = letter.delivery.body
    if store is not None and (reference := dict(letter.delivery.headers).get(BODY_REFERENCE)):
        body = store.get(ArtifactRef.model_validate_json(reference))
    kept = [
        (name, value) for name, value in letter.delivery.headers if not name.startswith(_OURS) and name != _REPLAYED
    ]
    headers = (*kept, (_REPLAYED, letter.origin.encode()))
    return Record(letter.topic, letter.delivery.key, headers, body)


def rebuild(bus: Bus, store: ArtifactStore, registry: ModelRegistry | None = None) -> dict[str, int]:
    """Say again, into an empty log, everything that manifests and registry know; returns how many facts by topic.

    The groups' places are gone with the log, so every service will see every fact again and find it done.
    """
    counts: dict[str, int] = {}
    for kind, facts in _sources(store, registry):
        batch = [Event(fact, "rebuild") for fact in facts()]
        bus.publish(batch)
        counts[kind.topic] = len(batch)
    return counts


def reindex(bus: Bus, registry: ModelRegistry) -> ModelPromoted | None:
    """Announce the champion again, so that serving embeds and indexes what it has not; None where there is none."""
    champion = registry.by_alias("champion")
    if champion is None:
        return None
    said = [fact for fact in facts_of(bus, ModelPromoted) if fact.model_id == champion.model_id]
    last = max((fact.sequence for fact in facts_of(bus, ModelPromoted)), default=-1)
    trained = [fact for fact in facts_of(bus, ModelTrained) if fact.model_id == champion.model_id]
    dataset = said[-1].dataset_id if said else trained[-1].dataset_id if trained else ""
    fact = ModelPromoted(
        model_id=champion.model_id,
        dataset_id=dataset,
        manifest=champion.manifest,
        version=champion.version,
        sequence=last + 1,
    )
    bus.publish([Event(fact, "reindex")])
    return fact


def _sources(
    store: ArtifactStore, registry: ModelRegistry | None
) -> Iterator[tuple[type[Fact], Callable[[], Iterator[Fact]]]]:
    yield ArticleSubmitted, lambda: (fact for fact in submitted(store) if isinstance(fact, ArticleSubmitted))
    yield DeliverySubmitted, lambda: (fact for fact in submitted(store) if isinstance(fact, DeliverySubmitted))
    yield FiguresExtracted, lambda: _extracted(store)
    yield PairsStructured, lambda: _structured(store)
    yield DatasetFrozen, lambda: _frozen(store)
    if registry is not None:
        yield ModelTrained, lambda: _trained(store, registry)
        yield ModelPromoted, lambda: _promoted(store, registry)


def _manifests(store: ArtifactStore, bucket: Bucket, prefix: str) -> Iterator[ArtifactRef]:
    for name in store.list_manifests(bucket, prefix):
        if (ref := store.find_manifest(bucket, name)) is not None:
            yield ref


def _extracted(store: ArtifactStore) -> Iterator[Fact]:
    """As they were announced; of one article the poorer document first, since the last one counts."""
    found: list[tuple[int, FiguresExtracted]] = []
    for ref in _manifests(store, "figures", "delivered/"):
        delivery = ExtractedDelivery.model_validate_json(store.get(ref))
        for each in delivery.articles:
            document = ExtractedArticle.model_validate_json(store.get(each.document))
            found.append((richness(document.sources), announce(each, delivery.delivery_id)))
    yield from (fact for _, fact in sorted(found, key=lambda each: each[0]))


def _structured(store: ArtifactStore) -> Iterator[Fact]:
    for ref in _manifests(store, "figures", "structured/"):
        document = StructuredArticle.model_validate_json(store.get(ref))
        yield PairsStructured(article_id=document.article_id, document=ref, pairs=len(document.pairs))


def _frozen(store: ArtifactStore) -> Iterator[Fact]:
    for ref in _manifests(store, "datasets", "frozen/"):
        manifest = DatasetManifest.model_validate_json(store.get(ref))
        pairs = sum(part.pairs for part in manifest.splits.values())
        yield DatasetFrozen(dataset_id=manifest.dataset_id, manifest=ref, pairs=pairs)


def _dataset_of(store: ArtifactStore, ref: ArtifactRef) -> str:
    return ModelManifest.model_validate_json(store.get(ref)).dataset_id


def _trained(store: ArtifactStore, registry: ModelRegistry) -> Iterator[Fact]:
    for version in registry.versions():
        yield ModelTrained(
            model_id=version.model_id,
            dataset_id=_dataset_of(store, version.manifest),
            manifest=version.manifest,
            version=version.version,
        )


def _promoted(store: ArtifactStore, registry: ModelRegistry) -> Iterator[Fact]:
    champion, previous = registry.by_alias("champion"), registry.by_alias("previous")
    if champion is not None:
        yield ModelPromoted(
            model_id=champion.model_id,
            dataset_id=_dataset_of(store, champion.manifest),
            manifest=champion.manifest,
            version=champion.version,
            previous_version=previous.version if previous is not None else None,
        )
