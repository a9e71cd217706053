from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from journalclip_devtools.doubles.squares import freeze_tiny, tiny_config
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import save_folder
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.errors import PermanentError
from journalclip_training.augment import vary
from journalclip_training.base import describe_base, load_base
from journalclip_training.batches import Order
from journalclip_training.config import OptimConfig, TrainConfig, config_from_json, with_settings
from journalclip_training.errors import BaseUnavailable, RecipeUnknown, SettingInvalid
from journalclip_training.optim import adamw, rate
from journalclip_training.recipes import RECIPES, recipe
from journalclip_training.start import frozen_dataset


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_its_name_and_survives_json(name: str) -> None:
    config = recipe(name)
    assert config.recipe == name
    assert config_from_json(config.canonical()) == config


def test_whoever_starts_from_a_trained_model_sweeps_at_the_end() -> None:
    sweeping = {name for name in RECIPES if recipe(name).forgetting.alphas}
    assert sweeping == {name for name in RECIPES if recipe(name).model.base != "scratch"}


def test_an_unknown_recipe_is_answered_with_the_known() -> None:
    with pytest.raises(RecipeUnknown) as caught:
        recipe("nonsense")
    assert "demo" in caught.value.remedy


def test_settings_change_the_digest_and_nothing_else() -> None:
    config = with_settings(recipe("demo"), ["optim.lr=0.01", "forgetting.alphas=0.5,1", "model.bf16=true"])
    assert (config.optim.lr, config.forgetting.alphas, config.model.bf16) == (0.01, (0.5, 1.0), True)
    assert config.digest != recipe("demo").digest
    assert replace(config, optim=recipe("demo").optim).loss == recipe("demo").loss


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("optim.lr", "key=value"),
        ("optim.rate=1", "no key"),
        ("optimiser.lr=1", "no part"),
        ("optim=1", "is a part"),
        ("optim.batch=many", "integer"),
        ("loss.kind=hinge", "Input should be"),
    ],
)
def test_a_wrong_setting_says_what_is_wrong(assignment: str, said: str) -> None:
    with pytest.raises(SettingInvalid, match=said):
        with_settings(recipe("demo"), [assignment])


@given(pairs=st.integers(1, 60), batch=st.integers(1, 20), seed=st.integers(0, 5), epoch=st.integers(0, 3))
def test_an_epoch_shows_no_pair_twice(pairs: int, batch: int, seed: int, epoch: int) -> None:
    order = Order(pairs, batch, seed)
    steps = range(epoch * order.steps_per_epoch, (epoch + 1) * order.steps_per_epoch)
    seen = np.concatenate([order.at(step) for step in steps])
    assert len(set(seen.tolist())) == len(seen) > pairs - order.size
    assert {order.epoch(step) for step in steps} == {epoch}


@given(each=st.integers(1, 6), world=st.integers(1, 4), step=st.integers(0, 9))
def test_ranks_share_a_batch_without_duplicates(each: int, world: int, step: int) -> None:
    order = Order(each * world * 3, each * world + step % 2, seed=1)
    shares = [order.at(step)[order.share(rank, world)] for rank in range(world)]
    assert np.concatenate(shares).tolist() == order.at(step).tolist()
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_ranks_than_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="too small for 3 ranks"):
        Order(10, 2, 0).share(0, 3)


@given(pairs=st.integers(4, 40), replayed=st.integers(1, 40), replay=st.floats(0, 1), step=st.integers(0, 9))
def test_replayed_pairs_fill_their_share_of_every_batch(pairs: int, replayed: int, replay: float, step: int) -> None:
    order = Order(pairs, 8, 0, replayed, replay)
    batch = order.at(step)
    assert len(set(batch.tolist())) == len(batch) == order.size
    assert (batch >= pairs).sum() == order.general == min(round(8 * replay), 7, replayed)
    assert batch.max() < pairs + replayed


@given(steps=st.integers(2, 200), warmup=st.floats(0, 0.5))
def test_the_rate_rises_then_falls_within_its_bounds(steps: int, warmup: float) -> None:
    config = OptimConfig(lr=1.0, warmup=warmup, final_lr=0.1)
    rates = [rate(step, steps, config) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 < min(rates) <= max(rates) <= 1.0 + 1e-9


def test_lower_layers_move_slower_and_vectors_do_not_decay() -> None:
    model = load_base(tiny_config(), ["red square"]).model
    optimizer = adamw(model, {"bias": nn.Parameter(torch.zeros(()))}, OptimConfig(layer_decay=0.5))
    by_id = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    named = dict(model.named_parameters())
    head = by_id[id(named["visual_projection.weight"])]
    layer = by_id[id(named["vision_model.encoder.layers.0.mlp.fc1.weight"])]
    stem = by_id[id(named["vision_model.embeddings.patch_embedding.weight"])]
    assert (head["factor"], layer["factor"], stem["factor"]) == (1.0, 0.5, 0.25)
    assert head["weight_decay"] > 0 == by_id[id(named["logit_scale"])]["weight_decay"]
    assert len(by_id) == len(named) + 1


def test_varied_pictures_stay_pictures_and_strength_zero_is_the_picture() -> None:
    pixels = torch.randint(0, 256, (3, 3, 8, 8), dtype=torch.uint8)
    chance = torch.rand(3, 8)
    assert vary(pixels, chance, 0.0) is pixels
    assert torch.allclose(vary(pixels, torch.full((3, 8), 0.5), 1.0), pixels.float(), atol=1e-3)
    varied = vary(pixels, chance, 1.0)
    assert varied.shape == pixels.shape
    assert 0 <= varied.min() <= varied.max() <= 255


def with_base(base: str, context: int = 0) -> TrainConfig:
    config = tiny_config()
    return replace(config, model=replace(config.model, base=base, context=context))


def test_a_folder_is_a_start_and_its_weights_are_in_the_name(tmp_path: Path) -> None:
    save_folder(load_base(tiny_config(), ["red square"]), tmp_path / "clip")
    config = with_base(str(tmp_path / "clip"))
    name = describe_base(config)
    assert name.startswith("clip@")
    loaded = load_base(config, [])
    with torch.no_grad():
        loaded.model.logit_scale.add_(1)
    save_folder(loaded, tmp_path / "clip")
    assert describe_base(config) != name


def test_a_longer_context_keeps_the_ends_and_takes_longer_texts(tmp_path: Path) -> None:
    short = load_base(tiny_config(), ["red square"])
    save_folder(short, tmp_path / "clip")
    long = load_base(with_base(str(tmp_path / "clip"), context=50), [])
    old = short.model.text_model.embeddings.position_embedding.weight
    new = long.model.text_model.embeddings.position_embedding.weight
    torch.testing.assert_close(new[[0, -1]], old[[0, -1]])
    save_folder(long, tmp_path / "long")
    encoder = Encoder.load(tmp_path / "long")
    texts = ["red " * 30, "red " * 30 + "square"]
    vectors = encoder.embed_texts(texts)
    assert (vectors[0] != vectors[1]).any()


def test_a_base_that_cannot_be_had_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(BaseUnavailable, match="nobody/nothing"):
        load_base(with_base("nobody/nothing-of-the-kind"), [])


def test_an_unknown_dataset_is_answered_with_the_known(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    frozen = freeze_tiny(store)
    assert frozen_dataset(store, frozen.dataset_id) == frozen
    with pytest.raises(PermanentError, match="no dataset") as caught:
        frozen_dataset(store, "../etc")
    assert frozen.dataset_id in caught.value.remedy
