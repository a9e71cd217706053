from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from journalclip_modeling.folder import ClipFolder
from journalclip_modeling.preprocess import Preprocess
from journalclip_training.base import load_base
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions, TrainConfig
from journalclip_training.errors import CheckpointMismatch, TrainingDiverged
from journalclip_training.fit import Fitted, fit
from journalclip_training.pictures import InMemory
from journalclip_training.samples import Samples
from journalclip_training.testing import TINY, draw, pairs_and_images, tiny_config


@pytest.fixture(scope="module")
def samples() -> Samples:
    pairs = tuple(pair for pair, _ in pairs_and_images(24))
    images = [draw(int(pair.text.split()[-1]))[0] for pair in pairs]
    return Samples(pairs, InMemory(Preprocess(TINY.image_size).batch(images)))


def train(config: TrainConfig, samples: Samples, folder: Path, **options: object) -> tuple[ClipFolder, Fitted]:
    start = load_base(config, samples.texts)
    return start, fit(config, start, samples, folder, options=RunOptions(**options))  # type: ignore[arg-type]


def weights(start: ClipFolder) -> dict[str, torch.Tensor]:
    return {name: p.detach() for name, p in start.model.named_parameters()}


def test_the_loss_falls_and_the_rate_warms_and_cools(samples: Samples, tmp_path: Path) -> None:
    _, fitted = train(tiny_config(epochs=20), samples, tmp_path)
    assert fitted.final_loss < 0.7 * fitted.curve[0].loss
    rates = [point.lr for point in fitted.curve]
    assert rates[0] < max(rates) > rates[-1]


def test_the_same_seed_gives_the_same_weights(samples: Samples, tmp_path: Path) -> None:
    config = replace(tiny_config(), data=replace(tiny_config().data, augment=0.5))
    first, second = (weights(train(config, samples, tmp_path / str(n))[0]) for n in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = weights(train(replace(config, seed=1), samples, tmp_path / "other")[0])
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("kind", ["clip", "multi_positive", "siglip"])
def test_cached_representations_give_the_gradients_of_the_whole_batch(
    samples: Samples, tmp_path: Path, kind: str
) -> None:
    config = tiny_config(epochs=1)
    config = replace(
        config,
        loss=replace(config.loss, kind=kind),  # type: ignore[arg-type]
        model=replace(config.model, patch_dropout=0.5),
        data=replace(config.data, augment=0.5),
    )
    _, whole = train(config, samples, tmp_path / "a")
    _, parts = train(replace(config, optim=replace(config.optim, micro_batch=3)), samples, tmp_path / "b")
    assert [p.loss for p in parts.curve] == pytest.approx([p.loss for p in whole.curve], rel=1e-4)
    assert [p.gradient_norm for p in parts.curve] == pytest.approx([p.gradient_norm for p in whole.curve], rel=1e-3)


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_step(samples: Samples, tmp_path: Path) -> None:
    config = tiny_config(lr=1e30, clip=0.0, warmup=0.0)
    with pytest.raises(TrainingDiverged, match="at step"):
        train(config, samples, tmp_path)


def test_a_checkpoint_of_another_configuration_is_refused(samples: Samples, tmp_path: Path) -> None:
    train(tiny_config(), samples, tmp_path)
    with pytest.raises(CheckpointMismatch, match="another configuration"):
        train(tiny_config(lr=1e-4), samples, tmp_path)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"torn")
    with pytest.raises(CheckpointMismatch):
        train(tiny_config(), samples, tmp_path)


def test_attention_only_moves_attention_projections_and_temperature(samples: Samples, tmp_path: Path) -> None:
    config = tiny_config()
    config = replace(config, model=replace(config.model, trainable="attention"))
    before = weights(load_base(config, samples.texts))
    after = weights(train(config, samples, tmp_path)[0])
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all("self_attn" in name or "projection" in name or name == "logit_scale" for name in moved)


def test_averaged_weights_are_what_is_kept(samples: Samples, tmp_path: Path) -> None:
    plain = weights(train(tiny_config(), samples, tmp_path / "a")[0])
    averaged = weights(train(tiny_config(ema=0.9), samples, tmp_path / "b")[0])
    start = weights(load_base(tiny_config(), samples.texts))
    name = "visual_projection.weight"
    assert (averaged[name] - start[name]).norm() < (plain[name] - start[name]).norm()


def test_activation_checkpointing_changes_nothing(samples: Samples, tmp_path: Path) -> None:
    config = tiny_config(epochs=1)
    _, plain = train(config, samples, tmp_path / "a")
    saving = replace(config, model=replace(config.model, activation_checkpointing=True))
    _, saved = train(saving, samples, tmp_path / "b")
    assert [p.loss for p in saved.curve] == pytest.approx([p.loss for p in plain.curve], rel=1e-6)


def test_low_rank_factors_are_folded_into_a_plain_model(samples: Samples, tmp_path: Path) -> None:
    config = tiny_config(epochs=2)
    config = replace(config, model=replace(config.model, trainable="lora", lora_rank=2))
    start, fitted = train(config, samples, tmp_path)
    before, after = weights(load_base(config, samples.texts)), weights(start)
    assert before.keys() == after.keys()
    assert not torch.equal(
        before["vision_model.encoder.layers.0.self_attn.q_proj.weight"],
        after["vision_model.encoder.layers.0.self_attn.q_proj.weight"],
    )
    mlp = "vision_model.encoder.layers.0.mlp.fc1.weight"
    assert torch.equal(before[mlp], after[mlp])
    assert len(fitted.curve) == fitted.steps


def test_distillation_keeps_the_model_nearer_to_its_start(samples: Samples, tmp_path: Path) -> None:
    config = tiny_config(epochs=4)
    free = weights(train(config, samples, tmp_path / "a")[0])
    held = replace(config, forgetting=replace(config.forgetting, distil=20.0))
    kept = weights(train(held, samples, tmp_path / "b")[0])
    start = weights(load_base(config, samples.texts))
    name = "visual_projection.weight"
    assert (kept[name] - start[name]).norm() < (free[name] - start[name]).norm()


@pytest.mark.parametrize("kind", ["soft", "medclip", "sat"])
def test_every_soft_loss_trains(samples: Samples, tmp_path: Path, kind: str) -> None:
    config = tiny_config(epochs=10)
    _, fitted = train(replace(config, loss=replace(config.loss, kind=kind)), samples, tmp_path)  # type: ignore[arg-type]
    assert fitted.final_loss < fitted.curve[0].loss


class Killed(BaseException):
    """As a signal would: no handler of errors sees it."""


def test_killed_at_twenty_random_steps_it_ends_where_an_undisturbed_run_ends(samples: Samples, tmp_path: Path) -> None:
    config = tiny_config(epochs=20, ema=0.9)  # 60 steps
    config = replace(config, data=replace(config.data, augment=0.5), model=replace(config.model, patch_dropout=0.3))
    whole = weights(train(config, samples, tmp_path / "whole")[0])
    kills = iter(sorted(random.Random(0).sample(range(1, 60), 20)))
    deaths, at = 0, next(kills, None)

    def kill(point: Point, steps: int) -> None:
        del steps
        if point.step == at:
            raise Killed

    options = RunOptions(checkpoint_every=3)
    while True:
        start = load_base(config, samples.texts)
        try:
            fit(config, start, samples, tmp_path / "killed", options=options, observe=kill)
        except Killed:
            deaths, at = deaths + 1, next(kills, None)
            continue
        break
    assert deaths == 20
    assert all(torch.equal(tensor, whole[name]) for name, tensor in weights(start).items())
