"""Foreign checkpoints, made with the real libraries at toy size and random weights off their defaults, before and after
the import: the same vectors, and every weight accounted for."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize
from torchvision.transforms import CenterCrop, InterpolationMode, Resize

from journalclip_devtools.doubles.start_kinds import (
    BUILDERS,
    CONTEXT,
    TEXTS,
    VIT,
    WORDS,
    hugging,
    joined_sources,
    opened,
    resnet50,
    shaken,
    tokenizer_into,
)
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.family import learned
from journalclip_modeling.folder import ModelUnloadable, load_folder, save_folder
from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.starts.errors import StartUnusable
from journalclip_modeling.starts.imports import NOTE, import_joined, import_start


@pytest.mark.parametrize("name", BUILDERS)
def test_vectors_are_the_same_before_and_after(name: str, tmp_path: Path) -> None:
    build, file, family = BUILDERS[name]
    (tmp_path / "source").mkdir()
    torch.manual_seed(0)
    embed = build(tmp_path / "source")
    source = tmp_path / "source" / file if file else tmp_path / "source"
    note = import_start(str(source), tmp_path / "start", licence="MIT")
    assert (note.family, note.licence) == (family, "MIT")
    assert note.difference is not None
    assert note.difference < 1e-5
    after = load_folder(tmp_path / "start")
    size = after.preprocess.size
    pixels = torch.randn(3, 3, size, size)
    fixed = {"padding": "max_length", "max_length": CONTEXT, "return_tensors": "pt"}
    ids = after.tokenizer(TEXTS, **fixed)["input_ids"]
    with torch.inference_mode():
        theirs = embed(pixels, ids)
        ours = (
            after.model.get_image_features(pixel_values=pixels).pooler_output,
            after.model.get_text_features(ids).pooler_output,
        )
        for mine, reference in zip(ours, theirs, strict=True):
            torch.testing.assert_close(normalize(mine, dim=1), normalize(reference, dim=1), rtol=0, atol=1e-5)
        asked = Encoder.load(tmp_path / "start").embed_texts(TEXTS)
        torch.testing.assert_close(torch.from_numpy(asked), normalize(theirs[1], dim=1), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_openais_resnet_50_keeps_its_vectors(tmp_path: Path) -> None:
    embed = resnet50(tmp_path)
    note = import_start(str(tmp_path / "RN50.pt"), tmp_path / "start")
    assert note.difference is not None
    assert note.difference < 1e-5
    after = load_folder(tmp_path / "start").model
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        mine = after.train().get_image_features(pixels).pooler_output
        theirs, _ = embed(pixels, torch.zeros(1, CONTEXT, dtype=torch.int64))
    torch.testing.assert_close(normalize(mine, dim=1), normalize(theirs, dim=1), rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("tanh", [False, True])
def test_open_clips_siglip_keeps_its_vectors_and_bias(tanh: bool, tmp_path: Path) -> None:
    """SigLIP 1 and 2: exact gelu in the text tower, or its tanh form."""
    words = tokenizer_into(tmp_path)
    text = {
        "context_length": CONTEXT, "vocab_size": WORDS, "width": 64, "heads": 2, "layers": 1, "no_causal_mask": True,
        "proj_bias": True, "pool_type": "last", "norm_kwargs": {"eps": 1e-6},
    }  # fmt: skip
    if tanh:
        text["act_kwargs"] = {"approximate": "tanh"}
    config = {
        "embed_dim": 768, "init_logit_bias": -10,
        "vision_cfg": {"timm_model_name": "vit_base_patch16_siglip_224", "timm_pool": "map", "timm_proj": "none",
                       "image_size": 224},
        "text_cfg": text,
    }  # fmt: skip
    text["width"], text["heads"] = 768, 12
    model: Any = shaken(open_clip.model.CustomTextCLIP(**config))
    save_file(model.state_dict(), tmp_path / "open_clip_model.safetensors")
    given = {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": given}))
    note = import_start(str(tmp_path), tmp_path / "start")
    assert (note.family, note.fit) == ("siglip", "squash")
    assert note.difference is not None
    assert note.difference < 1e-5
    after = load_folder(tmp_path / "start")
    stored = learned(after.model)
    assert stored.kind == "sigmoid"
    assert stored.bias == pytest.approx(float(model.logit_bias))
    assert words.pad_token_id == after.tokenizer.pad_token_id
    assert after.preprocess.mean == (0.5, 0.5, 0.5)


def test_two_encoders_joined_keep_their_weights(tmp_path: Path) -> None:
    net, bert = joined_sources(tmp_path)
    note = import_joined(tmp_path / "image", tmp_path / "text", tmp_path / "start", dim=16)
    assert (note.image_size, note.licence) == (64, "unknown")
    after = load_folder(tmp_path / "start")
    pixels = torch.randn(2, 3, 64, 64)
    ids = after.tokenizer(TEXTS, padding=True, return_tensors="pt")
    mask = ids["attention_mask"]
    with torch.inference_mode():
        features: Any = net
        expected = features.forward_head(features.forward_features(pixels), pre_logits=True)
        torch.testing.assert_close(after.model.vision_model(pixels), expected, rtol=1e-4, atol=1e-5)
        hidden = bert(**{key: ids[key] for key in ("input_ids", "attention_mask")}).last_hidden_state
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        torch.testing.assert_close(after.model.text_model(ids["input_ids"], mask), mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("change", ["missing", "unexpected", "mismatched"])
def test_a_weight_that_has_no_place_is_named(change: str, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    opened(tmp_path / "source", "open_clip_model.safetensors")
    path, name = tmp_path / "source" / "open_clip_model.safetensors", "ln_final.weight"
    weights = load_file(path)
    if change == "missing":
        del weights[name]
    elif change == "unexpected":
        weights["visual.adapter.weight"] = torch.zeros(2)
    else:
        weights[name] = torch.zeros(3)
    save_file(weights, path)
    with pytest.raises(StartUnusable, match=f"{change} weights: .*(final_layer_norm.weight|adapter)"):
        import_start(str(tmp_path / "source"), tmp_path / "start")
    assert not list(tmp_path.glob("start*")), "nothing is left behind"


def test_a_folder_without_all_its_weights_is_refused_by_every_loader(tmp_path: Path) -> None:
    hugging(tmp_path, "clip")
    loaded = load_folder(tmp_path)
    save_folder(loaded, tmp_path / "whole")
    weights = load_file(tmp_path / "whole" / "model.safetensors")
    save_file(
        {k: v for k, v in weights.items() if "text" not in k},
        tmp_path / "whole" / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(ModelUnloadable, match=r"missing weights: text_model\..* more"):
        load_folder(tmp_path / "whole")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "blip"}))
    with pytest.raises(StartUnusable, match="'blip'"):
        import_start(str(tmp_path), tmp_path / "start")
    torch.save({"state": print}, tmp_path / "hostile.bin")
    with pytest.raises(StartUnusable, match="tensors alone"):
        import_start(str(tmp_path / "hostile.bin"), tmp_path / "start")
    model = open_clip.model.CLIP(**VIT)
    torch.save(model.state_dict(), tmp_path / "bare.bin")
    with pytest.raises(StartUnusable, match="activation"):
        import_start(str(tmp_path / "bare.bin"), tmp_path / "start")


def test_long_clips_two_tables_of_positions_become_one(tmp_path: Path) -> None:
    model: Any = shaken(open_clip.model.CLIP(**{**VIT, "text_cfg": {**VIT["text_cfg"], "context_length": 40}}))  # type: ignore[dict-item]
    state = copy.deepcopy(model.state_dict())
    whole = state["positional_embedding"].clone()
    state["positional_embedding_res"] = whole.clone()
    state["positional_embedding_res"][:20] = 7
    state["positional_embedding"][20:] = 7
    torch.save(state, tmp_path / "long.pt")
    import_start(str(tmp_path / "long.pt"), tmp_path / "start", quick_gelu=True)
    made = load_folder(tmp_path / "start").model.text_model.embeddings.position_embedding.weight
    torch.testing.assert_close(made, whole)


def test_the_note_names_source_licence_and_digest(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    opened(tmp_path / "source", "open_clip_model.safetensors")
    (tmp_path / "source" / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n# A model\n")
    import_start(str(tmp_path / "source"), tmp_path / "a")
    (tmp_path / "source" / "extra.json").write_text("{}")
    import_start(str(tmp_path / "source"), tmp_path / "b")
    first, second = (json.loads((tmp_path / name / NOTE).read_text()) for name in "ab")
    assert first["licence"] == "cc-by-nc-4.0"
    assert first["source_sha256"] != second["source_sha256"], "every file counts"


@pytest.mark.parametrize("size", [(90, 40), (33, 61), (32, 32)])
def test_crop_and_squash_are_to_the_pixel_those_of_torchvision(size: tuple[int, int]) -> None:
    noise = torch.randint(0, 256, (size[1], size[0], 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    image = Image.fromarray(noise.numpy())
    crop = CenterCrop(24)(Resize(24, InterpolationMode.BICUBIC)(image))
    squash = Resize((24, 24), InterpolationMode.BICUBIC)(image)
    for fit, expected in (("crop", crop), ("squash", squash)):
        found = Image.fromarray(Preprocess(24, fit=fit).pixels(image))  # type: ignore[arg-type]
        assert found.tobytes() == expected.tobytes()
