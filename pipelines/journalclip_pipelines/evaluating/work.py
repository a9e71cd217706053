"""One evaluation: a model, a dataset's split, the models beside it, suites, and the forms in which it comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from journalclip_evaluation.card import model_card
from journalclip_evaluation.embedded import Progress, quiet
from journalclip_evaluation.published import PublishedTable, published_table, rows_of
from journalclip_evaluation.report.build import THIS, Reported, build_report
from journalclip_evaluation.report.shown import Forgetting, SuiteResults
from journalclip_evaluation.retrieval import SIDES, Ranked
from journalclip_evaluation.suite_data import has_data
from journalclip_evaluation.suites import Suite, load_suite
from journalclip_evaluation.unique_texts import UniqueTextRetrieval
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder
from journalclip_pipelines.evaluating.find import UnknownModel, find_dataset, find_version, read_manifest
from journalclip_pipelines.evaluating.subjects import Folder, Question, Registered, Subject
from journalclip_pipelines.evaluating.suites import run_suite
from journalclip_pipelines.operations.installation import Installation
from journalclip_shared.records.dataset import Split
from journalclip_shared.registry import ModelVersion

START, CHAMPION = "its start", "the champion"
_CURVES = ("loss", "temperature", "gradient_norm")


@dataclass(frozen=True)
class Options:
    """What to measure besides the model's own retrieval."""

    split: Split = "test"
    suites: Sequence[str] = ()
    general: str = ""  # a suite that stands for what should not be forgotten
    tables: Sequence[str] = ()
    root: Path = Path("suites")
    device: str = "cpu"
    alone: bool = False  # no start, no champion beside it


@dataclass
class Evaluating:
    """Everything is measured when it is first asked for, and once."""

    there: Installation
    wanted: str
    dataset_id: str | None = None
    options: Options = Options()
    progress: Progress = quiet
    say: Callable[[str], None] = lambda _: None

    @cached_property
    def version(self) -> ModelVersion | None:
        """None for a folder."""
        return None if (Path(self.wanted) / "config.json").is_file() else find_version(self.there, self.wanted)

    @cached_property
    def dataset(self) -> FrozenDataset:
        this = self.subjects[THIS]
        own = this.manifest.dataset_id if isinstance(this, Registered) else ""
        return find_dataset(self.there, self.dataset_id or own)

    @cached_property
    def subjects(self) -> dict[str, Subject]:
        """By name, the model itself last."""
        if self.version is None:
            return {**self._champion(""), THIS: Folder(Path(self.wanted))}
        manifest = read_manifest(self.there, self.version)
        start = {START: Registered(manifest, "start")} if manifest.start_files and not self.options.alone else {}
        return {**start, **self._champion(manifest.model_id), THIS: Registered(manifest)}

    def _champion(self, but: str) -> dict[str, Subject]:
        champion = None if self.options.alone else self.there.registry.by_alias("champion")
        if champion is None or champion.model_id == but:
            return {}
        return {CHAMPION: Registered(read_manifest(self.there, champion))}

    @cached_property
    def question(self) -> Question:
        return Question(self.there, self.dataset, self.options.split, self.options.device, self.progress)

    @cached_property
    def ranks(self) -> dict[str, Ranked]:
        found = {}
        for name, subject in self.subjects.items():
            self.say(f"retrieval: {name}")
            found[name] = subject.ranked(self.question)
        return found

    @property
    def others(self) -> dict[str, Ranked]:
        return {name: ranked for name, ranked in self.ranks.items() if name != THIS}

    @cached_property
    def tables(self) -> list[PublishedTable]:
        return [published_table(name) for name in self.options.tables]

    @cached_property
    def suites(self) -> list[SuiteResults]:
        """Those asked for, and those that a table names and whose data is there."""
        asked = [load_suite(name) for name in (*self.options.suites, *filter(None, [self.options.general]))]
        named = [load_suite(name) for table in self.tables for name in table.suites]
        wanted = {
            suite.name: suite for suite in (*asked, *(each for each in named if has_data(each, self.options.root)))
        }
        return [self._run(suite) for suite in wanted.values()]

    def _run(self, suite: Suite) -> SuiteResults:
        loaded: dict[str, Encoder] = {}

        def load(name: str) -> Encoder:
            if name not in loaded:
                loaded.clear()  # one model in memory at a time
                loaded[name] = self.subjects[name].encoder(self.question)
            return loaded[name]

        return run_suite(suite, self.options.root, list(self.subjects), load, self.say)

    @cached_property
    def forgetting(self) -> Forgetting | None:
        """General accuracy against domain recall@10, where a general suite was named; and training's own sweep."""
        this = self.subjects[THIS]
        sweep = this.manifest.sweep if isinstance(this, Registered) else ()
        found = next((each for each in self.suites if each.name == self.options.general), None)
        points = {}
        for name, ranked in self.ranks.items() if found else ():
            zero_shot = found.zero_shot(name) if found else None
            if zero_shot is not None:
                recall = np.mean([ranked.strict[side].hits(10).mean() for side in SIDES])
                points[name] = (zero_shot.accuracy, float(recall))
        line = [(f"{each.alpha:g}", (each.general, each.domain)) for each in sweep]
        return Forgetting(found.title if found else "", points, line) if points or line else None

    @cached_property
    def unique_texts(self) -> dict[str, UniqueTextRetrieval]:
        """SeLIP's protocol, of models of studies, where its table was asked for."""
        if all(row.ours != "top" for table in self.tables for row in table.rows):
            return {}
        found = {name: subject.unique_texts(self.question) for name, subject in self.subjects.items()}
        return {name: each for name, each in found.items() if each is not None}

    @property
    def title(self) -> str:
        return f"Version {self.version.version}: {self.version.model_id}" if self.version else Path(self.wanted).name

    def table_rows(self, table: PublishedTable) -> list[dict[str, str]]:
        head = ("measure", "published", *self.ranks, "what differs")
        rows = rows_of(table, self.ranks, self.suites, self.forgetting, self.unique_texts)
        return [dict(zip(head, row, strict=True)) for row in rows]

    def report(self) -> str:
        """The HTML."""
        this = self.subjects[THIS]
        run = self.version.run_id if self.version else ""
        return build_report(
            Reported(
                title=self.title,
                ranked=self.ranks[THIS],
                sketch=this.sketch(self.question),
                dataset=self.dataset,
                split=self.options.split,
                model=this.manifest if isinstance(this, Registered) else None,
                others=self.others,
                suites=self.suites,
                forgetting=self.forgetting,
                curves=self.there.runs.curves(run, _CURVES),
                tables=self.tables,
                unique_texts=self.unique_texts,
            )
        )

    def card(self) -> str:
        """Markdown. Raises `UnknownModel` for a folder: it has no manifest to make a card from."""
        this = self.subjects[THIS]
        if not isinstance(this, Registered):
            raise UnknownModel(self.wanted, f"{self.wanted} is a folder; a card needs a registered model")
        return model_card(
            this.manifest, this.evaluation(self.question), self.dataset.manifest, forgetting=self.forgetting
        )
