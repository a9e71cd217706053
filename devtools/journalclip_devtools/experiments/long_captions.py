"""``journalclip bench long-captions``: does retrieval gain where captions are learnt whole, not cut at 77 tokens?

Captions of journals tell first what a figure is, then how it was made, and only then what else it shows. Here the shape
stands in the first sentence, shade and place behind sentences of technique. One start with 77 positions is trained
twice on the same pairs: as it is, and stretched as the recipes do it (`model.context`). An answer is right when it
shows the asked fact. Both are asked the same whole captions of unseen pairs, so differences are paired by query.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
import torch

from journalclip_devtools.experiments.score import right_at_1
from journalclip_devtools.experiments.world import GENERAL, PLACES, SHADES, SIZE, World, draw_world, facts_of
from journalclip_evaluation.once import once
from journalclip_modeling.folder import save_folder
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_shared.ids import Json
from journalclip_training.articles.recipes import WHOLE
from journalclip_training.base import load_base
from journalclip_training.config import LossConfig, ModelConfig, OptimConfig, TrainConfig
from journalclip_training.fit import fit

Arm = Literal["cut at 77", "whole"]
ARMS: tuple[Arm, ...] = get_args(Arm)
PAIRS, TEST_PAIRS = 512, 384  # 16 and 12 of each of the 32 facts
CONTEXTS: dict[Arm, int] = {"cut at 77": 0, "whole": WHOLE}  # 0: the start's own
TOWERS = ScratchConfig(image_size=SIZE, patch_size=8, width=48, layers=2, heads=3, dim=32, vocabulary=500, context=77)
TECHNIQUE = (
    "Imaging was done on a {a} T scanner with a slice thickness of {b} mm and a field of view of {c} mm.",
    "Repetition time was {c} ms, echo time {b} ms, and the matrix had {c} by {d} elements.",
    "The examination was performed {b} days after admission of the {d} year old patient to our department.",
    "Contrast agent was given by hand at a dose of {a} mmol, and {b} minutes passed before the acquisition.",
    "Two readers with {b} and {d} years of experience looked at all {c} images independently of each other.",
    "Written consent was obtained, and the local committee approved the protocol under number {c} of {d}.",
)


@dataclass(frozen=True)
class Asked:
    """Of one arm and seed: for each unseen pair, whether the first answer shows its fact, both ways."""

    facts: tuple[int, ...]
    image_to_text: tuple[float, ...]
    text_to_image: tuple[float, ...]
    tokens_cut: float


def long_world(pairs: int, seed: int) -> World:
    """The paraphrases' world with captions of some 130 words."""
    world, rng = draw_world(pairs, seed), np.random.default_rng((seed, 7))
    facts, told = facts_of(), []
    for pair, number in zip(world.samples.pairs, world.facts, strict=True):
        fact = facts[number]
        numbers = [dict(zip("abcd", rng.integers(1, 9, 4), strict=True)) for _ in TECHNIQUE]
        technique = [TECHNIQUE[at].format(**numbers[at]) for at in rng.permutation(len(TECHNIQUE))]
        text = " ".join(
            [
                f"The figure shows a {rng.choice(GENERAL[fact.shape])}.", *technique,
                f"It is {rng.choice(SHADES[fact.shade])} and lies {rng.choice(PLACES[fact.place])}.",
            ]
        )  # fmt: skip
        told.append(pair.model_copy(update={"text": text}))
    return World(replace(world.samples, pairs=tuple(told)), world.facts)


def run(seeds: Sequence[int], epochs: float, folder: Path, tick: Callable[[str], None]) -> dict[Arm, list[Asked]]:
    """What ``folder`` holds already is not run again."""
    found: dict[Arm, list[Asked]] = {arm: [] for arm in ARMS}
    for seed in seeds:
        for arm in ARMS:
            of = {
                "config": config(arm, seed, epochs, "").digest, "pairs": [PAIRS, TEST_PAIRS],
                "towers": asdict(TOWERS), "technique": list(TECHNIQUE),
            }  # fmt: skip
            name = arm.replace(" ", "-")
            asked = once(folder / f"seed-{seed}", name, cast(Json, of), Asked, partial(_one, arm, seed, epochs))
            found[arm].append(asked)
            tick(f"{arm}, seed {seed}: R@1 {np.mean([*asked.image_to_text, *asked.text_to_image]):.3f}")
    return found


def config(arm: Arm, seed: int, epochs: float, base: str) -> TrainConfig:
    return TrainConfig(
        recipe="long-captions",
        seed=seed,
        model=ModelConfig(base=base, context=CONTEXTS[arm]),
        loss=LossConfig(kind="clip"),
        optim=OptimConfig(lr=3e-3, epochs=epochs, batch=128, warmup=0.1, weight_decay=0.2),
    )


def _one(arm: Arm, seed: int, epochs: float) -> Asked:
    train, test = long_world(PAIRS, 2 * seed), long_world(TEST_PAIRS, 2 * seed + 1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = replace(config(arm, seed, epochs, ""), model=ModelConfig(base="scratch", scratch=TOWERS))
        save_folder(load_base(made, train.samples.texts), folder / "start")
        chosen = config(arm, seed, epochs, str(folder / "start"))
        start = load_base(chosen, [])
        fitted = fit(chosen, start, train.samples, folder / "run")
    first, second = right_at_1(start, test)
    facts = tuple(int(each) for each in test.facts)
    return Asked(facts, tuple(first.tolist()), tuple(second.tolist()), fitted.facts["tokens_cut"])
