"""Foreign checkpoints at toy size: every kind of start that `models import` knows, made with the real libraries.

Weights are random and off their defaults, so that a swapped bias or norm shows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import timm
import torch
from open_clip.hf_model import HFTextEncoder
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
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

from journalclip_modeling.scratch import train_tokenizer

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


def resnet50(folder: Path) -> Embed:
    """OpenAI's RN50: a TorchScript archive."""
    vision = {"image_size": 64, "layers": [3, 4, 6, 3], "width": 64, "patch_size": None}
    model: Any = shaken(open_clip.model.CLIP(**{**VIT, "embed_dim": 64, "vision_cfg": vision}))
    scripted(model.state_dict(), folder / "RN50.pt")
    return lambda pixels, ids: (model.encode_image(pixels), model.encode_text(ids))


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
