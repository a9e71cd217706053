"""The periodic checks of running services, with as many sources as the catalogue has.

Neither check reads the catalogue. Coverage compares the log with the index; the freezer counts events that it read from
the log. Both read the log once at their start. The measurement is one check after that, without new events.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from journalclip_devtools.benches.growth.filling import PAIRS, Filled
from journalclip_freezing import FreezeOptions
from journalclip_freezing.handler import Freezer, FreezeRule
from journalclip_inference.index.coverage import Add, Coverer, StructuredSources
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.events import Event, ModelTrained, PairsStructured
from journalclip_shared.history import facts_of
from journalclip_shared.ids import make_id
from journalclip_shared.records.dataset import DatasetManifest, LeakReport, SplitPart
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus

_UNFROZEN = 0.01  # share of the sources that came after the last dataset


def structured(sources: int) -> list[Event]:
    """One `PairsStructured` event for each source."""
    facts = []
    for number in range(sources):
        article = make_id("art", "article", str(number))
        ref = ArtifactRef(
            uri=f"artifact://figures/manifests/{article}.json", sha256="0" * 64, bytes=1, media_type="a/b"
        )
        facts.append(Event(PairsStructured(article_id=article, document=ref, pairs=PAIRS), "bench", datetime.now(UTC)))
    return facts


def coverage(filled: Filled) -> Callable[[], object]:
    """The index service's comparison; 1 % of the sources are in no dataset."""
    events, bus, store = structured(filled.sources), MemoryBus(), MemoryArtifacts()
    bus.publish(events)
    trained = next(facts_of(filled.real.bus, ModelTrained)).manifest
    frozen = [event.key for event in events[: int(len(events) * (1 - _UNFROZEN))]]
    manifest = ModelManifest.model_validate_json(filled.real.store.get(trained))
    manifest = manifest.model_copy(update={"dataset": _dataset(store, frozen)})
    known, coverer = StructuredSources(bus, "articles"), Coverer(store, _never)

    def look() -> object:
        return coverer.look(manifest, known())

    return look


def _dataset(store: MemoryArtifacts, articles: list[str]) -> ArtifactRef:
    """A dataset that has only the ids of its articles."""
    out = io.BytesIO()
    pq.write_table(pa.table({"article_id": articles}), out)
    part = SplitPart(pairs=len(articles), articles=len(articles), records=store.put("datasets", out.getvalue(), "a/b"))
    manifest = DatasetManifest(
        dataset_id="ds_bench",
        digest="0" * 64,
        splits={"train": part},
        leaks=LeakReport(),
        image_size=8,
        kind="articles",
    )
    return store.put_manifest("datasets", "frozen/ds_bench", manifest.canonical())


def _never(_model: ModelManifest) -> Add:
    raise AssertionError("a look adds nothing")


def what_is_new(filled: Filled) -> Callable[[], object]:
    """The freezer's check for a new dataset; 1 % of the sources are new, which is too few for one."""
    rule = FreezeRule(new_pairs=10**9, every_s=10**9)
    freezer = Freezer(MemoryArtifacts(), rule, lambda: (), FreezeOptions(image_size=8))
    for event in structured(filled.sources)[int(filled.sources * (1 - _UNFROZEN)) :]:
        if isinstance(event.fact, PairsStructured):
            freezer.add(event.fact, event.time)
    return partial(_nothing, freezer)


def _nothing(freezer: Freezer) -> None:
    assert freezer.tick() == []
