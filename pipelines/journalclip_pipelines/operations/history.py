"""What was said of every source, dataset and model: as the log tells it, or as the catalogue has it.

The audit walks either. The catalogue costs a few statements a thousand sources; the log is read whole, and is what the
catalogue is held against.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from sqlalchemy import Engine

from journalclip_pipelines.kinds import SourceKind
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.catalogue.finding import CatalogueFinder
from journalclip_shared.events import DatasetFrozen, Fact, ModelPromoted, ModelTrained, SourceQuarantined
from journalclip_shared.finding import Stage
from journalclip_shared.history import events_of, facts_of
from journalclip_shared.kinds import Kind
from journalclip_shared.newest import Ranks, newest_of

_NO_DIGEST = "0" * 64


class History(Protocol):
    """Every question is about what was announced; what is stored the store says."""

    def submitted(self, of: SourceKind) -> set[str]:
        """Submissions of a kind."""
        ...

    def last_words(self, of: SourceKind) -> Mapping[str, str]:
        """Each submission's last state, of those of which something else is known than that they came."""
        ...

    def extracted(self, of: SourceKind) -> Iterable[ArtifactRef]:
        """Every document of extraction, once."""
        ...

    def newest(self, of: SourceKind) -> Iterable[ArtifactRef]:
        """Each source's newest structured document."""
        ...

    def datasets(self) -> Iterable[DatasetFrozen]: ...

    def models(self) -> Iterable[ArtifactRef]:
        """Manifests."""
        ...

    def champion(self, kind: Kind) -> str | None:
        """The model of the last promotion or rollback."""
        ...

    def unread(self) -> Iterable[tuple[str, str]]:
        """What was said and could not be understood: where, and why."""
        ...


class LogHistory:
    """Reads the log whole, topic by topic."""

    def __init__(self, bus: Bus, store: ArtifactStore) -> None:
        self._bus, self._store = bus, store

    def submitted(self, of: SourceKind) -> set[str]:
        return {fact.key for kind in of.submitted for fact in facts_of(self._bus, kind)}

    def last_words(self, of: SourceKind) -> Mapping[str, str]:
        """Facts of one source follow each other in time, also across topics."""
        ranked: tuple[tuple[type[Fact], str], ...] = (
            (of.extracted, "extracted"),
            (of.structured, "structured"),
            (SourceQuarantined, "quarantined"),
        )
        came_in: dict[str, set[str]] = defaultdict(set)
        for fact in facts_of(self._bus, of.extracted):
            came_in[fact.key].add(of.submission_of(fact))
        said = [
            (event.time, rank, source, state)
            for rank, (kind, state) in enumerate(ranked)
            for event in events_of(self._bus, kind)
            for source in _submissions_of(of, event.fact, came_in)
        ]
        final: dict[str, str] = {}
        for _, _, source, state in sorted(said):
            if state != "extracted" or source not in final:  # a second delivery says again what came before
                final[source] = state
        return final

    def extracted(self, of: SourceKind) -> Iterable[ArtifactRef]:
        return {ref.uri: ref for ref in map(of.document_of, facts_of(self._bus, of.extracted))}.values()

    def newest(self, of: SourceKind) -> Iterable[ArtifactRef]:
        said = ((fact.key, of.document_of(fact)) for fact in facts_of(self._bus, of.structured))
        return newest_of(said, Ranks(self._store)).values()

    def datasets(self) -> Iterable[DatasetFrozen]:
        return {each.dataset_id: each for each in facts_of(self._bus, DatasetFrozen)}.values()

    def models(self) -> Iterable[ArtifactRef]:
        found = {each.model_id: each.manifest for each in facts_of(self._bus, ModelTrained)}
        return found.values()

    def champion(self, kind: Kind) -> str | None:
        ours = (fact for fact in facts_of(self._bus, ModelPromoted) if fact.kind == kind)
        last = max(ours, key=lambda fact: fact.sequence, default=None)
        return None if last is None else last.model_id

    def unread(self) -> Iterable[tuple[str, str]]:
        return ()  # it is in the dead letters


class CatalogueHistory:
    """Asks the catalogue, some thousand rows at a time."""

    def __init__(self, engine: Engine, store: ArtifactStore) -> None:
        self._catalogue, self._finder, self._store = Catalogue(engine), CatalogueFinder(engine), store

    def submitted(self, of: SourceKind) -> set[str]:
        return {row.source_id for row in self._catalogue.all_sources(of.kind) if row.received}

    def last_words(self, of: SourceKind) -> Mapping[str, str]:
        rows = self._catalogue.all_sources(of.kind)
        known = {row.source_id: row.state for row in rows if row.state != "submitted" or not row.received}
        refused = {row.source_id: "quarantined" for row in self._catalogue.refused()}
        return {**refused, **known}

    def extracted(self, of: SourceKind) -> Iterable[ArtifactRef]:
        return (ref for _, ref in self._documents(of, "extraction"))

    def newest(self, of: SourceKind) -> Iterable[ArtifactRef]:
        last: tuple[str, ArtifactRef] | None = None
        for source, ref in self._documents(of, "structuring"):  # a source's newest comes last
            if last is not None and last[0] != source:
                yield last[1]
            last = source, ref
        if last is not None:
            yield last[1]

    def datasets(self) -> Iterable[DatasetFrozen]:
        for dataset, kind, address, digest, pairs in self._finder.all_datasets():
            ref = self._manifest("datasets", names.frozen(dataset), address, digest)
            yield DatasetFrozen.model_validate(
                {"dataset_id": dataset, "kind": kind, "pairs": pairs, "manifest": ref.model_dump()}
            )

    def models(self) -> Iterable[ArtifactRef]:
        for model, address in self._finder.all_models():
            yield self._manifest("models", names.trained(model), address)

    def champion(self, kind: Kind) -> str | None:
        return self._finder.promoted(kind)

    def unread(self) -> Iterable[tuple[str, str]]:
        return self._catalogue.failures()

    def _documents(self, of: SourceKind, stage: Stage) -> Iterator[tuple[str, ArtifactRef]]:
        return (
            each for each in self._finder.all_documents(stage) if each[0].startswith("std_") == (of.kind == "studies")
        )

    def _manifest(self, bucket: str, name: str, address: str, digest: str = "") -> ArtifactRef:
        """By its name; the digest is the one that was announced, where it is known."""
        found = self._store.find_manifest("models" if bucket == "models" else "datasets", name)
        if found is None or found.uri != address:
            return ArtifactRef(uri=address, sha256=digest or _NO_DIGEST, bytes=0, media_type="application/json")
        return found.model_copy(update={"sha256": digest}) if digest else found


def _submissions_of(of: SourceKind, fact: Fact, came_in: Mapping[str, set[str]]) -> Iterable[str]:
    """The submissions that a fact is about: an article may have come in several."""
    return (of.submission_of(fact),) if isinstance(fact, of.extracted) else came_in.get(fact.key, {fact.key})
