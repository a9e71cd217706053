"""The freeze job, one for all kinds: gather, assign, write, and only then the manifest and the event."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from pydantic import ValidationError

from journalclip_freezing.layout import Layout, Plan
from journalclip_freezing.lost import BlobsUnreadable, Lost
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import DatasetFrozen
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import Json, canonical_json, make_id
from journalclip_shared.records.dataset import DatasetManifest

_log = logging.getLogger(__name__)


def freeze(
    store: ArtifactStore,
    documents: Iterable[ArtifactRef],
    layout: Layout,
    progress: Callable[[int, int], None] | None = None,
    lost: Lost | None = None,
    former: ArtifactRef | None = None,
) -> DatasetFrozen | None:
    """Freeze the pairs of these structured documents; None where they hold no pair.

    ``former`` is the manifest of the version before: only what it does not hold is written (see `blocks`).

    Finds the manifest first: a dataset that exists is returned without work. What cannot be read is left out and added
    to ``lost``. Raises `PermanentError` ``dataset-leaks`` where something still stands on two sides.
    """
    refs, lost = list(documents), Lost() if lost is None else lost
    lost.look_again(store)
    while True:
        plan = layout.plan(store, refs, lost)
        try:
            told = progress or (lambda _done, _total: None)
            return None if plan is None else _frozen(store, plan, layout, told, former)
        except BlobsUnreadable as error:
            _log.warning("frozen without them: %s", error)  # each time round leaves out what the last one found


def _frozen(
    store: ArtifactStore,
    plan: Plan,
    layout: Layout,
    progress: Callable[[int, int], None],
    former: ArtifactRef | None,
) -> DatasetFrozen:
    dataset_id = make_id("ds", plan.digest)
    found = store.find_manifest("datasets", names.frozen(dataset_id))
    if found is None:
        if plan.leaks.total:
            raise PermanentError("dataset-leaks", f"splits share content: {plan.leaks}", "Report this as a bug.")
        hit("freezing.assigned")
        manifest = plan.write(store, progress, _read(store, former, layout))
        hit("freezing.shards-written")
        members: dict[str, Json] = {split: list(ids) for split, ids in plan.members.items()}
        store.put_manifest("datasets", names.members(dataset_id), canonical_json(members))
        hit("freezing.members-written")
        found = store.put_manifest("datasets", names.frozen(dataset_id), manifest.canonical())
    return DatasetFrozen(dataset_id=dataset_id, manifest=found, pairs=plan.pairs, kind=layout.kind)


def _read(store: ArtifactStore, former: ArtifactRef | None, layout: Layout) -> DatasetManifest | None:
    """The version before, where it is one of this kind and can be read."""
    try:
        manifest = None if former is None else DatasetManifest.model_validate_json(store.get(former))
    except (PermanentError, ValidationError) as error:
        _log.warning("the version before cannot be read; all is written again: %s", error)
        return None
    return manifest if manifest is not None and manifest.kind == layout.kind else None
