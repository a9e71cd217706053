"""Few-shot curves: every arm (task, seed, share of the labels, start) is trained once, measured once and kept.

Per seed the cases are split anew; within a seed all arms share the test cases, and both starts share cases, order and
steps, so that a difference is that of the start. An arm that was finished for the same cases, weights and settings is
read back; cases are laid on the grid only when an arm is still to be run.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray

from journalclip_evaluation.once import once
from journalclip_modeling.studies.model import StudyModel
from journalclip_pipelines.downstream.cases import Cases, LaidCases
from journalclip_pipelines.downstream.errors import CasesUnusable
from journalclip_pipelines.downstream.split import labels_share, split_cases
from journalclip_pipelines.downstream.start import Pretrained, scratch
from journalclip_pipelines.progress import Reporter
from journalclip_pipelines.studies.laid import spacing_for
from journalclip_shared.ids import Json
from journalclip_training.studies.classify import (
    ClassifyConfig,
    classification_scores,
    classify,
    linear_probe,
    study_vectors,
    train_classifier,
)
from journalclip_training.studies.segment import (
    REGIONS,
    SegmentConfig,
    dice,
    hausdorff,
    missed,
    segment,
    train_segmenter,
)

Task = Literal["classify", "segment"]
Start = Literal["scratch", "pretrained"]
TASKS: tuple[Task, ...] = ("classify", "segment")
MEASURES: dict[Task, int] = {"classify": 1, "segment": 2}  # raised when an arm measures more: kept ones are run anew
HD95 = "HD95 mm"  # measures that begin so are lengths; all others are shares
STARTS: tuple[Start, ...] = ("scratch", "pretrained")  # the first is the baseline


@dataclass(frozen=True)
class CurveOptions:
    """What is measured; ``device`` is PyTorch's name of one."""

    tasks: tuple[Task, ...] = TASKS
    fractions: tuple[float, ...] = (0.01, 0.1, 1.0)
    seeds: int = 5
    classify: ClassifyConfig = field(default_factory=ClassifyConfig)
    segment: SegmentConfig = field(default_factory=SegmentConfig)
    device: str = "cpu"


@dataclass(frozen=True)
class Arm:
    """One point of one seed's curve. ``labels`` and ``asked`` count cases."""

    task: Task
    seed: int
    fraction: float
    start: Start
    labels: int
    asked: int
    scores: dict[str, float]


class Curves:
    """Over labelled cases and one pretrained model; finished arms are kept in ``folder``."""

    def __init__(
        self, found: Cases, lay: Callable[[], LaidCases], start: Pretrained, options: CurveOptions, folder: Path,
        reporter: Reporter,
    ) -> None:  # fmt: skip
        """Raises `CasesUnusable`: ``cases-one-class`` where classes are to be told apart."""
        if "classify" in options.tasks and len(found.classes) < 2:
            raise CasesUnusable("cases-one-class", f"all cases are in the class {found.classes[0]}")
        self.found, self.options, self.folder, self.reporter = found, options, folder, reporter
        self._lay, self._start = lay, start
        self._truth, self._groups = found.truth, found.groups
        self._vectors: dict[tuple[Start, int], NDArray[np.float32]] = {}

    def run(self) -> list[Arm]:
        """All arms. Raises `CasesUnusable` ``cases-too-few``, and what laying the cases raises."""
        arms: list[Arm] = []
        wanted = list(self._wanted())
        with self.reporter.stage("few-shot curves", len(wanted)) as stage:
            for task, seed, fraction, start in wanted:
                name = f"{task}-{seed}-{fraction:g}-{start}"
                stage.update(len(arms), len(wanted), name)
                of = self._made_of(task, seed, start)
                work = lambda task=task, seed=seed, fraction=fraction, start=start: self._arm(  # noqa: E731
                    task, seed, fraction, start
                )
                arms.append(once(self.folder / "arms", name, of, Arm, work))
            stage.update(len(arms), len(wanted))
        return arms

    def _wanted(self) -> Iterator[tuple[Task, int, float, Start]]:
        for seed in range(self.options.seeds):
            for task in self.options.tasks:
                for fraction in self.options.fractions:
                    for start in STARTS:
                        yield task, seed, fraction, start

    def _made_of(self, task: Task, seed: int, start: Start) -> Json:
        config = self.options.classify if task == "classify" else self.options.segment
        return {
            "cases": self.found.digest,
            "model": cast(Json, asdict(self._start.config)),
            "weights": self._start.digest if start == "pretrained" else f"scratch:{seed}",
            "training": cast(Json, asdict(config)),
            "measures": MEASURES[task],
        }

    @cached_property
    def _laid(self) -> LaidCases:
        return self._lay()

    def _arm(self, task: Task, seed: int, fraction: float, start: Start) -> Arm:
        train, asked = split_cases(self._truth, self._groups, self.found.classes, seed)
        known = labels_share(self._truth, train, fraction, seed)
        measure = self._classified if task == "classify" else self._segmented
        return Arm(task, seed, fraction, start, len(known), len(asked), measure(known, asked, seed, start))

    def _classified(self, known: list[int], asked: list[int], seed: int, start: Start) -> dict[str, float]:
        voxels, present, truth = self._laid.voxels, self._laid.present, self._truth
        config = replace(self.options.classify, seed=seed)
        net = train_classifier(
            self._model(start, seed), voxels[known], present[known], torch.from_numpy(truth[known]),
            len(self.found.classes), config,
        )  # fmt: skip
        tuned = classification_scores(classify(net, voxels[asked], present[asked], config.batch), truth[asked])
        vectors = self._frozen(start, seed)
        probed = classification_scores(linear_probe(vectors[known], truth[known], vectors[asked]), truth[asked])
        return tuned | {f"probe {name}": value for name, value in probed.items()}

    def _segmented(self, known: list[int], asked: list[int], seed: int, start: Start) -> dict[str, float]:
        """Mean Dice and HD95 (mm on the grid) over the asked cases that have the region; one that none has is left out.

        A region of which nothing was drawn has the volume's diagonal as its HD95, and is counted as missed.
        """
        voxels, present, labels = self._laid.voxels, self._laid.present, self._laid.labels
        assert labels is not None, "maps are asked for where segmentation is"
        config = replace(self.options.segment, seed=seed)
        net = train_segmenter(self._model(start, seed), voxels[known], present[known], labels[known], config)
        drawn = segment(net, voxels[asked], present[asked], config.batch)
        truth, spacing = labels[asked], spacing_for(self._start.config.grid)
        scores = {f"Dice {region}": dice(drawn, truth, region) for region in REGIONS}
        scores |= {f"{HD95} {region}": hausdorff(drawn, truth, region, spacing) for region in REGIONS}
        scores |= {f"missed {region}": missed(drawn, truth, region) for region in REGIONS}
        return {name: float(np.mean(values)) for name, values in scores.items() if values}

    def _frozen(self, start: Start, seed: int) -> NDArray[np.float32]:
        """Vectors of all cases, once a start."""
        key = (start, seed if start == "scratch" else 0)
        if key not in self._vectors:
            self._vectors[key] = study_vectors(self._model(start, seed), self._laid.voxels, self._laid.present)
        return self._vectors[key]

    def _model(self, start: Start, seed: int) -> StudyModel:
        """One to train, and to throw away."""
        fresh = copy.deepcopy(self._start.model) if start == "pretrained" else scratch(self._start.config, seed)
        return fresh.to(self.options.device)
