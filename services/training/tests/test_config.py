from __future__ import annotations

import subprocess
import sys
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
from journalclip_modeling.two_tower import TwoTower, TwoTowerConfig
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import KINDS
from journalclip_training.augment import vary
from journalclip_training.base import describe_base, load_base, stretched
from journalclip_training.batches import Order
from journalclip_training.config import OptimConfig, TrainConfig, config_from_json, with_overrides
from journalclip_training.errors import BaseUnavailable, RecipeUnknown, SettingInvalid
from journalclip_training.optim import adamw, freeze, rate
from journalclip_training.recipes import RECIPES, Recipe, article_config, configure, recipes_of, registry
from journalclip_training.samples import Tokens
from journalclip_training.start import frozen_dataset
from journalclip_training.studies.recipes import selip_paper


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_its_name_and_survives_json(name: str) -> None:
    config = RECIPES[name].make()
    assert config.recipe == name
    assert config_from_json(config.canonical(), type(config)) == config


def test_a_recipe_belongs_to_one_kind_and_no_two_have_one_name() -> None:
    assert {each.kind for each in RECIPES.values()} == set(KINDS)
    one = Recipe("same", "articles", tiny_config)
    with pytest.raises(ValueError, match="same"):
        registry([one, replace(one, kind="studies")])
    with pytest.raises(RecipeUnknown, match="that one is for studies"):
        configure("study_demo", (), "articles")
    with pytest.raises(RecipeUnknown, match="that one is for articles"):
        configure("demo", (), "studies")


def test_recipes_are_read_without_torch() -> None:
    """A wrong name is answered within a second: none of what trains is loaded for it."""
    code = "import sys, journalclip_training.recipes; print('torch' in sys.modules or 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_whoever_starts_from_a_trained_model_sweeps_at_the_end() -> None:
    configs = [article_config(name) for name in recipes_of("articles")]
    # Two encoders that have never met know no class by its name: there is nothing to forget.
    fresh = ("scratch", "packages")
    assert all(bool(config.forgetting.alphas) == (config.model.base not in fresh) for config in configs)


def test_an_unknown_recipe_is_answered_with_the_known() -> None:
    with pytest.raises(RecipeUnknown) as caught:
        article_config("nonsense")
    assert "demo" in caught.value.remedy
    assert "study_demo" not in caught.value.remedy


def test_settings_change_the_digest_and_nothing_else() -> None:
    demo = article_config("demo")
    config = with_overrides(demo, ["optim.lr=0.01", "forgetting.alphas=0.5,1", "model.precision=bf16"])
    assert (config.optim.lr, config.forgetting.alphas, config.model.precision) == (0.01, (0.5, 1.0), "bf16")
    assert config.digest != demo.digest
    assert replace(config, optim=demo.optim).loss == demo.loss


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
        article_config("demo", [assignment])


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


def test_attention_alone_leaves_a_vits_patch_projection_where_it_is() -> None:
    tower = {"model_type": "vit", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
             "intermediate_size": 16, "image_size": 16, "patch_size": 8}  # fmt: skip
    words = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
             "intermediate_size": 16, "vocab_size": 30}  # fmt: skip
    linear = {"kind": "linear", "bias": False}
    config = TwoTowerConfig(
        image={"config": tower, "pooling": "cls"}, text={"config": words, "pooling": "mean"},
        image_projection=linear, text_projection=linear, projection_dim=8, objective="sigmoid",
    )  # fmt: skip
    model = TwoTower(config)
    freeze(model, "attention")
    moving = {name for name, each in model.named_parameters() if each.requires_grad}
    assert not [name for name in moving if "patch_embeddings" in name]
    rest = {name for name in moving if ".attention." not in name}
    assert rest == {"visual_projection.weight", "text_projection.weight", "logit_scale", "logit_bias"}
    assert len(moving) > len(rest)


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


def test_a_longer_context_keeps_the_vectors_of_short_texts_and_takes_longer_ones(tmp_path: Path) -> None:
    config = tiny_config()
    config = replace(config, model=replace(config.model, scratch=replace(config.model.scratch, context=30)))
    short = load_base(config, ["red square"])
    save_folder(short, tmp_path / "clip")
    start = with_base(str(tmp_path / "clip"), context=56)
    long = load_base(start, [])
    old = short.model.text_model.embeddings.position_embedding.weight
    new = long.model.text_model.embeddings.position_embedding.weight
    torch.testing.assert_close(new[:20], old[:20])
    torch.testing.assert_close(new[20::4], old[20:29])
    torch.testing.assert_close(new[22], (old[20] + old[21]) / 2)
    save_folder(long, tmp_path / "long")
    encoder, before = Encoder.load(tmp_path / "long"), Encoder.load(tmp_path / "clip")
    np.testing.assert_allclose(encoder.embed_texts(["red square"]), before.embed_texts(["red square"]), atol=1e-6)
    texts = ["red " * 50, "red " * 50 + "square"]
    vectors = encoder.embed_texts(texts)
    assert (vectors[0] != vectors[1]).any()
    with pytest.raises(ValueError, match="too few"):
        stretched(old[:20].detach(), 40)


def test_tokens_beyond_the_context_are_counted() -> None:
    made = load_base(tiny_config(), ["red square", "blue disc"])
    whole = [len(made.tokenizer(text)["input_ids"]) for text in ("red", "red " * 50)]
    tokens = Tokens(made.tokenizer, ["red", "red " * 50], 10)
    assert (tokens.tokens, tokens.cut) == (sum(whole), whole[1] - 10)
    assert tokens.batch(np.array([0, 1])).shape == (2, 10)
    fixed = Tokens(made.tokenizer, ["red"], 10, fixed=True).batch(np.array([0]))
    assert fixed.shape == (1, 10)
    assert set(fixed[0, whole[0] :].tolist()) == {made.tokenizer.pad_token_id}


def test_a_start_is_shown_figures_whole_or_as_it_was_trained() -> None:
    config = tiny_config()
    assert load_base(config, ["red"]).preprocess.fit == "letterbox"
    cropped = replace(config, data=replace(config.data, fit="crop"))
    assert load_base(cropped, ["red"]).preprocess.fit == "crop"


def test_the_published_schedule_warms_up_and_falls_in_a_hundred_stairs() -> None:
    optim = selip_paper().optim
    assert rate(4999, optim.steps, optim) == pytest.approx(1e-4)
    assert rate(2499, optim.steps, optim) == pytest.approx(0.5e-4)
    for epoch in (0, 1, 50, 99):
        for step in (5000 + 250 * epoch, 5000 + 250 * epoch + 249):
            assert rate(step, optim.steps, optim) == pytest.approx(1e-4 * (1 - epoch / 100) ** 0.9)


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
