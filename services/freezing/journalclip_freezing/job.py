"""The freeze job, one for all kinds: gather, assign, write, and only then the manifest and the event."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from journalclip_freezing.layout import Layout, Plan
from journalclip_freezing.lost import BlobsUnreadable, Lost
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import DatasetFrozen
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import Json, canonical_json, make_id

_log = logging.getLogger(__name__)


def freeze(
    store: ArtifactStore,
    documents: Iterable[ArtifactRef],
    layout: Layout,
    progress: Callable[[int, int], None] | None = None,
    lost: Lost | None = None,
) -> DatasetFrozen | None:
    """Freeze the pairs of these structured documents; None where they hold no pair.

    Finds the manifest first: a dataset that exists is returned without work. What cannot be read is left out and added
    to ``lost``. Raises `PermanentError` ``dataset-leaks`` where something still stands on two sides.
    """
    refs, lost = list(documents), Lost() if lost is None else lost
    lost.look_again(store)
    while True:
        plan = layout.plan(store, refs, lost)
        try:
            return None if plan is None else _frozen(store, plan, layout, progress or (lambda _done, _total: None))
        except BlobsUnreadable as error:
            _log.warning("frozen without them: %s", error)  # each time round leaves out what the last one found


def _frozen(store: ArtifactStore, plan: Plan, layout: Layout, progress: Callable[[int, int], None]) -> DatasetFrozen:
    dataset_id = make_id("ds", plan.digest)
    found = store.find_manifest("datasets", names.frozen(dataset_id))
    if found is None:
        if plan.leaks.total:
            raise PermanentError("dataset-leaks", f"splits share content: {plan.leaks}", "Report this as a bug.")
        hit("freezing.assigned")
        manifest = plan.write(store, progress)
        hit("freezing.shards-written")
        members: dict[str, Json] = {split: list(ids) for split, ids in plan.members.items()}
        store.put_manifest("datasets", names.members(dataset_id), canonical_json(members))
        hit("freezing.members-written")
        found = store.put_manifest("datasets", names.frozen(dataset_id), manifest.canonical())
    return DatasetFrozen(dataset_id=dataset_id, manifest=found, pairs=plan.pairs, kind=layout.kind)
