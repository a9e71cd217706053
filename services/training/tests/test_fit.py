from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import ResNetConfig, ResNetModel

import journalclip_training.fit as fitting
from journalclip_devtools.doubles.squares import TINY, tiny_config
from journalclip_devtools.doubles.training_kills import kill_study, tiny_samples
from journalclip_modeling.family import context_length
from journalclip_modeling.folder import ClipFolder, save_folder
from journalclip_modeling.resnet import ResNetClip
from journalclip_training import base
from journalclip_training.base import describe_base, load_base
from journalclip_training.checkpoint import Point
from journalclip_training.config import RunOptions, TrainConfig, with_overrides
from journalclip_training.errors import BaseUnavailable, CheckpointMismatch, SettingInvalid, TrainingDiverged
from journalclip_training.fit import Fitted, Observe, fit
from journalclip_training.pictures import InMemory
from journalclip_training.reference import RetrievalScore
from journalclip_training.samples import Samples


@pytest.fixture(scope="module")
def samples() -> Samples:
    return tiny_samples(24, TINY.image_size)


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


def varied_config() -> TrainConfig:
    config = tiny_config(epochs=20, ema=0.9)  # 60 steps
    return replace(config, data=replace(config.data, augment=0.5), model=replace(config.model, patch_dropout=0.3))


def test_stopped_at_twenty_random_steps_it_ends_where_an_undisturbed_run_ends(samples: Samples, tmp_path: Path) -> None:
    config = varied_config()
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


def test_a_worker_killed_with_a_signal_changes_nothing(tmp_path: Path) -> None:
    config = varied_config()
    config = replace(config, optim=replace(config.optim, epochs=3))  # 9 steps; `bench kills` has 60 and twenty deaths
    found = kill_study(config, ranks=2, kills=(4,), folder=tmp_path)
    assert found.deaths == 1
    assert found.loss == pytest.approx(found.undisturbed_loss, rel=1e-6)
    assert found.largest_weight_difference < 1e-6


def test_a_run_goes_on_with_fewer_workers_where_it_was(tmp_path: Path) -> None:
    config = varied_config()
    config = replace(config, optim=replace(config.optim, epochs=3))
    found = kill_study(config, ranks=3, kills=(4,), folder=tmp_path, after=2)
    assert found.deaths == 1
    # Sums over ranks are added in another order, which Adam carries on.
    assert found.loss == pytest.approx(found.undisturbed_loss, rel=1e-4)


def resnet_config(tmp_path: Path, **optim: float) -> TrainConfig:
    sizes = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    torch.manual_seed(0)
    ResNetModel(sizes).save_pretrained(tmp_path / "resnet")
    config = tiny_config(**optim)
    return replace(config, model=replace(config.model, image_base=str(tmp_path / "resnet"), context=40))


def test_a_resnet_learns_in_micro_batches_as_in_one(samples: Samples, tmp_path: Path) -> None:
    config = resnet_config(tmp_path, epochs=6)
    start, whole = train(config, samples, tmp_path / "a")
    assert isinstance(start.model, ResNetClip)
    assert context_length(start.model) == 40
    assert whole.final_loss < whole.curve[0].loss
    saving = replace(config.model, activation_checkpointing=True)
    config = replace(config, model=saving, optim=replace(config.optim, micro_batch=3))
    _, parts = train(config, samples, tmp_path / "b")
    assert [p.loss for p in parts.curve[:4]] == pytest.approx([p.loss for p in whole.curve[:4]], rel=1e-3)


def test_a_resnets_start_is_named_and_has_no_patches(samples: Samples, tmp_path: Path) -> None:
    config = resnet_config(tmp_path)
    assert describe_base(config).startswith("scratch:0+resnet@")
    dropping = replace(config, model=replace(config.model, patch_dropout=0.5))
    with pytest.raises(SettingInvalid, match="no patches"):
        train(dropping, samples, tmp_path)
    missing = replace(config, model=replace(config.model, image_base=str(tmp_path / "nothing")))
    with pytest.raises(BaseUnavailable, match="nothing"):
        load_base(missing, samples.texts)


def test_an_untrained_resnet_50_can_take_the_image_towers_place() -> None:
    config = tiny_config()
    made = load_base(replace(config, model=replace(config.model, image_base="resnet50")), ["red square"]).model
    assert made.config.vision_config.hidden_size == 2048
    assert 23e6 < sum(p.numel() for p in made.vision_model.parameters()) < 24e6
    assert not [m for m in made.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def test_replayed_pairs_are_learnt_beside_the_runs_own(samples: Samples, tmp_path: Path) -> None:
    config = tiny_config(epochs=8)
    config = replace(config, forgetting=replace(config.forgetting, replay=0.25))
    own, general = (
        Samples(samples.pairs[part], InMemory(samples.pictures.batch(np.arange(24)[part])))
        for part in (slice(0, 16), slice(16, 24))
    )
    with_it, without = (load_base(config, samples.texts) for _ in range(2))
    fitted = fit(config, with_it, own, tmp_path / "a", replay=general)
    fit(config, without, own, tmp_path / "b")
    assert fitted.steps == 8 * (16 // 6)  # 6 of 8 are the run's own
    kept, lost = (RetrievalScore(general, k=1)(model) for model in (with_it, without))
    assert kept > lost


@pytest.mark.parametrize("micro_batch", [0, 3])
def test_half_precision_learns_with_a_scaled_loss(samples: Samples, tmp_path: Path, micro_batch: int) -> None:
    config = tiny_config(epochs=20, micro_batch=micro_batch)
    config = replace(config, model=replace(config.model, precision="fp16"))
    start, fitted = train(config, samples, tmp_path)
    assert fitted.final_loss < 0.7 * fitted.curve[0].loss
    norms = [point.gradient_norm for point in fitted.curve]
    assert all(0 < norm < 100 for norm in norms[-20:]), "in the loss's own units, not in the scaled loss's"
    assert all(p.dtype == torch.float32 and bool(p.isfinite().all()) for p in start.model.parameters())


def test_a_step_whose_half_precision_gradients_overflow_is_left_out(
    samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scale halves until gradients fit, and a run that was cut off among such steps ends as an undisturbed one."""
    monkeypatch.setattr(fitting, "loss_scaler", lambda device, _: torch.amp.GradScaler(device, init_scale=2.0**40))
    config = tiny_config(epochs=10)
    config = replace(config, model=replace(config.model, precision="fp16"))
    whole, fitted = train(config, samples, tmp_path / "whole", checkpoint_every=1)
    skipped = [point.gradient_norm == 0.0 for point in fitted.curve]
    assert skipped[0]
    assert not skipped[-1]
    start = load_base(config, samples.texts)
    with pytest.raises(InterruptedError):
        fit(config, start, samples, tmp_path / "cut", options=RunOptions(checkpoint_every=1), observe=_stop_at(5))
    again, _ = train(config, samples, tmp_path / "cut", checkpoint_every=1)
    assert all(torch.equal(p, weights(again)[name]) for name, p in weights(whole).items())


def _stop_at(step: int) -> Observe:
    def observe(point: Point, steps: int) -> None:
        del steps
        if point.step == step:
            raise InterruptedError

    return observe


def test_locked_towers_train_their_projections_alone_and_as_if_they_were_asked_every_step(
    samples: Samples, tmp_path: Path
) -> None:
    config = tiny_config(epochs=4)
    locked = replace(config, model=replace(config.model, trainable="projections"))
    before = weights(load_base(locked, samples.texts))
    before = {name: each.clone() for name, each in before.items()}
    start, fitted = train(locked, samples, tmp_path / "locked")
    moved = {name for name, each in weights(start).items() if not torch.equal(each, before[name])}
    assert moved == {"visual_projection.weight", "text_projection.weight", "logit_scale"}
    assert fitted.final_loss < fitted.curve[0].loss
    slow = load_base(config, samples.texts)
    for name, parameter in slow.model.named_parameters():
        parameter.requires_grad_(name in moved)
    fit(config, slow, samples, tmp_path / "slow")
    for name in moved:
        assert torch.allclose(weights(slow)[name], weights(start)[name], atol=1e-4)


@pytest.mark.parametrize("setting", ["data.augment=0.5", "model.patch_dropout=0.5"])
def test_locked_towers_refuse_pictures_that_vary(samples: Samples, tmp_path: Path, setting: str) -> None:
    config = with_overrides(tiny_config(), ["model.trainable=projections", setting])
    with pytest.raises(SettingInvalid, match="locked"):
        train(config, samples, tmp_path)


def test_a_text_tower_of_another_family_keeps_its_own_length(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the recipes that stretch CLIP's to whole captions train from any start."""
    start = load_base(tiny_config(), ["a red square"])
    save_folder(start, tmp_path / "start")
    monkeypatch.setattr(base, "CLIPModel", ResNetClip)  # what the start is not
    kept = load_base(with_overrides(tiny_config(), [f"model.base={tmp_path / 'start'}", "model.context=48"]), [])
    assert context_length(kept.model) == TINY.context
    assert f"its own {TINY.context} tokens" in caplog.text
