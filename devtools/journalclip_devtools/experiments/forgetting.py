"""``journalclip bench forgetting``: what fine-tuning on a shifted domain costs, and what each safeguard saves.

A model is trained on a general world (the start), then fine-tuned on another domain that shares shades and places but
not shapes, in several ways from the same start. The sweep then looks for a point of the line between the two models
that keeps the domain's gain and loses little of the general score. It chooses by validation worlds; what is reported is
recall@1 by fact on test worlds that the choice has not seen.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import torch

from journalclip_devtools.experiments.score import recall_at_1
from journalclip_devtools.experiments.similarity import SOFT, TOWERS
from journalclip_devtools.experiments.world import World, draw_world
from journalclip_evaluation.once import once
from journalclip_evaluation.student import interval
from journalclip_modeling.folder import ClipFolder, load_folder, save_folder
from journalclip_shared.ids import Json
from journalclip_training.base import load_base
from journalclip_training.config import ForgettingConfig, ModelConfig, OptimConfig, TrainConfig
from journalclip_training.fit import fit
from journalclip_training.wise import Point, choose, set_between, sweep, weights

ALPHAS = tuple(n / 10 for n in range(1, 10))
PAIRS, TEST_PAIRS = 1024, 768
DOMAIN_PAIRS = 512
OPTIM = OptimConfig(lr=1e-3, epochs=30, batch=128, warmup=0.1, weight_decay=0.0)
VALIDATION_CAP = 0.005  # stricter than the cap that is shown, since a validation score errs by about as much


@dataclass(frozen=True)
class Forgetting:
    """Test scores: the start, the tuned model, and the point that the sweep chose."""

    start: Point
    tuned: Point
    kept: Point

    @property
    def tuned_loss(self) -> float:
        """General score that plain tuning costs."""
        return self.start.general - self.tuned.general

    @property
    def general_loss(self) -> float:
        return self.start.general - self.kept.general

    @property
    def kept_gain(self) -> float:
        """Share of the domain's gain that is kept."""
        return (self.kept.domain - self.start.domain) / max(1e-9, self.tuned.domain - self.start.domain)


@dataclass(frozen=True)
class Way:
    """How the start is fine-tuned."""

    optim: OptimConfig = OPTIM
    forgetting: ForgettingConfig = field(default_factory=ForgettingConfig)
    model: ModelConfig = field(default_factory=lambda: ModelConfig(scratch=TOWERS))


@dataclass(frozen=True)
class Row:
    """One way over the seeds: mean and 95 % interval each."""

    name: str
    tuned_loss: tuple[float, float, float]
    general_loss: tuple[float, float, float]
    kept_gain: tuple[float, float, float]
    seeds: tuple[Forgetting, ...]


def ways() -> dict[str, Way]:
    """One safeguard at a time."""
    plain = Way()
    lora = replace(plain.model, trainable="lora", lora_rank=8)
    # Half of a replayed batch is general: fewer passes over the domain, and still a third more steps.
    half = Way(optim=replace(plain.optim, epochs=20), forgetting=ForgettingConfig(replay=0.5))
    return {
        "plain": plain,
        "replayed": half,
        "distilled": Way(forgetting=ForgettingConfig(distil=1.0)),
        "low rate": Way(optim=replace(plain.optim, lr=2e-4)),
        "attention only": Way(model=replace(plain.model, trainable="attention")),
        "low rank": Way(model=lora),
    }


def study(chosen: Mapping[str, Way], seeds: Sequence[int], folder: Path, tick: Callable[[str], None]) -> Iterator[Row]:
    """A row a way; what ``folder`` holds already is not run again."""
    found: dict[str, list[Forgetting]] = {name: [] for name in chosen}
    for seed in seeds:
        for name, way in chosen.items():
            found[name].append(one(way, seed, folder / f"seed-{seed}", name))
            last = found[name][-1]
            tick(f"{name}, seed {seed}: {last.kept_gain:.0%} of the gain for {last.general_loss:.3f}")
    for name, all_of in found.items():
        yield Row(
            name,
            interval([each.tuned_loss for each in all_of]),
            interval([each.general_loss for each in all_of]),
            interval([each.kept_gain for each in all_of]),
            tuple(all_of),
        )


def one(way: Way, seed: int, folder: Path, name: str) -> Forgetting:
    """One way of one seed; the start, and the whole front of validation scores, stay in ``folder``."""
    worlds = _Worlds.of(seed)
    run = TrainConfig("forgetting-study", seed, model=way.model, loss=SOFT, optim=way.optim, forgetting=way.forgetting)

    def work() -> Forgetting:
        torch.set_num_threads(1)  # towers this small gain nothing from a second
        clip = _start(seed, worlds, folder)
        start = weights(clip.model)
        replay = worlds.general if way.forgetting.replay else None
        with tempfile.TemporaryDirectory() as scratch:
            fit(run, clip, worlds.domain.samples, Path(scratch), replay=replay.samples if replay else None)
        return _swept(clip, start, worlds)

    of = cast(Json, {"run": run.digest, "start": _general(seed).digest, "sizes": [PAIRS, DOMAIN_PAIRS, TEST_PAIRS]})
    return once(folder, name, of, Forgetting, work)


@dataclass(frozen=True)
class _Worlds:
    general: World
    domain: World
    validation: tuple[World, World]  # domain, general
    test: tuple[World, World]

    @classmethod
    def of(cls, seed: int) -> _Worlds:
        base = 1000 + 10 * seed
        unseen = [(draw_world(TEST_PAIRS, base + n, shift=True), draw_world(TEST_PAIRS, base + n)) for n in (2, 3)]
        return cls(draw_world(PAIRS, base), draw_world(DOMAIN_PAIRS, base + 1, shift=True), *unseen)


def _general(seed: int) -> TrainConfig:
    optim = OptimConfig(lr=3e-3, epochs=32, batch=128, warmup=0.1, weight_decay=0.2)
    return TrainConfig("general-world", seed, model=ModelConfig(scratch=TOWERS), loss=SOFT, optim=optim)


def _start(seed: int, worlds: _Worlds, folder: Path) -> ClipFolder:
    """The model of the general world, trained once a seed."""
    path, config = folder / f"start-{_general(seed).digest[:12]}", _general(seed)
    if not path.exists():
        # The tokenizer must know both worlds' words, as a pretrained one does.
        clip = load_base(config, worlds.general.samples.texts + worlds.domain.samples.texts)
        with tempfile.TemporaryDirectory() as scratch:
            fit(config, clip, worlds.general.samples, Path(scratch))
        save_folder(clip, path)
    return load_folder(path)


def _swept(clip: ClipFolder, start: dict[str, torch.Tensor], worlds: _Worlds) -> Forgetting:
    domain, general = worlds.validation
    points = sweep(clip, start, ALPHAS, lambda m: recall_at_1(m, domain), lambda m: recall_at_1(m, general))
    tuned = weights(clip.model)

    def tested(alpha: float) -> Point:
        set_between(clip.model, start, tuned, alpha)
        return Point(alpha, *(recall_at_1(clip, world) for world in worlds.test))

    return Forgetting(tested(0.0), tested(1.0), tested(choose(points, VALIDATION_CAP).alpha))
