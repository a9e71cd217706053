"""From an event to evidence: the candidate's bytes verified, then measured on exactly those bytes.

Every file is read from the store and its digest compared before anything is loaded, and whoever loads it compares
again: what was measured is what the manifest lists, and what serving will fetch by the same digests. A candidate that
fails here is refused by the gate ``integrity`` or ``signature``; nothing of it is loaded.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import ValidationError

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_promotion.decision import Candidate, Verdict
from journalclip_promotion.withdrawn import withdrawn_in
from journalclip_shared.artifacts import ArtifactCorrupt, ArtifactMissing, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.leaks import LeakCount, StudyLeakCount
from journalclip_shared.records.dataset import DatasetManifest, LeakReport
from journalclip_shared.records.model import ModelFile, ModelManifest
from journalclip_shared.registry import ModelVersion
from journalclip_shared.signing import SIGNATURE_TAG, Verifier
from journalclip_shared.withdrawals import collection_key

SignaturePolicy = Literal["required", "if-key"]

# Only formats that hold data: a pickle or a script in the folder could run code in whoever loads it.
_SUFFIXES = frozenset({".safetensors", ".json", ".jsonl", ".txt", ".md", ".model"})
_NEEDED = ("config.json", "model.safetensors")


class Tampered(PermanentError):
    """The candidate is not what its event, its registration and its manifest together say."""

    def __init__(self, gate: str, reason: str) -> None:
        super().__init__("candidate-refused", reason, "Train again, or restore the artifact from a backup.")
        self.gate = gate

    def verdict(self) -> Verdict:
        return Verdict(gate=self.gate, passed=False, reason=self.reason)


@dataclass(frozen=True)
class Inspected:
    """A candidate whose manifests and files are all what their digests say."""

    candidate: Candidate
    model: ModelManifest
    dataset: DatasetManifest
    signed: bool

    def verdicts(self) -> list[Verdict]:
        asked = "signed by a key that is trusted here" if self.signed else "no key is configured, none is asked for"
        return [
            Verdict(gate="integrity", passed=True, reason="every file is what the manifest says"),
            Verdict(gate="signature", passed=True, reason=asked),
        ]


@dataclass(frozen=True)
class Recount:
    """What the frozen records themselves say, whatever their manifest's writer believed."""

    leaks: LeakReport
    licences: Mapping[str, int] | None  # None: sources of this kind carry no licence
    withdrawn: Mapping[str, int] = field(default_factory=dict)  # pairs by the withdrawal that they fall under


# Collections by their folded names: their owner runs this installation, so what is printed on them binds others.
Licensed = frozenset[str]
Recounter = Callable[[ArtifactStore, DatasetManifest, Licensed], Recount]
LICENSED = "licensed to this installation"


def recount_pairs(store: ArtifactStore, dataset: DatasetManifest, licensed: Licensed) -> Recount:
    """Of articles: every pair of every split. One of a ``licensed`` collection counts as `LICENSED`."""
    count, licences = LeakCount(), Counter[str]()
    for split in dataset.splits:
        for pair, journal in FrozenDataset(store, dataset).stream_with_journals(split):
            count.add(split, pair)
            ours = bool(licensed and journal) and collection_key(str(journal)) in licensed
            licences[LICENSED if ours else pair.licence] += 1
    return Recount(count.report(), licences, withdrawn_in(store, dataset))


def recount_studies(store: ArtifactStore, dataset: DatasetManifest, _licensed: Licensed) -> Recount:
    """Of studies: every study of every split. They carry no licence, and belong to no collection."""
    count = StudyLeakCount()
    for split in dataset.splits:
        for study in FrozenStudies(store, dataset).studies(split):
            count.add(split, study)
    return Recount(count.report(), None, withdrawn_in(store, dataset))


@dataclass(frozen=True)
class Inspector:
    """Verifies candidates of one store."""

    store: ArtifactStore
    recounter: Recounter
    verifier: Verifier | None = None
    licensed: Licensed = frozenset()

    def inspect(
        self, candidate: Candidate, registered: ModelVersion | None, signature: SignaturePolicy = "if-key"
    ) -> Inspected:
        """Raises `Tampered`, naming the gate."""
        self._check_registration(candidate, registered)
        self._check_signature(candidate, registered, signature)
        try:
            model = ModelManifest.model_validate_json(self.store.get(candidate.manifest))
            dataset = DatasetManifest.model_validate_json(self.store.get(model.dataset))
            self._check_files(model)
        except (ArtifactMissing, ArtifactCorrupt) as error:
            raise Tampered("integrity", error.reason) from error
        except ValidationError as error:
            raise Tampered("integrity", f"a manifest does not fit its schema: {error.error_count()} errors") from error
        if (model.model_id, model.dataset_id) != (candidate.model_id, candidate.dataset_id):
            raise Tampered("integrity", f"the manifest is of {model.model_id} on {model.dataset_id}")
        if not candidate.kind == model.kind == dataset.kind:
            raise Tampered("integrity", f"a model of {model.kind} on a dataset of {dataset.kind}")
        if dataset.dataset_id != model.dataset_id:
            raise Tampered("integrity", f"the dataset behind the manifest is {dataset.dataset_id}")
        return Inspected(candidate, model, dataset, signed=self.verifier is not None)

    def recount(self, inspected: Inspected) -> Recount:
        """Reads every record of every split. Raises `Tampered` where they cannot be read."""
        try:
            return self.recounter(self.store, inspected.dataset, self.licensed)
        except (ArtifactMissing, ArtifactCorrupt) as error:
            raise Tampered("integrity", error.reason) from error

    def _check_registration(self, candidate: Candidate, registered: ModelVersion | None) -> None:
        if registered is None:
            raise Tampered("integrity", f"version {candidate.version} is not registered")
        if (registered.model_id, registered.manifest) != (candidate.model_id, candidate.manifest):
            raise Tampered("integrity", f"version {candidate.version} is registered with another manifest")

    def _check_signature(self, candidate: Candidate, registered: ModelVersion | None, policy: SignaturePolicy) -> None:
        if self.verifier is None:
            if policy == "required":
                raise Tampered("signature", "a signature is required, and no key to verify it is configured")
            return
        signature = registered.tags.get(SIGNATURE_TAG, "") if registered else ""
        if not self.verifier.verify(candidate.manifest, signature):
            raise Tampered("signature", "the signature is not ours" if signature else "the manifest is not signed")

    def _check_files(self, model: ModelManifest) -> None:
        _check_names(model.files)
        with tempfile.TemporaryDirectory() as folder:
            for file in {file.ref.sha256: file for file in (*model.files, *model.start_files)}.values():
                self.store.fetch(file.ref, Path(folder) / "file")


def _check_names(files: tuple[ModelFile, ...]) -> None:
    paths = [file.path for file in files]
    if len(set(paths)) != len(paths):
        raise Tampered("integrity", "the manifest lists one path twice")
    if missing := [name for name in _NEEDED if name not in paths]:
        raise Tampered("integrity", f"the manifest lists no {missing[0]}")
    if odd := [path for path in paths if PurePosixPath(path).suffix not in _SUFFIXES]:
        raise Tampered("integrity", f"{odd[0]} is of a kind that is never loaded")
