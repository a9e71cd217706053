"""One seed of the ablation: each tower trained by each loss, then asked over unseen studies.

Arms of a tower share start, order, optimiser, temperature and steps; only the targets differ. Asked are every test
volume against all unique texts of the test set (SeLIP's protocol: right by the text's string), and whole studies
against whole reports, both as the mean of their volumes and texts, right when both show one finding: kind, site, side.
An arm that is done is kept, and is run again only for another configuration.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from journalclip_devtools.experiments.ablation.sizes import LOSSES, TOWERS, Size, Tower
from journalclip_devtools.experiments.pretraining.experiment import Scores, retrieval
from journalclip_devtools.experiments.pretraining.world import StudyWorld, draw_world
from journalclip_evaluation.unique_texts import TextedVolumes, unique_text_ranks
from journalclip_modeling.scratch import train_tokenizer
from journalclip_modeling.studies.model import study_model, study_text
from journalclip_pipelines.progress import Reporter
from journalclip_training.config import RunOptions
from journalclip_training.studies.encode import Encoded, encode_pairs
from journalclip_training.studies.fit import fit_studies
from journalclip_training.studies.recipes import NORMAL_TEXT
from journalclip_training.studies.samples import as_units

TOP = (1, 5, 10)


@dataclass
class Ablation:
    """One seed."""

    seed: int
    folder: Path
    size: Size
    reporter: Reporter
    device: str = "cpu"

    def run(self, towers: Sequence[Tower] = TOWERS) -> dict[str, Scores]:
        """Scores by ``TOWER LOSS``."""
        return {f"{tower} {loss}": self.arm(tower, loss) for tower in towers for loss in LOSSES}

    def arm(self, tower: Tower, loss: str) -> Scores:
        config = self.size.config(loss, tower, self.seed)
        path = self.folder / f"seed-{self.seed}" / f"{tower}-{loss}-{config.digest[:12]}.json"
        if not path.exists():
            scores = self._measured(tower, loss, path.with_suffix(".run"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(scores))
            said = ", ".join(f"{key} {value:.3f}" for key, value in scores.items())
            self.reporter.say(f"seed {self.seed} {tower} {loss}: {said}")
        found: Scores = json.loads(path.read_text())
        return found

    @cached_property
    def worlds(self) -> tuple[StudyWorld, StudyWorld]:
        """To train on, and to ask about."""
        with self.reporter.stage(f"seed {self.seed} studies", self.size.train) as stage:
            train = draw_world(self.size.train, 2 * self.seed + 1, stage.update, self.size.grid)
        return train, draw_world(self.size.test, 2 * self.seed + 2, None, self.size.grid)

    def _measured(self, tower: Tower, loss: str, folder: Path) -> Scores:
        config = self.size.config(loss, tower, self.seed)
        train, test = self.worlds
        tokenizer = train_tokenizer(
            as_units(train.samples, "study", NORMAL_TEXT).texts, self.size.text.vocabulary, self.size.text.context
        )
        torch.manual_seed(self.seed)
        model = study_model(config.model)
        with self.reporter.stage(f"seed {self.seed} {tower} {loss}", 1) as stage:
            fit_studies(
                config, model, tokenizer, train.samples, folder,
                options=RunOptions(device=self.device, checkpoint_every=100),
                observe=lambda point, steps: stage.update(point.step + 1, steps, f"loss {point.loss:.2f}"),
            )  # fmt: skip
        samples = as_units(test.samples, "volume", NORMAL_TEXT)
        volumes, texts = encode_pairs(model.cpu(), tokenizer, samples)
        owner = test.samples.owner
        patients = [test.truths[n].fact for n in owner.tolist()]
        by_image, by_text, _ = unique_text_ranks(TextedVolumes(volumes.numpy(), texts.numpy(), samples.texts, patients))
        studies, reports = (study_text(each, owner, len(test.truths)) for each in (volumes, texts))
        by_fact = retrieval(Encoded(studies, reports, studies, texts), test.facts)
        return {
            **{f"Top-{k} image to text": float(by_image.hits(k).mean()) for k in TOP},
            **{f"Top-{k} text to image": float(by_text.hits(k).mean()) for k in TOP},
            **{f"studies by finding, {name}": value for name, value in by_fact.items()},
        }
