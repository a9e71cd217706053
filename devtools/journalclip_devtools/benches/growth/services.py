"""What running services ask each time they look, with as many sources as the catalogue holds.

Neither asks the catalogue: coverage compares the log with the index, and the freezer counts what the log told it. Both
read the log once when they start; what is measured is a look after that, with nothing new.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from journalclip_devtools.benches.growth.filling import PAIRS, Filled
from journalclip_freezing import FreezeOptions
from journalclip_freezing.handler import Freezer, FreezeRule
from journalclip_inference.index.coverage import StructuredSources, coverage_of
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.events import Event, ModelTrained, PairsStructured
from journalclip_shared.history import facts_of
from journalclip_shared.ids import make_id
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus

_UNFROZEN = 0.01  # of the sources came since the last dataset


def structured(sources: int) -> list[Event]:
    """A fact of each source's pairs."""
    facts = []
    for number in range(sources):
        article = make_id("art", "article", str(number))
        ref = ArtifactRef(
            uri=f"artifact://figures/manifests/{article}.json", sha256="0" * 64, bytes=1, media_type="a/b"
        )
        facts.append(Event(PairsStructured(article_id=article, document=ref, pairs=PAIRS), "bench", datetime.now(UTC)))
    return facts


def coverage(filled: Filled) -> Callable[[], object]:
    """The compare that the index service makes, with 1 % of the sources in segments."""
    events, bus, store = structured(filled.sources), MemoryBus(), MemoryArtifacts()
    bus.publish(events)
    model = next(facts_of(filled.real.bus, ModelTrained)).manifest
    manifest = ModelManifest.model_validate_json(filled.real.store.get(model))
    frozen = frozenset(event.key for event in events[: int(len(events) * (1 - _UNFROZEN))])
    known = StructuredSources(bus, "articles")

    def look() -> object:
        return coverage_of(store, manifest, known(), frozen)

    return look


def what_is_new(filled: Filled) -> Callable[[], object]:
    """The freezer's own question, with 1 % of the sources new and too few pairs for a dataset."""
    rule = FreezeRule(new_pairs=10**9, every_s=10**9)
    freezer = Freezer(MemoryArtifacts(), rule, lambda: (), FreezeOptions(image_size=8))
    for event in structured(filled.sources)[int(filled.sources * (1 - _UNFROZEN)) :]:
        if isinstance(event.fact, PairsStructured):
            freezer.add(event.fact, event.time)
    return partial(_nothing, freezer)


def _nothing(freezer: Freezer) -> None:
    assert freezer.tick() == []
