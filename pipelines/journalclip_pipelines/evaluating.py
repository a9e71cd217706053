"""What ``journalclip evaluate`` does: find the model, measure it, and write what was asked for.

A model is named by version, alias, id, or the path of a CLIP folder; a registered one is measured as promotion
measures it, and its start stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from journalclip_evaluation.card import model_card
from journalclip_evaluation.classification import Classification
from journalclip_evaluation.embedded import EmbeddedPairs, embed_split
from journalclip_evaluation.models import Evaluation, Evaluator, Subject, files_of
from journalclip_evaluation.published import published_table, rows_of
from journalclip_evaluation.report.build import Reported, build_report
from journalclip_evaluation.retrieval import SIDES, Metric, Ranked, by_modality, compare, rank, summarise
from journalclip_evaluation.run_suite import classify, retrieve
from journalclip_evaluation.suites import load_suite
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import fetch_folder
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import Alias, ModelVersion

_ALIASES: tuple[Alias, ...] = ("candidate", "champion", "previous")
_METRICS: tuple[Metric, ...] = ("r1", "r5", "r10", "mrr")
_START, _THIS = "its start", "this model"


class UnknownModel(PermanentError):
    """Nothing is registered under this name."""

    def __init__(self, wanted: str) -> None:
        super().__init__(
            "unknown-model",
            f"no version, alias, model id or CLIP folder is called {wanted}",
            "`journalclip models list` shows what is registered.",
        )


class UnknownDataset(PermanentError):
    """No frozen dataset has this id."""

    def __init__(self, wanted: str) -> None:
        super().__init__("unknown-dataset", f"no dataset {wanted} is frozen", "`journalclip status` names them.")


def find_version(workspace: Workspace, wanted: str) -> ModelVersion:
    """By alias, version or model id. Raises `UnknownModel`."""
    for alias in _ALIASES:
        if wanted == alias and (found := workspace.registry.by_alias(alias)) is not None:
            return found
    for version in workspace.registry.versions():
        if wanted in (version.version, version.model_id):
            return version
    raise UnknownModel(wanted)


def compare_models(workspace: Workspace, first: str, second: str) -> dict[str, Json]:
    """Paired differences, second minus first, on the second's own test split. Raises `UnknownModel`."""
    new = Evaluating(workspace, second, None)
    old = Evaluating(workspace, first, new.dataset.manifest.dataset_id)
    before, after = old.ranks[_THIS], new.ranks[_THIS]
    return {
        "first": old.wanted,
        "second": new.wanted,
        "dataset": new.dataset.manifest.dataset_id,
        "pool": len(after.pair_ids),
        "differences": {metric: vars(compare(before, after, metric)) for metric in _METRICS},
    }


@dataclass
class Evaluating:
    """One model on one dataset's split."""

    workspace: Workspace
    wanted: str
    dataset_id: str | None
    split: Split = "test"
    suites: Sequence[str] = ()
    suite_root: Path = Path("suites")
    device: str = "cpu"
    _results: dict[str, list[Classification]] = field(default_factory=dict)

    @cached_property
    def version(self) -> ModelVersion | None:
        """None for a folder."""
        return None if (Path(self.wanted) / "config.json").is_file() else find_version(self.workspace, self.wanted)

    @cached_property
    def manifest(self) -> ModelManifest | None:
        if self.version is None:
            return None
        return ModelManifest.model_validate_json(self.workspace.store.get(self.version.manifest))

    @cached_property
    def dataset(self) -> FrozenDataset:
        wanted = self.dataset_id or (self.manifest.dataset_id if self.manifest else "")
        ref = self.workspace.store.find_manifest("datasets", f"frozen/{wanted}") if wanted else None
        if ref is None:
            raise UnknownDataset(wanted or "(none given)")
        return FrozenDataset.open(self.workspace.store, ref)

    @cached_property
    def encoder(self) -> Encoder:
        return Encoder.load(Path(self.wanted) if self.manifest is None else self._folder("model"), self.device)

    @cached_property
    def pairs(self) -> EmbeddedPairs:
        return embed_split(self.encoder, self.dataset, self.split)

    @cached_property
    def evaluation(self) -> Evaluation | None:
        """Kept in the store, for a registered model."""
        return self._measure("model")[0] if self.manifest else None

    @cached_property
    def ranks(self) -> dict[str, Ranked]:
        """By name: the model's start (where it has one), and the model."""
        if self.manifest is None:
            return {_THIS: rank(self.pairs)}
        found = {_START: self._measure("start")[1]} if self.manifest.start_files else {}
        return {**found, _THIS: self._measure("model")[1]}

    def classified(self) -> Mapping[str, Sequence[Classification]]:
        """The suites' results; of retrieval suites there are none here."""
        for name in self.suites:
            suite = load_suite(name)
            if suite.kind == "classification" and suite.name not in self._results:
                found = classify(self.encoder, suite, self.suite_root)
                self._results[suite.name] = [each.figures for each in found.values()]
        return self._results

    def as_json(self, tables: Sequence[str] = ()) -> dict[str, Json]:
        this = self.ranks[_THIS]
        return {
            "model": self.version.model_id if self.version else self.wanted,
            "version": self.version.version if self.version else None,
            "dataset": self.dataset.manifest.dataset_id,
            "split": self.split,
            "retrieval": {
                name: {
                    "strict": summarise(ranked).model_dump(mode="json"),
                    "multi": summarise(ranked, multi=True).model_dump(mode="json"),
                }
                for name, ranked in self.ranks.items()
            },
            "by_modality": {name: found.model_dump(mode="json") for name, found in by_modality(this).items()},
            "against_start": self._against_start(),
            "suites": {
                name: [each.model_dump(mode="json") for each in found] for name, found in self.classified().items()
            },
            "suite_retrieval": self._suite_retrieval(),
            "tables": {name: self.table(name) for name in tables},
        }

    def table(self, name: str) -> list[Json]:
        table = published_table(name)
        head = ("measure", "published", *table.columns)
        return [dict(zip(head, row, strict=True)) for row in rows_of(table, self.ranks, self.classified())]

    def report(self, tables: Sequence[str]) -> str:
        """The HTML."""
        what = Reported(
            title=f"Evaluation of {self.version.model_id if self.version else self.wanted}",
            ranked=self.ranks[_THIS], pairs=self.pairs, dataset=self.dataset, split=self.split, model=self.manifest,
            others={name: ranked for name, ranked in self.ranks.items() if name != _THIS},
            suites=self.classified(), pareto=self._pareto(), tables=[published_table(name) for name in tables],
        )  # fmt: skip
        return build_report(what)

    def card(self) -> str:
        """Markdown. Raises `UnknownModel` for a folder: it has no manifest to make a card from."""
        if self.manifest is None or self.evaluation is None:
            raise UnknownModel(self.wanted)
        return model_card(self.manifest, self.evaluation)

    def _pareto(self) -> dict[str, tuple[float, float]]:
        """General accuracy (the first suite's zero-shot) and domain recall@10, of start and model."""
        if not self.suites or self.manifest is None or not self.manifest.start_files:
            return {}
        suite = load_suite(self.suites[0])
        if suite.kind != "classification":
            return {}
        start = Encoder.load(self._folder("start"), self.device)
        zero_shot_only = suite.model_copy(update={"protocols": ("zero-shot",)})
        points = {}
        for name, encoder in ((_START, start), (_THIS, self.encoder)):
            found = classify(encoder, zero_shot_only, self.suite_root)["zero-shot"]
            recall = np.mean([self.ranks[name].strict[side].hits(10).mean() for side in SIDES])
            points[name] = (found.figures.accuracy, float(recall))
        return points

    def _against_start(self) -> Json:
        if _START not in self.ranks:
            return None
        return {metric: vars(compare(self.ranks[_START], self.ranks[_THIS], metric)) for metric in _METRICS}

    def _suite_retrieval(self) -> dict[str, Json]:
        suites = [suite for suite in map(load_suite, self.suites) if suite.kind == "retrieval"]
        return {
            suite.name: summarise(retrieve(self.encoder, suite, self.suite_root)).model_dump(mode="json")
            for suite in suites
        }

    def _measure(self, subject: Subject) -> tuple[Evaluation, Ranked]:
        assert self.manifest is not None
        evaluator = Evaluator(self.workspace.store, self.workspace.cache / "models", self.device)
        found = evaluator.measure(self.manifest, self.dataset, self.split, subject)
        return found.evaluation, found.ranked

    def _folder(self, subject: Subject) -> Path:
        assert self.manifest is not None
        return fetch_folder(self.workspace.store, files_of(self.manifest, subject), self.workspace.cache / "models")
