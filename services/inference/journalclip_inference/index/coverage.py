"""Search coverage: every structured source with a pair is in the champion's index, or a note says why it cannot be.

A model covers a source when its dataset froze it, or when a segment of its index holds it. A source of which nothing
can be shown (its pictures are gone or were erased) gets a note with the reason instead, and is tried again at the next
promotion or `journalclip reindex`. What is withdrawn or rejected is indexed and hidden by serving, which knows the
words of the moment.

No source slips through between the two handlers. `IndexHandler` reads the log after the alias was set and covers all
that is in it; `SegmentHandler` looks the alias up after it received the source's event. So a source that is not yet in
the log when the first reads it is handled by the second under the new alias. Serving keeps the former champion until
the next one covers what is searchable now (see `Change`); a base index is stored after its segments.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from journalclip_inference.errors import CoverageBehind
from journalclip_inference.index.manifest import EDITION, STUDY_EDITION, index_name, note_name, segment_name
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, ManifestConflict
from journalclip_shared.bus import Bus
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import PairsStructured, StudyStructured, decode
from journalclip_shared.frozen import Frozen
from journalclip_shared.ids import canonical_json
from journalclip_shared.kinds import Kind
from journalclip_shared.records.model import ModelManifest

_log = logging.getLogger(__name__)

Structured = PairsStructured | StudyStructured
Sources = Mapping[str, Sequence[ArtifactRef]]  # by source, its structured documents
Add = Callable[[Sequence[ArtifactRef]], None]  # one source's documents into one model's index

STRUCTURED: dict[Kind, type[Structured]] = {"articles": PairsStructured, "studies": StudyStructured}
_EDITIONS: dict[Kind, str] = {"articles": EDITION, "studies": STUDY_EDITION}
_COLUMNS: dict[Kind, str] = {"articles": "article_id", "studies": "study_id"}  # of a dataset's records


class NothingToShow(PermanentError):
    """A source of which no pair can be shown."""


class StructuredSources:
    """The structured sources with a pair that the log knows. Each call reads on from the one before.

    What a call returned is never changed: where nothing is new, the next one returns the same object.
    """

    def __init__(self, bus: Bus, kind: Kind) -> None:
        self._bus, self._fact = bus, STRUCTURED[kind]
        self._places: dict[int, int] = {}
        self._sources: dict[str, tuple[ArtifactRef, ...]] = {}
        self._lock = threading.Lock()

    def __call__(self) -> Sources:
        """Raises `TransientError`."""
        with self._lock:
            new: dict[str, dict[str, ArtifactRef]] = {}
            for delivery in self._bus.read(self._fact.topic, self._places):
                self._places[delivery.partition] = delivery.offset + 1
                try:
                    fact = decode(delivery.headers, delivery.body).fact
                except PermanentError:
                    continue  # it is in the dead letters
                if isinstance(fact, self._fact) and fact.pairs:
                    known = {ref.uri: ref for ref in self._sources.get(fact.key, ())}
                    new.setdefault(fact.key, known)[fact.document.uri] = fact.document
            if new:
                self._sources = self._sources | {source: tuple(refs.values()) for source, refs in new.items()}
            return self._sources


@dataclass(frozen=True)
class Coverage:
    """What a model's index lacks. ``left_out``: by source, the code of the note that says why."""

    missing: Sources = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def frozen_sources(store: ArtifactStore, model: ModelManifest) -> frozenset[str]:
    """The sources of a model's dataset."""
    dataset, column = Frozen.open(store, model.dataset), _COLUMNS[model.kind]
    found: set[str] = set()
    for split in dataset.manifest.splits:
        found.update(row[column] for row in dataset.rows(split, column))
    return frozenset(found)


def segment_sources(store: ArtifactStore, model: ModelManifest) -> frozenset[str]:
    """The sources that a segment of the model's index holds."""
    return _last_parts(store, segment_name(model.model_id, model.dataset_id, "", _EDITIONS[model.kind]))


def noted_sources(store: ArtifactStore, kind: Kind, model_id: str, dataset_id: str) -> frozenset[str]:
    """The sources of which nothing could be shown."""
    return _last_parts(store, note_name(model_id, dataset_id, "", _EDITIONS[kind]))


@dataclass(frozen=True)
class Change:
    """A change of champion, as serving is about to make it: the sources that are searchable before and after."""

    kind: Kind
    model_id: str  # of the new champion
    dataset_id: str
    before: frozenset[str]
    after: frozenset[str]

    def check(self, store: ArtifactStore) -> None:
        """Raises `CoverageBehind` where a source would be lost of which no note says why."""
        lost = self.before - self.after
        if lost and (lost := lost - noted_sources(store, self.kind, self.model_id, self.dataset_id)):
            raise CoverageBehind(self.model_id, len(lost))


def coverage_of(
    store: ArtifactStore, model: ModelManifest, sources: Sources, frozen: frozenset[str] | None = None
) -> Coverage:
    """What the model's index lacks of ``sources``; ``frozen`` where it is known already."""
    held = frozen_sources(store, model) if frozen is None else frozen
    added = segment_sources(store, model)
    lacking = {source: refs for source, refs in sources.items() if source not in held and source not in added}
    noted = noted_sources(store, model.kind, model.model_id, model.dataset_id) & lacking.keys()
    return Coverage(
        {source: documents for source, documents in lacking.items() if source not in noted},
        {source: _code(store, model, source) for source in sorted(noted)},
    )


def unsearchable(store: ArtifactStore, model: ModelManifest, sources: Sources) -> Coverage:
    """As `coverage_of`; without its base index a model answers nothing."""
    if store.find_manifest("models", base_name(model)) is None:
        return Coverage(sources)
    return coverage_of(store, model, sources)


def base_name(model: ModelManifest) -> str:
    """The manifest of the index of a model's dataset."""
    return index_name(model.model_id, model.dataset_id, _EDITIONS[model.kind])


class Coverer:
    """Adds to a model's index what it lacks. ``adder`` loads the model; any number of threads may call."""

    def __init__(self, store: ArtifactStore, adder: Callable[[ModelManifest], Add]) -> None:
        self._store, self._adder = store, adder
        self._lock = threading.Lock()
        self._frozen: tuple[str, frozenset[str]] = ("", frozenset())
        # Of the last look: which dataset and which sources were compared, and what the dataset lacks of them.
        self._compared: tuple[str, Sources, Sources] = ("", {}, {})

    def look(self, model: ModelManifest, sources: Sources) -> Coverage:
        """What the model's index lacks. Costs what came since the dataset, where nothing is new since the last look."""
        return coverage_of(self._store, model, self._unfrozen(model, sources), frozenset())

    def cover(self, model: ModelManifest, sources: Sources) -> None:
        """Add what is lacking of ``sources``, one segment each, also what was left out before.

        Raises `TransientError`, and what loading the model raises.
        """
        found = self.look(model, sources)
        again = {source: sources[source] for source in found.left_out}
        self._add(model, {**found.missing, **again})

    def cover_one(self, model: ModelManifest, source: str, documents: Sequence[ArtifactRef]) -> None:
        """As `cover`, without listing anything."""
        name = segment_name(model.model_id, model.dataset_id, source, _EDITIONS[model.kind])
        if source not in self._frozen_of(model) and self._store.find_manifest("models", name) is None:
            self._add(model, {source: documents})

    def _frozen_of(self, model: ModelManifest) -> frozenset[str]:
        if self._frozen[0] != model.dataset_id:
            self._frozen = (model.dataset_id, frozen_sources(self._store, model))
        return self._frozen[1]

    def _unfrozen(self, model: ModelManifest, sources: Sources) -> Sources:
        dataset, compared, unfrozen = self._compared
        if dataset != model.dataset_id or compared is not sources:  # what `StructuredSources` returned never changes
            held = self._frozen_of(model)
            unfrozen = {source: refs for source, refs in sources.items() if source not in held}
            self._compared = (model.dataset_id, sources, unfrozen)
        return unfrozen

    def _add(self, model: ModelManifest, wanted: Sources) -> None:
        if not wanted:
            return
        with self._lock:
            add = self._adder(model)
            for source, documents in wanted.items():
                try:
                    add(documents)
                except PermanentError as error:
                    self._note(model, source, error)

    def _note(self, model: ModelManifest, source: str, error: PermanentError) -> None:
        _log.warning("nothing of %s can be searched: %s", source, error, extra={"code": error.code, "source": source})
        name = note_name(model.model_id, model.dataset_id, source, _EDITIONS[model.kind])
        try:
            self._store.put_manifest("models", name, canonical_json({"code": error.code, "reason": error.reason}))
        except ManifestConflict:
            _log.info("%s had another reason before", source)


def _last_parts(store: ArtifactStore, prefix: str) -> frozenset[str]:
    found: Iterable[str] = store.list_manifests("models", prefix)
    return frozenset(name.rpartition("/")[2] for name in found)


def _code(store: ArtifactStore, model: ModelManifest, source: str) -> str:
    ref = store.find_manifest("models", note_name(model.model_id, model.dataset_id, source, _EDITIONS[model.kind]))
    return str(json.loads(store.get(ref))["code"]) if ref is not None else ""
