"""Foreign checkpoints, made with the real libraries at toy size and random weights off their defaults, before and after
the import: the same vectors, and every weight accounted for."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import pytest
import timm
import torch
from open_clip.hf_model import HFTextEncoder
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import normalize
from torchvision.transforms import CenterCrop, InterpolationMode, Resize
from transformers import (
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPModel,
    MetaClip2Config,
    MetaClip2Model,
    SiglipConfig,
    SiglipModel,
    VisionTextDualEncoderConfig,
    VisionTextDualEncoderModel,
    ViTConfig,
)

from journalclip_modeling.encoder import Encoder
from journalclip_modeling.family import learned
from journalclip_modeling.folder import ModelUnloadable, load_folder, save_folder
from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.scratch import train_tokenizer
from journalclip_modeling.starts.errors import StartUnusable
from journalclip_modeling.starts.imports import NOTE, import_joined, import_start

Embed = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
TEXTS = ["an axial view", "no edema, left thalamus", "panel B"]
WORDS, CONTEXT, SIZE = 300, 24, 32
TOWER: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2
}  # fmt: skip


def shaken(model: nn.Module) -> nn.Module:
    """Off its defaults: at a default start swapped biases and norms would not be seen."""
    torch.manual_seed(1)
    with torch.no_grad():
        for each in (each for each in model.state_dict().values() if each.is_floating_point()):
            noise = torch.randn_like(each) * each.std() / 2 if each.ndim > 1 else torch.rand_like(each) / 10
            each.add_(noise)
    return model.eval()


def tokenizer_into(folder: Path) -> Any:
    made = train_tokenizer(TEXTS * 3, WORDS, CONTEXT)
    made.save_pretrained(folder)
    return made


def hugging(folder: Path, kind: str) -> Embed:
    """A folder of transformers' own."""
    words = tokenizer_into(folder)
    text = {**TOWER, "vocab_size": WORDS, "max_position_embeddings": CONTEXT, "eos_token_id": words.eos_token_id}
    text |= {"bos_token_id": words.bos_token_id, "pad_token_id": words.pad_token_id}
    vision = {**TOWER, "image_size": SIZE, "patch_size": 8}
    built: Any = {
        "clip": lambda: CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)),
        "metaclip_2": lambda: MetaClip2Model(
            MetaClip2Config(text_config=text, vision_config=vision, projection_dim=16)
        ),
        "siglip": lambda: SiglipModel(SiglipConfig(text_config={**text, "projection_size": 32}, vision_config=vision)),
    }[kind]()
    model: Any = shaken(built)
    model.save_pretrained(folder, max_shard_size="40KB")
    assert len(list(folder.glob("*.safetensors"))) > 1, "in shards"
    return lambda pixels, ids: (
        model.get_image_features(pixel_values=pixels).pooler_output,
        model.get_text_features(input_ids=ids).pooler_output,
    )  # fmt: skip


def pickled(folder: Path) -> Embed:
    embed = hugging(folder, "clip")
    weights = {key: each for shard in folder.glob("*.safetensors") for key, each in load_file(shard).items()}
    for old in (*folder.glob("*.safetensors"), folder / "model.safetensors.index.json"):
        old.unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    return embed


def dual(folder: Path) -> Embed:
    words = tokenizer_into(folder)
    config = VisionTextDualEncoderConfig.from_vision_text_configs(
        ViTConfig(**TOWER, image_size=SIZE, patch_size=8),
        BertConfig(**TOWER, vocab_size=WORDS, max_position_embeddings=CONTEXT, pad_token_id=words.pad_token_id),
        projection_dim=16,
    )
    model: Any = shaken(VisionTextDualEncoderModel(config))
    model.save_pretrained(folder)
    return lambda pixels, ids: (
        model.get_image_features(pixel_values=pixels).pooler_output,
        model.get_text_features(input_ids=ids, attention_mask=ids != words.pad_token_id).pooler_output,
    )


VIT = {
    "embed_dim": 16, "quick_gelu": True,
    "vision_cfg": {"image_size": SIZE, "layers": 2, "width": 128, "patch_size": 8},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2},
}  # fmt: skip


def opened(folder: Path, file: str, preprocess: dict[str, Any] | None = None, **changes: Any) -> Embed:
    """A folder of open_clip's own, with CLIP's tokenizer left out as its folders do."""
    config = {**VIT, **changes}
    model = shaken(open_clip.model.CLIP(**config))
    given = {"model_cfg": config, "preprocess_cfg": preprocess or {}}
    (folder / "open_clip_config.json").write_text(json.dumps(given))
    if file.endswith(".bin"):
        torch.save(model.state_dict(), folder / file)
    else:
        save_file(model.state_dict(), folder / file)
    return lambda pixels, ids: (model.encode_image(pixels), model.encode_text(ids))  # type: ignore[operator]


def biomed(folder: Path) -> Embed:
    """BiomedCLIP's shape: timm's ViT and a linear layer; BERT, its first token, two layers without bias."""
    words = tokenizer_into(folder)
    bert = BertConfig(**{**TOWER, "hidden_size": 64, "num_attention_heads": 1}, vocab_size=WORDS,
                      max_position_embeddings=CONTEXT, pad_token_id=words.pad_token_id)  # fmt: skip
    text_cfg = {
        "hf_model_name": "an/encoder", "hf_tokenizer_name": "an/encoder", "hf_proj_type": "mlp",
        "hf_pooler_type": "cls_last_hidden_state_pooler", "context_length": CONTEXT,
    }  # fmt: skip
    vision_cfg = {"timm_model_name": "test_vit", "timm_model_pretrained": False, "timm_pool": "", "image_size": 160}
    small = {"context_length": 8, "vocab_size": 8, "width": 64, "heads": 1, "layers": 1}
    model = open_clip.model.CustomTextCLIP(16, vision_cfg, small)
    model.text = HFTextEncoder("", 16, bert, "cls_last_hidden_state_pooler", "mlp")
    shaken(model)
    state = {**model.state_dict(), "text.transformer.embeddings.position_ids": torch.arange(CONTEXT)[None]}
    torch.save(state, folder / "open_clip_pytorch_model.bin")
    whole = {"embed_dim": 16, "vision_cfg": vision_cfg, "text_cfg": text_cfg}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": whole, "preprocess_cfg": {}}))
    return lambda pixels, ids: (model.encode_image(pixels), model.encode_text(ids))


class _Named(nn.Module):
    """Nested modules that hold a state dict under its own names, for a TorchScript archive."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def scripted(state: dict[str, Tensor], path: Path) -> None:
    root = _Named()
    for name, tensor in state.items():
        module: nn.Module = root
        *parents, leaf = name.split(".")
        for parent in parents:
            if not hasattr(module, parent):
                module.add_module(parent, _Named())
            module = getattr(module, parent)
        module.register_buffer(leaf, tensor.clone())
    for leaf, number in (("input_resolution", SIZE), ("context_length", CONTEXT), ("vocab_size", 49408)):
        root.register_buffer(leaf, torch.tensor(number))
    torch.jit.script(root).save(str(path))  # type: ignore[no-untyped-call]


def openai(folder: Path) -> Embed:
    embed = opened(folder, "open_clip_model.safetensors")
    scripted(load_file(folder / "open_clip_model.safetensors"), folder / "ViT.pt")
    (folder / "open_clip_config.json").unlink()
    return embed


BUILDERS: dict[str, tuple[Callable[[Path], Embed], str, str]] = {
    "clip in shards": (lambda folder: hugging(folder, "clip"), "", "clip"),
    "clip .bin": (pickled, "", "clip"),
    "siglip": (lambda folder: hugging(folder, "siglip"), "", "siglip"),
    "metaclip 2": (lambda folder: hugging(folder, "metaclip_2"), "", "metaclip_2"),
    "dual encoder": (dual, "", "journalclip_two_tower"),
    "open_clip safetensors": (lambda folder: opened(folder, "open_clip_model.safetensors"), "", "clip"),
    "open_clip .bin, gelu": (lambda f: opened(f, "open_clip_pytorch_model.bin", quick_gelu=False), "", "clip"),
    "biomedclip": (biomed, "", "journalclip_two_tower"),
    "openai vit .pt": (openai, "ViT.pt", "clip"),
}


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
    vision = {"image_size": 64, "layers": [3, 4, 6, 3], "width": 64, "patch_size": None}
    model: Any = shaken(open_clip.model.CLIP(**{**VIT, "embed_dim": 64, "vision_cfg": vision}))
    scripted(model.state_dict(), tmp_path / "RN50.pt")
    note = import_start(str(tmp_path / "RN50.pt"), tmp_path / "start")
    assert note.difference is not None
    assert note.difference < 1e-5
    after = load_folder(tmp_path / "start").model
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        mine, theirs = after.train().get_image_features(pixels).pooler_output, model.encode_image(pixels)
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


def joined_sources(folder: Path) -> tuple[nn.Module, BertModel]:
    net = shaken(timm.create_model("test_efficientnet", pretrained=False))
    given = {"mean": [0.5] * 3, "std": [0.5] * 3, "input_size": [3, 64, 64], "classifier": "classifier"}
    (folder / "image").mkdir()
    (folder / "image" / "config.json").write_text(
        json.dumps({"architecture": "test_efficientnet", "pretrained_cfg": given})
    )
    save_file(net.state_dict(), folder / "image" / "model.safetensors")
    bert = BertModel(BertConfig(**TOWER, vocab_size=WORDS, max_position_embeddings=CONTEXT))
    shaken(bert).save_pretrained(folder / "text")  # type: ignore[operator]
    tokenizer_into(folder / "text")
    return net, bert


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
