"""Articles: pairs of pictures and captions, a CLIP folder as start, a trainer that may be a cluster's."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.folder import ClipFolder, load_folder, save_folder
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelFile
from journalclip_training.articles.run import FigureRun
from journalclip_training.base import check_pictures, describe_base, load_base
from journalclip_training.card import card
from journalclip_training.config import RunConfig, TrainConfig
from journalclip_training.errors import DatasetTooSmall
from journalclip_training.examples import draw_examples
from journalclip_training.fit import Fitted, Observe
from journalclip_training.learning import Job, Record
from journalclip_training.recipes import RECIPES, Recipe, configure
from journalclip_training.reference import RetrievalScore
from journalclip_training.samples import open_samples
from journalclip_training.trainer import LocalTrainer, Task, Trainer
from journalclip_training.wise import Score, choose, draw_front, set_between, sweep, weights

_log = logging.getLogger(__name__)


@dataclass
class ArticleLearning:
    """`Learning` of one CLIP."""

    job: Job
    config: TrainConfig
    trainer: Trainer
    general: Score | None

    def __post_init__(self) -> None:
        self.frozen = FrozenDataset.open(self.job.store, self.job.dataset)
        self._model: ClipFolder | None = None

    @property
    def dataset(self) -> DatasetManifest:
        return self.frozen.manifest

    @property
    def model(self) -> ClipFolder:
        if self._model is None:
            self._model = load_folder(self.job.start)
        return self._model

    def check(self) -> None:
        pairs = self.dataset.splits["train"].pairs if "train" in self.dataset.splits else 0
        if pairs < self.config.data.min_pairs:
            raise DatasetTooSmall(self.dataset.dataset_id, pairs, "pairs", self.config.data.min_pairs, "data.min_pairs")

    def make_start(self, folder: Path) -> None:
        start = load_base(self.config, [pair.text for pair in self.frozen.pairs("train")])
        check_pictures(self.dataset, start)
        save_folder(start, folder)

    def fit(self, start_files: tuple[ModelFile, ...], observe: Observe) -> Fitted:
        job = self.job
        task = Task(job.model_id, self.config, job.options, job.store, job.dataset, start_files, job.folder)
        return self.trainer(task, FigureRun(task, self.config, self.model), observe)

    def measure(self, record: Record) -> dict[str, float]:
        """Validation scores; where a general set is configured, the sweep, whose chosen weights are then kept."""
        if not self.dataset.splits["val"].pairs:
            return {}
        tuned, config = self.model, self.config.forgetting
        val = open_samples(self.frozen, "val", tuned.preprocess, self.job.folder / "shards", self.job.options)
        domain, metrics = RetrievalScore(val), {"val_pool": float(len(val))}
        if config.alphas and self.general is None:
            _log.warning(
                "%s: no general reference set, so what this run has cost in general ability stays unknown;"
                " set JOURNALCLIP_GENERAL_REFERENCE to a folder of class folders",
                self.job.model_id,
            )
        if config.alphas and self.general is not None:
            start = weights(load_folder(self.job.start).model)
            points = sweep(tuned, start, config.alphas, domain, self.general)
            kept = choose(points, config.cap)
            set_between(tuned.model, start, weights(tuned.model), kept.alpha)
            record("pareto.png", lambda path: draw_front(points, kept, path))
            metrics |= {"kept_alpha": kept.alpha, "general": kept.general, "general_start": points[0].general}
        metrics[f"val_recall_at_{domain.k}"] = domain(tuned)
        record("examples.png", lambda path: draw_examples(tuned, val, path))
        return metrics

    def save(self, folder: Path) -> None:
        save_folder(self.model, folder)

    def card(self, base: str, metrics: dict[str, float]) -> dict[str, str]:
        return card(self.config, base, self.dataset, metrics)


@dataclass(frozen=True)
class ArticleTraining:
    """`TrainingKind` of articles. ``general`` is the reference set of forgetting control."""

    trainer: Trainer = LocalTrainer()  # noqa: RUF009 - frozen
    general: Score | None = None
    recipes: Mapping[str, Recipe] = field(default_factory=lambda: RECIPES)
    kind: Kind = field(default="articles", init=False)

    def configure(self, recipe: str, overrides: Iterable[str]) -> RunConfig:
        return configure(recipe, overrides, self.kind, self.recipes)

    def base(self, config: RunConfig) -> str:
        return describe_base(_ours(config))

    def open(self, job: Job) -> ArticleLearning:
        return ArticleLearning(job, _ours(job.config), self.trainer, self.general)


def _ours(config: RunConfig) -> TrainConfig:
    if not isinstance(config, TrainConfig):
        raise TypeError(f"{type(config).__name__} is no configuration of articles")
    return config
