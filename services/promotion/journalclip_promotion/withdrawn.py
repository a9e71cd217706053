"""Which withdrawn sources a model learned from: its dataset's own records against people's words as they hold now."""

from __future__ import annotations

from collections import Counter

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.withdrawals import Withdrawals, label_of, removed_from


def withdrawn_in(store: ArtifactStore, dataset: DatasetManifest) -> dict[str, int]:
    """Pairs of the dataset by the withdrawal that they fall under ("article art_... (retraction)").

    What was erased from it counts as well: the model saw it. Nothing is read where nothing is withdrawn. Raises
    `ArtifactMissing`, `ArtifactCorrupt`, `TransientError`.
    """
    taken = Withdrawals(store).fresh()
    found, held = Counter[str](), {label_of(word) for word in taken.all}
    for split, part in dataset.splits.items() if taken else ():
        for block in part.parts:
            found.update({each: n for each, n in removed_from(store, block.records).items() if each in held})
        if dataset.kind == "studies":
            for study in FrozenStudies(store, dataset).studies(split):
                if (word := taken.of_study(study.study_id, study.patient)) is not None:
                    found[label_of(word)] += len(study.pairs)
            continue
        for pair, journal in FrozenDataset(store, dataset).stream_with_journals(split):
            if (word := taken.of_pair(pair, journal)) is not None:
                found[label_of(word)] += 1
    return dict(sorted(found.items()))
