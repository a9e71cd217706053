"""One seed of the experiment: pretrain by each loss, then retrieval, few-shot classification and segmentation.

Design, chosen on seeds of its own (90 and 91) and fixed before the run. Per seed: 512 training and 300 test studies,
drawn anew. The losses share start, order, optimiser and steps; only the targets differ. Retrieval is over the test
studies, both directions, right when report and study show the same finding: kind, site and side. Few-shot: logistic
regression on the frozen study vectors, a few studies a class, mean of 8 draws, for kinds and for findings.
Segmentation: the same decoder and steps from random, CLIP-pretrained and soft-pretrained towers, on 1 % and 10 % of
the studies that show a lesion among 1,600 labelled ones, none of which was pretrained on or is tested on; mean of 3
draws of the labelled studies and of the decoder.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from transformers import PreTrainedTokenizerBase

from journalclip_devtools.experiments.pretraining.world import GRID, REGIONS, SEQUENCES, StudyWorld, draw_world
from journalclip_devtools.experiments.score import average_precision
from journalclip_modeling.scratch import train_tokenizer
from journalclip_modeling.studies.config import StudyModelConfig, TextTowerConfig, tiny_resnet
from journalclip_modeling.studies.model import StudyModel
from journalclip_pipelines.progress import Reporter
from journalclip_training.config import LossConfig, OptimConfig, RunOptions
from journalclip_training.studies.config import StudyDataConfig, StudyTrainConfig
from journalclip_training.studies.encode import Encoded, encode_studies
from journalclip_training.studies.fit import fit_studies
from journalclip_training.studies.segment import SegmentConfig, dice, segment, share_of, train_segmenter

TRAIN, TEST, LABELLED = 512, 300, 1600
LOSSES: dict[str, LossConfig] = {
    "clip": LossConfig(kind="clip"),
    "soft": LossConfig(kind="soft", lam=1.0, alpha=0.7, tau_s=0.1, syntax="fields", semantic="hashing"),
}
MODEL = StudyModelConfig(
    grid=GRID,
    sequences=SEQUENCES,
    tower=tiny_resnet(),
    text=TextTowerConfig(width=48, layers=1, heads=3, context=48, vocabulary=400),
    hidden=48,
    pool_heads=3,
    dim=48,
)
SHOTS = (1, 2, 4)
SHARES = (0.01, 0.1)
DRAWS = 3
Scores = dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """How much is done; the tests do less."""

    train: int = TRAIN
    test: int = TEST
    labelled: int = LABELLED
    epochs: float = 90.0
    segment: SegmentConfig = field(default_factory=lambda: SegmentConfig(steps=300, width=16))


def train_config(loss: LossConfig, seed: int, epochs: float) -> StudyTrainConfig:
    return StudyTrainConfig(
        recipe="study-experiment",
        seed=seed,
        data=StudyDataConfig(drop_sequences=0.2, shift=1),
        model=MODEL,
        loss=loss,
        optim=OptimConfig(lr=3e-3, epochs=epochs, batch=100, warmup=0.1, weight_decay=0.1),
    )


class Experiment:
    """One seed; each part's scores are kept in ``folder`` and not measured again."""

    def __init__(self, seed: int, folder: Path, sizes: Sizes, reporter: Reporter) -> None:
        self.seed, self.folder, self.sizes, self.reporter = seed, folder / f"seed-{seed}", sizes, reporter
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self) -> dict[str, Scores]:
        """Scores by part: ``clip``, ``soft``, and ``dice <start>``."""
        done = {name: self._part(name, lambda name=name: self._aligned(name)) for name in LOSSES}  # type: ignore[misc]
        for start in ("scratch", *LOSSES):
            done[f"dice {start}"] = self.dice(start)
        return done

    def dice(self, start: str) -> Scores:
        """Mean Dice by region and share of the labels, of decoders over the tower of ``start``."""
        draws = [self._part(f"dice {start} {draw}", lambda draw=draw: self._dice(start, draw)) for draw in range(DRAWS)]  # type: ignore[misc]
        return {name: float(np.mean([scores[name] for scores in draws])) for name in draws[0]}

    def subsets(self) -> Scores:
        """Mean average precision of the soft-pretrained model for every subset of the sequences at inference."""
        return self._part("subsets", self._subsets)

    @cached_property
    def worlds(self) -> tuple[StudyWorld, StudyWorld]:
        with self.reporter.stage(f"seed {self.seed} studies", self.sizes.train) as stage:
            train = draw_world(self.sizes.train, 2 * self.seed + 1, stage.update)
        return train, draw_world(self.sizes.test, 2 * self.seed + 2)

    @cached_property
    def labelled(self) -> StudyWorld:
        with self.reporter.stage(f"seed {self.seed} labels", self.sizes.labelled) as stage:
            return draw_world(self.sizes.labelled, 10_000 + self.seed, stage.update)

    def model(self, loss: str) -> StudyModel:
        """Pretrained by ``loss``, or as it starts."""
        torch.manual_seed(self.seed)
        model = StudyModel(MODEL)
        if loss == "scratch":
            return model
        train, _ = self.worlds
        config = train_config(LOSSES[loss], self.seed, self.sizes.epochs)
        with self.reporter.stage(f"seed {self.seed} {loss}", 1) as stage:
            fit_studies(
                config, model, self._tokenizer(), train.samples, self.folder / loss, options=RunOptions(),
                observe=lambda point, steps: stage.update(point.step + 1, steps, f"loss {point.loss:.2f}"),
            )  # fmt: skip
        return model

    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return train_tokenizer(self.worlds[0].samples.texts, MODEL.text.vocabulary, MODEL.text.context)

    def _part(self, name: str, measure: Callable[[], Scores]) -> Scores:
        path = self.folder / f"{name.replace(' ', '-')}.json"
        if not path.exists():
            scores = measure()
            path.write_text(json.dumps(scores))
            self.reporter.say(
                f"seed {self.seed} {name}: " + ", ".join(f"{key} {value:.3f}" for key, value in scores.items())
            )
        found: Scores = json.loads(path.read_text())
        return found

    def _aligned(self, loss: str) -> Scores:
        model, (train, test) = self.model(loss), self.worlds
        before, after = (encode_studies(model, self._tokenizer(), each.samples) for each in (train, test))
        return {**retrieval(after, test.facts), **few_shot(before, after, train, test)}

    def _dice(self, start: str, draw: int) -> Scores:
        (_, test), known, scores = self.worlds, self.labelled, Scores()
        base, config = self.model(start), replace(self.sizes.segment, seed=draw)
        for share in SHARES:
            chosen = share_of([n for n, t in enumerate(known.truths) if t.lesion], share, self.seed + 1000 * draw)
            net = train_segmenter(
                copy.deepcopy(base), known.samples.voxels[chosen], known.samples.present[chosen], known.labels[chosen],
                config,
            )  # fmt: skip
            found = segment(net, test.samples.held, test.samples.present)
            for region in REGIONS:
                scores[f"{region} {share:.0%}"] = float(np.mean(dice(found, test.labels, region) or [0.0]))
        return scores

    def _subsets(self) -> Scores:
        model, (_, test) = self.model("soft"), self.worlds
        scores = Scores()
        for bits in range(1, 2 ** len(SEQUENCES)):
            shown = torch.tensor([bool(bits >> n & 1) for n in range(len(SEQUENCES))])
            present = test.samples.present & shown
            name = "+".join(each for each, on in zip(SEQUENCES, shown, strict=True) if on)
            scores[name] = retrieval(encode_studies(model, self._tokenizer(), test.samples, present), test.facts)["mAP"]
        return scores


def retrieval(encoded: Encoded, facts: list[str]) -> Scores:
    """Mean of both directions: recall@1 and mean average precision by fact."""
    similarity = (encoded.studies @ encoded.reports.T).numpy()
    named = np.array(facts)
    right = named[:, None] == named[None, :]
    both = (similarity, similarity.T)
    return {
        "recall@1": float(np.mean([right[np.arange(len(s)), s.argmax(1)].mean() for s in both])),
        "mAP": float(np.mean([average_precision(s, right) for s in both])),
    }


def few_shot(before: Encoded, after: Encoded, train: StudyWorld, test: StudyWorld) -> Scores:
    """Accuracy on the test studies' kinds and findings, by shots a class."""
    x, y = before.studies.numpy(), after.studies.numpy()
    scores = {}
    for what, told, wanted in (("kind", train.kinds, test.kinds), ("finding", train.facts, test.facts)):
        known, asked = np.array(told), np.array(wanted)
        for shots in SHOTS:
            hits = []
            for draw in range(8):
                rng = np.random.default_rng((draw, shots))
                rows = [rng.permutation(np.flatnonzero(known == each))[:shots] for each in np.unique(known)]
                few = np.concatenate(rows)
                with warnings.catch_warnings():  # of one example a class, which is what is asked
                    warnings.simplefilter("ignore", UserWarning)
                    probe = LogisticRegression(C=10.0, max_iter=300).fit(x[few], known[few])
                hits.append(float((probe.predict(y) == asked).mean()))
            scores[f"{shots}-shot {what}"] = float(np.mean(hits))
    return scores
