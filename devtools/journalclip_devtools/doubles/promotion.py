"""For tests: a durable registry in a folder, a bench with canned ranks, and candidates that verify.

The registry keeps each alias as a file that is replaced whole, so a process may be killed at any moment, as with the
real one; it is quick enough for thousands of promotions.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from journalclip_evaluation.errors import SuiteUnusable
from journalclip_evaluation.models import Evaluation, Measured, Subject
from journalclip_evaluation.ranking import Ranks
from journalclip_evaluation.retrieval import SIDES, Ranked, Side, summarise
from journalclip_promotion.decision import Candidate, Decision
from journalclip_promotion.documents import Documents, Judgement
from journalclip_promotion.gates import CARD_FIELDS, Gates
from journalclip_promotion.handler import PromotionHandler
from journalclip_promotion.ledger import Ledger
from journalclip_promotion.lock import FileLock
from journalclip_promotion.promoter import Promoter
from journalclip_promotion.verify import Inspector, recount_pairs
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.errors import TransientError
from journalclip_shared.events import Event, Fact, ModelTrained
from journalclip_shared.ids import make_id, sha256_hex
from journalclip_shared.records.dataset import DatasetManifest, LeakReport, Split, SplitPart
from journalclip_shared.records.model import ModelFile, ModelManifest
from journalclip_shared.registry import Alias, ModelRegistry, ModelVersion
from journalclip_shared.runs import Curve

GOOD_CARD = dict.fromkeys(CARD_FIELDS, "said")


class FolderRegistry:
    """`ModelRegistry` in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for name in ("versions", "aliases", "tags"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def register(self, model_id: str, manifest: ArtifactRef, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        known = self.versions()
        for version in known:
            if version.model_id == model_id:
                return version
        number = str(1 + max((int(version.version) for version in known), default=0))
        made = {"model_id": model_id, "manifest": manifest.model_dump(), "run_id": run_id, "tags": dict(tags)}
        self._write("versions", number, json.dumps(made))
        return self._version(number)

    def versions(self) -> list[ModelVersion]:
        return [self._version(str(n)) for n in sorted(int(path.name) for path in (self._root / "versions").iterdir())]

    def by_alias(self, alias: Alias) -> ModelVersion | None:
        path = self._root / "aliases" / alias
        return self._version(path.read_text()) if path.exists() else None

    def set_alias(self, alias: Alias, version: str) -> None:
        self._write("aliases", alias, self._known(version))

    def drop_alias(self, alias: Alias) -> None:
        (self._root / "aliases" / alias).unlink(missing_ok=True)

    def tag(self, version: str, key: str, value: str) -> None:
        self._write("tags", f"{self._known(version)}-{key}", value)

    def delete(self, version: str) -> None:
        """As a person does on MLflow's page: the version goes, and every alias that pointed at it."""
        for path in [self._root / "versions" / version, *(self._root / "tags").glob(f"{version}-*")]:
            path.unlink()
        for path in (self._root / "aliases").iterdir():
            if path.read_text() == version:
                path.unlink()

    def _known(self, version: str) -> str:
        if not (self._root / "versions" / version).exists():
            raise TransientError(f"model registry: no version {version}")
        return version

    def _version(self, number: str) -> ModelVersion:
        found = json.loads((self._root / "versions" / number).read_text())
        later = (self._root / "tags").glob(f"{number}-*")
        tags = {**found["tags"], **{path.name.partition("-")[2]: path.read_text() for path in later}}
        manifest = ArtifactRef.model_validate(found["manifest"])
        return ModelVersion(number, found["model_id"], manifest, found["run_id"], tags)

    def _write(self, folder: str, name: str, text: str) -> None:
        handle, temporary = tempfile.mkstemp(dir=self._root)
        os.write(handle, text.encode())
        os.close(handle)
        Path(temporary).replace(self._root / folder / name)


@dataclass
class CannedMeasurer:
    """Retrieval as a share of hits by model id (its start has ``start``); general hits by model id."""

    store: ArtifactStore
    skill: Mapping[str, float] = field(default_factory=dict)
    start: float = 0.1
    general_skill: Mapping[str, float] = field(default_factory=dict)
    missing_suites: tuple[str, ...] = ()
    queries: int = 200
    calls: list[str] = field(default_factory=list)

    def retrieval(self, model: ModelManifest, dataset: ArtifactRef, subject: Subject) -> Measured:
        self.calls.append(f"{subject} {model.model_id}")
        share = self.start if subject == "start" else self.skill.get(model.model_id, 0.9)
        ranked = canned_ranks(share, self.queries)
        figures = summarise(ranked)
        evaluation = Evaluation(
            model_id=model.model_id, subject=subject, dataset_id=model.dataset_id, split="test",
            strict=figures, multi=figures, by_modality={}, ranks=dataset, sketch=dataset,
        )  # fmt: skip
        ref = self.store.put("models", evaluation.canonical(), "application/json")
        return Measured(evaluation, ref, ranked)

    def latency_ms(self, model: ModelManifest) -> float:
        return 12.0

    def general(self, suite: str, model: ModelManifest, subject: Subject) -> list[bool]:
        if suite in self.missing_suites:
            raise SuiteUnusable(suite, "no data")
        share = 0.6 if subject == "start" else self.general_skill.get(model.model_id, 0.6)
        return [item < share * 1000 for item in range(1000)]


@dataclass(frozen=True)
class PlainWriter:
    """A line in place of the report, and another in place of the card."""

    store: ArtifactStore

    def write(self, about: Judgement) -> Documents:
        name = f"{about.inspected.model.model_id} {about.word}"
        report, card = (
            self.store.put("models", f"{kind} of {name}".encode(), "text/plain") for kind in ("report", "card")
        )
        return Documents(report, card)


@dataclass
class FolderRuns:
    """`Runs` in a folder; ``away`` makes it refuse."""

    root: Path
    away: bool = False

    def curves(self, run_id: str, names: Sequence[str]) -> dict[str, Curve]:
        return {}

    def attach(self, run_id: str, model_id: str, files: Mapping[str, bytes]) -> str:
        if self.away:
            raise TransientError("the tracker is away")
        for name, data in files.items():
            path = self.root / model_id / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return run_id


def canned_ranks(share: float, queries: int) -> Ranked:
    """The first ``share`` of the queries rank their pair first, the others last; one article a query."""
    above = np.where(np.arange(queries) < round(share * queries), 0, queries - 1)
    ones = np.ones(queries, np.int64)
    sides: dict[Side, Ranks] = {side: Ranks(above, ones, ones, ones, queries) for side in SIDES}
    names = tuple(str(query) for query in range(queries))
    return Ranked(names, names, ("CT",) * queries, sides, sides)


def put_candidate(
    store: ArtifactStore,
    registry: ModelRegistry,
    name: str,
    card: Mapping[str, str] = GOOD_CARD,
    leaks: LeakReport | None = None,
    licences: Mapping[str, int] | None = None,
    splits: Mapping[Split, SplitPart] | None = None,
    files: Sequence[tuple[str, bytes]] = (("config.json", b"{}"), ("model.safetensors", b"weights")),
    tags: Mapping[str, str] | None = None,
) -> Candidate:
    """A candidate whose files are a few bytes: enough for everything that does not load them."""
    dataset = DatasetManifest(
        dataset_id=make_id("ds", name), digest=sha256_hex(name.encode()), splits=dict(splits or {}),
        leaks=leaks or LeakReport(), licences=dict(licences or {"CC BY": 10}), image_size=64, kind="articles",
    )  # fmt: skip
    dataset_ref = store.put_manifest("datasets", f"frozen/{dataset.dataset_id}", dataset.canonical())
    model = ModelManifest(
        model_id=make_id("mdl", name), dataset_id=dataset.dataset_id, dataset=dataset_ref, recipe="test",
        config="{}", base="scratch:0", card=dict(card), kind="articles",
        files=tuple(_file(store, path, data + name.encode()) for path, data in files),
    )  # fmt: skip
    ref = store.put_manifest("models", f"trained/{model.model_id}", model.canonical())
    version = registry.register(model.model_id, ref, "", tags or {})
    return Candidate(
        version=version.version, model_id=model.model_id, dataset_id=model.dataset_id, manifest=ref, kind="articles"
    )


def _file(store: ArtifactStore, path: str, data: bytes) -> ModelFile:
    return ModelFile(path=path, ref=store.put("models", data, "application/octet-stream"))


@dataclass
class PromotionFixture:
    """A promoter with everything around it."""

    root: Path
    queries: int = 200

    def __post_init__(self) -> None:
        self.store = LocalArtifacts(self.root / "artifacts")
        self.registry = FolderRegistry(self.root / "registry")
        self.bench = CannedMeasurer(self.store, queries=self.queries)
        self.runs = FolderRuns(self.root / "runs")
        self.promoter = Promoter(
            Ledger(self.store, ""), self.registry, FileLock(self.root / "lock", patience_s=300),
            Inspector(self.store, recount_pairs),
            self.bench, PlainWriter(self.store), Gates(signature="if-key"), now=lambda: "2026-11-23T00:00:00+00:00",
        )  # fmt: skip

    def with_gates(self, **gates: object) -> None:
        self.promoter = replace(self.promoter, gates=Gates.model_validate({"signature": "if-key", **gates}))

    def at_step(self, act: Callable[[str], None]) -> None:
        """Call ``act`` with the name of every step that the promoter passes."""
        self.promoter = replace(self.promoter, step=act)

    def skills(self, **skill: float) -> None:
        self.bench.skill = {make_id("mdl", name): value for name, value in skill.items()}

    def handle(self, candidate: Candidate) -> list[Fact]:
        return list(PromotionHandler(self.promoter, "articles", self.runs).handle(Event(trained(candidate), "test")))

    def last(self) -> Decision:
        found = self.promoter.ledger.last()
        assert found is not None
        return found

    def aliases(self) -> tuple[str | None, str | None]:
        found = [self.registry.by_alias("champion"), self.registry.by_alias("previous")]
        return (found[0].version if found[0] else None, found[1].version if found[1] else None)


def trained(candidate: Candidate) -> ModelTrained:
    return ModelTrained(
        model_id=candidate.model_id,
        dataset_id=candidate.dataset_id,
        manifest=candidate.manifest,
        version=candidate.version,
        kind=candidate.kind,
    )
