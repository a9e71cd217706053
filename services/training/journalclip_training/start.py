"""Starting a run by hand: the event that a frozen dataset's id stands for."""

from __future__ import annotations

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import DatasetFrozen
from journalclip_shared.records.dataset import DatasetManifest


def frozen_dataset(store: ArtifactStore, dataset_id: str) -> DatasetFrozen:
    """Raises `PermanentError` ``dataset-unknown``, with the ids there are."""
    known = [name.removeprefix(names.frozen()) for name in store.list_manifests("datasets", names.frozen())]
    ref = store.find_manifest("datasets", names.frozen(dataset_id)) if dataset_id in known else None
    if ref is None:
        raise PermanentError(
            "dataset-unknown", f"no dataset {dataset_id!r}", f"Frozen here: {', '.join(known) or 'none'}."
        )
    manifest = DatasetManifest.model_validate_json(store.get(ref))
    return DatasetFrozen(
        dataset_id=dataset_id,
        manifest=ref,
        pairs=sum(part.pairs for part in manifest.splits.values()),
        kind=manifest.kind,
    )
