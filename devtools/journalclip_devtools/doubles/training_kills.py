"""A small run on several processes, one of which is killed with SIGKILL again and again, as a machine that goes away.

What the processes run lives in this module, not in a test, so that the server that forks them can import it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors import safe_open
from safetensors.torch import save_file

from journalclip_devtools.doubles.processes import forked
from journalclip_devtools.doubles.squares import draw, pairs_and_images
from journalclip_modeling.folder import load_folder, save_folder
from journalclip_modeling.preprocess import Preprocess
from journalclip_training.base import load_base
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions, TrainConfig
from journalclip_training.fit import fit, order_of
from journalclip_training.losses.process_group import Distributed, Single
from journalclip_training.pictures import InMemory
from journalclip_training.samples import Samples

CHECKPOINT_EVERY = 3  # steps: most deaths lose some
PAIRS = 24


def tiny_samples(count: int, size: int) -> Samples:
    """The pairs of the tiny world, in memory."""
    pairs = tuple(pair for pair, _ in pairs_and_images(count))
    images = [draw(int(pair.text.split()[-1]))[0] for pair in pairs]
    return Samples(pairs, InMemory(Preprocess(size).batch(images)))


@dataclass(frozen=True)
class KillStudy:
    """An undisturbed run, and one with ``deaths``, compared."""

    ranks: int
    steps: int
    deaths: int
    loss: float
    undisturbed_loss: float
    largest_weight_difference: float


def kill_study(
    config: TrainConfig, ranks: int, kills: Sequence[int], folder: Path, after: int | None = None
) -> KillStudy:
    """Train twice from one start on ``ranks`` processes; at each step of ``kills`` the second's last one dies.

    After a death it goes on with ``after`` processes, as an elastic run does that is given fewer or more.
    """
    whole, killed = Runs(config, ranks, folder / "whole"), Runs(config, ranks, folder / "killed", after)
    whole.go()
    deaths = killed.go(kills)
    (expected, others), (loss, weights) = whole.result(), killed.result()
    apart = max(float((tensor - others[name]).abs().max()) for name, tensor in weights.items())
    steps = order_of(config, PAIRS).steps(config.optim.epochs)
    return KillStudy(ranks, steps, deaths, loss, expected, apart)


@dataclass(frozen=True)
class Runs:
    """One configuration on ``ranks`` processes; ``folder`` outlives them."""

    config: TrainConfig
    ranks: int
    folder: Path
    after: int | None = None  # processes after the first death; None: as many as before

    def go(self, kills: Sequence[int] = ()) -> int:
        """Run to the end, the last rank dying at each of the steps ``kills`` once; returns how many deaths it took."""
        self.folder.mkdir(parents=True)
        samples = tiny_samples(PAIRS, self.config.model.scratch.image_size)
        save_folder(load_base(self.config, samples.texts), self.folder / "start")
        for step in kills:
            self._mark(step).touch()
        context = forked()
        for tries in range(len(kills) + 1):
            ranks = self.after if tries and self.after else self.ranks
            processes = [context.Process(target=self._rank, args=(rank, ranks, tries)) for rank in range(ranks)]
            for each in processes:
                each.start()
            if _all_end_well(processes):
                return tries
            if not self._killed(kills, tries + 1):
                raise RuntimeError("a process ended that was not killed")
        raise RuntimeError("it died more often than it was killed")

    def _killed(self, kills: Sequence[int], times: int) -> bool:
        return sum(not self._mark(step).exists() for step in kills) == times

    def _mark(self, step: int) -> Path:
        """There while the death at ``step`` is still to come."""
        return self.folder / f"kill-{step}"

    def _rank(self, rank: int, ranks: int, tries: int) -> None:
        torch.set_num_threads(1)
        world: Single | Distributed = Single()
        if ranks > 1:
            store = dist.FileStore(str(self.folder / f"rendezvous-{tries}"), ranks)  # type: ignore[attr-defined]
            patience = timedelta(seconds=300)
            dist.init_process_group("gloo", store=store, rank=rank, world_size=ranks, timeout=patience)
            world = Distributed()

        def die(point: Point, steps: int) -> None:
            del steps
            mark = self._mark(point.step)
            if rank == ranks - 1 and mark.exists():
                mark.unlink()
                os.kill(os.getpid(), signal.SIGKILL)

        start = load_folder(self.folder / "start")
        samples = tiny_samples(PAIRS, self.config.model.scratch.image_size)
        options = RunOptions(checkpoint_every=CHECKPOINT_EVERY)
        fitted = fit(self.config, start, samples, self.folder / "run", options=options, observe=die, world=world)
        if rank == 0:
            weights = {name: p.detach().clone() for name, p in start.model.named_parameters()}
            save_file(weights, self.folder / "result", {"loss": repr(fitted.final_loss)})
        if ranks > 1:
            dist.destroy_process_group()

    def result(self) -> tuple[float, dict[str, torch.Tensor]]:
        """Final loss and weights."""
        with safe_open(self.folder / "result", "pt") as handle:
            return float(handle.metadata()["loss"]), {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118 - it is no dict


def _all_end_well(processes: Sequence[ForkServerProcess]) -> bool:
    """False as soon as one ends badly, with none left running."""
    running = list(processes)
    while running and all(each.exitcode in (0, None) for each in processes):
        wait([each.sentinel for each in running])
        running = [each for each in running if each.exitcode is None]
    for each in processes:  # who is left waits for the dead
        each.kill()
        each.join()
    return not running and all(each.exitcode == 0 for each in processes)
