"""Small runs over studies, in this process and on several ranks; what the ranks run can be imported by their server."""

from __future__ import annotations

import copy
import json
import os
import signal
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import save_file

from journalclip_devtools.doubles.frozen_studies import SEQUENCES
from journalclip_devtools.doubles.processes import forked
from journalclip_modeling.studies.config import StudyModelConfig, TextTowerConfig, tiny_resnet, tiny_volume
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.folder import load_study_folder
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_training.checkpoint import Point
from journalclip_training.config import LossConfig, OptimConfig, RunOptions
from journalclip_training.losses.process_group import Distributed, Single
from journalclip_training.studies.config import StudyDataConfig, StudyTrainConfig
from journalclip_training.studies.fit import fit_studies
from journalclip_training.studies.load import load_samples
from journalclip_training.studies.recipes import selip_paper

GRID = (3, 16, 16)
TEXT = TextTowerConfig(width=24, layers=1, heads=2, context=32, vocabulary=300)
OPTIONS = RunOptions(checkpoint_every=2, cache_bytes=0)  # volumes are read from shards


def study_config() -> StudyTrainConfig:
    """Whole studies on a slice tower, cached representations and an average."""
    return StudyTrainConfig(
        recipe="tiny",
        data=StudyDataConfig(shift=1),
        model=StudyModelConfig(
            grid=GRID, sequences=SEQUENCES, tower=tiny_resnet((8, 16)), text=TEXT, hidden=24, pool_heads=2, dim=16
        ),
        loss=LossConfig(kind="soft", lam=0.5, syntax="evidence", semantic="hashing"),
        optim=OptimConfig(lr=3e-3, steps=8, batch=6, micro_batch=2, ema=0.9),
    )


def paper_config() -> StudyTrainConfig:
    """`selip_paper` at a toy's size: batch statistics, unique texts."""
    whole = selip_paper()
    bert = {  # each rank draws its own dropout, so that only without it ranks and one process see the same network
        "model_type": "bert", "vocab_size": 300, "hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 48, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip
    text = replace(TEXT, kind="encoder", encoder=json.dumps(bert))
    model = replace(study_config().model, tower=tiny_volume((8, 16)), hidden=16, text=text)
    optim = replace(whole.optim, steps=8, batch=6, lr=3e-3, text_lr=3e-3)
    return replace(whole, model=model, optim=optim, precision="float32")


CONFIGS = {"whole studies": study_config(), "the paper's pairs": paper_config()}


def rank_main(name: str, dataset: ArtifactRef, folder: Path, run: str, rank: int, ranks: int, die_at: int) -> None:
    """One rank of the run ``run``, which resumes; the last rank kills itself as step ``die_at`` ends."""
    torch.set_num_threads(1)
    world: Single | Distributed = Single()
    if ranks > 1:
        store = dist.FileStore(str(folder / f"{run}-{die_at}"), ranks)  # type: ignore[attr-defined]
        dist.init_process_group("gloo", store=store, rank=rank, world_size=ranks, timeout=timedelta(seconds=300))
        world = Distributed()

    def die(point: Point, steps: int) -> None:
        del steps
        if point.step == die_at and rank == ranks - 1:
            os.kill(os.getpid(), signal.SIGKILL)

    config = CONFIGS[name]
    start = load_study_folder(folder / "start")
    frozen = FrozenStudies.open(LocalArtifacts(folder / "artifacts"), dataset)
    samples = load_samples(frozen, "train", config.model, folder / "shards", OPTIONS)
    fit_studies(config, start.model, start.tokenizer, samples, folder / run, options=OPTIONS, observe=die, world=world)
    if rank == 0:
        weights = {key: each.contiguous() for key, each in copy.deepcopy(start.model).state_dict().items()}
        save_file(weights, folder / f"{run}.safetensors")
    if ranks > 1:
        dist.destroy_process_group()


def go(name: str, dataset: ArtifactRef, folder: Path, run: str, ranks: int, die_at: int = -1) -> list[int | None]:
    """How each rank ended; who waits for a dead one is ended, too."""
    processes = [
        forked().Process(target=rank_main, args=(name, dataset, folder, run, rank, ranks, die_at))
        for rank in range(ranks)
    ]
    for each in processes:
        each.start()
    processes[-1].join()
    for each in processes:
        if die_at >= 0:
            each.kill()
        each.join()
    return [each.exitcode for each in processes]


@dataclass
class KilledOnce:
    """SIGKILL to the worker that ends step ``at`` first; the mark on disk outlives it."""

    mark: Path
    at: int

    def __call__(self, point: Point, steps: int) -> None:
        del steps
        if point.step == self.at and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
