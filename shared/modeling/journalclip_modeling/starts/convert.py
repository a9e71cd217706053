"""open_clip's and OpenAI's weights in the words of transformers and timm: renamed, cut and transposed, never changed.

A ViT beside CLIP's text tower becomes `CLIPModel`, timm's ViT beside SigLIP's text tower `SiglipModel`, every other
pair of towers a `TwoTower`. Every tensor must find its place, and every place its tensor.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn
from transformers import (
    CLIPConfig,
    CLIPModel,
    PreTrainedModel,
    SiglipConfig,
    SiglipModel,
)

from journalclip_modeling.starts.errors import StartUnusable
from journalclip_modeling.starts.sizes import HEAD, Described
from journalclip_modeling.starts.weights import Weights
from journalclip_modeling.two_tower import TwoTower, TwoTowerConfig

# Buffers that are functions of a configuration, and OpenAI's three numbers beside the weights.
COUNTED = re.compile(
    r"(.*\.)?(position_ids|attn_mask|num_batches_tracked)$|^(input_resolution|context_length|vocab_size)$"
)
_BLOCK = {
    "attn.out_proj": "self_attn.out_proj", "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}  # fmt: skip


def converted(weights: Weights, described: Described, encoder: dict[str, Any] | None, source: str) -> PreTrainedModel:
    """The model with all of ``weights``; ``encoder`` is the text encoder's own configuration, where it has one.

    Raises `StartUnusable`, naming what is missing, unexpected or of another shape.
    """
    left = {key: each for key, each in weights.items() if not COUNTED.match(key)}
    left = {re.sub(r"^text_encoder\.", "text.", key): each for key, each in left.items()}  # UniMed-CLIP's name
    timm_tower, hf = (
        "timm_model_name" in described.vision,
        bool(described.text.get("hf_model_name")) or encoder is not None,
    )
    if not hf and not timm_tower and not described.resnet:
        model, renamed = _clip(left, described)
    elif timm_tower and not hf and described.text.get("no_causal_mask"):
        model, renamed = _siglip(left, described)
    else:
        model, renamed = _two_towers(left, described, encoder, source)
    load(model, renamed, source)
    return model.eval()


def one_table(weights: Weights) -> Weights:
    """Long-CLIP keeps two tables of positions: the first 20 of one and the rest of the other are in use."""
    if "positional_embedding_res" not in weights:
        return weights
    whole = torch.cat([weights["positional_embedding"][:20], weights["positional_embedding_res"][20:]])
    kept = {key: each for key, each in weights.items() if key != "positional_embedding_res"}
    return {**kept, "positional_embedding": whole}


def load(model: nn.Module, weights: Weights, source: str) -> None:
    """Every tensor into its place. Raises `StartUnusable`."""
    weights = {key: each for key, each in weights.items() if not COUNTED.match(key)}
    wanted = {key: each for key, each in model.state_dict().items() if not COUNTED.match(key)}
    for word, names in (
        ("missing", wanted.keys() - weights.keys()),
        ("unexpected", weights.keys() - wanted.keys()),
        ("mismatched", {key for key in wanted.keys() & weights.keys() if wanted[key].shape != weights[key].shape}),
    ):
        if names:
            listed = ", ".join(sorted(names)[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            raise StartUnusable(source, f"{word} weights: {listed}")
    model.load_state_dict(weights, strict=False)


def _clip(weights: Weights, described: Described) -> tuple[PreTrainedModel, Weights]:
    vision = described.vision
    act = "quick_gelu" if described.quick_gelu else "gelu"
    width, head = int(vision["width"]), int(vision.get("head_width", HEAD))
    config = CLIPConfig(
        text_config=clip_text_config(described),
        vision_config={
            "hidden_size": width, "intermediate_size": int(width * float(vision.get("mlp_ratio", 4.0))),
            "num_hidden_layers": int(vision["layers"]), "num_attention_heads": width // head, "hidden_act": act,
            "image_size": described.image_size, "patch_size": int(vision["patch_size"]),
            "projection_dim": described.dim,
        },
        projection_dim=described.dim,
    )  # fmt: skip
    out = _clip_text(weights, "text_model.", "text_projection.weight")
    image = {key.removeprefix("visual."): each for key, each in weights.items() if key.startswith("visual.")}
    embeddings = "vision_model.embeddings."
    names = {
        "class_embedding": f"{embeddings}class_embedding", "conv1.weight": f"{embeddings}patch_embedding.weight",
        "positional_embedding": f"{embeddings}position_embedding.weight",
    }  # fmt: skip
    for key, each in image.items():
        if key == "proj":
            out["visual_projection.weight"] = each.T.contiguous()
        elif key.startswith("transformer."):
            out |= _block(key.removeprefix("transformer."), each, "vision_model.encoder.layers.")
        else:
            norm = key.replace("ln_pre", "vision_model.pre_layrnorm").replace("ln_post", "vision_model.post_layernorm")
            out[names.get(key, norm)] = each
    return CLIPModel(config), out


def clip_text_config(described: Described) -> dict[str, Any]:
    """For transformers' text tower of CLIP."""
    text, width = described.text, int(described.text["width"])
    return {
        "vocab_size": int(text.get("vocab_size", 49408)), "hidden_size": width, "intermediate_size": 4 * width,
        "num_hidden_layers": int(text["layers"]), "num_attention_heads": int(text["heads"]),
        "max_position_embeddings": int(text.get("context_length", 77)), "projection_dim": described.dim,
        "hidden_act": "quick_gelu" if described.quick_gelu else "gelu",
        "bos_token_id": int(text.get("vocab_size", 49408)) - 2, "eos_token_id": int(text.get("vocab_size", 49408)) - 1,
        "pad_token_id": int(text.get("vocab_size", 49408)) - 1,
    }  # fmt: skip


def _clip_text(weights: Weights, to: str, projection: str) -> Weights:
    """Everything that is not the image tower's."""
    names = {
        "token_embedding.weight": f"{to}embeddings.token_embedding.weight",
        "positional_embedding": f"{to}embeddings.position_embedding.weight",
        "ln_final.weight": f"{to}final_layer_norm.weight", "ln_final.bias": f"{to}final_layer_norm.bias",
    }  # fmt: skip
    out: Weights = {}
    for whole, each in weights.items():
        key = whole.removeprefix("text.")
        if whole.startswith("visual."):
            continue
        if key == "text_projection":
            out[projection] = each.T.contiguous()
        elif key in ("logit_scale", "logit_bias"):
            out[key] = each.reshape(())
        elif key.startswith("transformer."):
            out |= _block(key.removeprefix("transformer."), each, f"{to}encoder.layers.")
        else:
            out[names.get(key, key)] = each
    return out


def _block(key: str, value: torch.Tensor, to: str) -> Weights:
    """``resblocks.3.attn.in_proj_weight`` and its like; one tensor becomes three where queries, keys and values do."""
    _, number, rest = key.split(".", 2)
    if rest.startswith("attn.in_proj_"):
        kind = rest.removeprefix("attn.in_proj_")
        return {
            f"{to}{number}.self_attn.{each}_proj.{kind}": part.contiguous()
            for each, part in zip("qkv", value.chunk(3), strict=True)
        }
    name, _, kind = rest.rpartition(".")
    return {f"{to}{number}.{_BLOCK.get(name, name)}.{kind}": value}


def _siglip(weights: Weights, described: Described) -> tuple[PreTrainedModel, Weights]:
    """timm's ViT with an attention pool; open_clip's text tower that sees both ways, read at its last token."""
    import timm

    trunk: Any = timm.create_model(described.vision["timm_model_name"], pretrained=False, num_classes=0)
    block, text, width = trunk.blocks[0], described.text, int(described.text["width"])
    tanh = (described.text.get("act_kwargs") or {}).get("approximate") == "tanh"
    vision_tanh = getattr(block.mlp.act, "approximate", "none") == "tanh"
    config = SiglipConfig(
        text_config={
            "vocab_size": int(text["vocab_size"]), "hidden_size": width, "num_hidden_layers": int(text["layers"]),
            "intermediate_size": int(width * float(text.get("mlp_ratio", 4.0))),
            "num_attention_heads": int(text["heads"]),
            "max_position_embeddings": int(text["context_length"]), "projection_size": described.dim,
            "layer_norm_eps": float((text.get("norm_kwargs") or {}).get("eps", 1e-5)),
            "hidden_act": "gelu_pytorch_tanh" if tanh else "gelu",
        },
        vision_config={
            "hidden_size": trunk.embed_dim, "intermediate_size": block.mlp.fc1.out_features,
            "num_hidden_layers": len(trunk.blocks), "num_attention_heads": block.attn.num_heads,
            "image_size": described.image_size, "patch_size": trunk.patch_embed.patch_size[0],
            "layer_norm_eps": trunk.norm.eps, "hidden_act": "gelu_pytorch_tanh" if vision_tanh else "gelu",
        },
    )  # fmt: skip
    out = _clip_text(weights, "text_model.", "text_model.head.weight")
    for name in ("weight", "bias"):
        if f"text_projection.{name}" in out:
            out[f"text_model.head.{name}"] = out.pop(f"text_projection.{name}")
    for name in ("logit_scale", "logit_bias"):
        if name in out:
            out[name] = out[name].reshape(1)
    pool: Weights = {}
    for key, each in weights.items():
        if key.startswith("visual.trunk.attn_pool."):
            pool[key.removeprefix("visual.trunk.attn_pool.")] = each
        elif key.startswith("visual.trunk."):
            out |= _vit(key.removeprefix("visual.trunk."), each)
        elif key.startswith("visual."):
            out[key] = each
    return SiglipModel(config), out | _attention_pool(pool)


def _vit(key: str, value: torch.Tensor) -> Weights:
    to = "vision_model."
    if key == "pos_embed":
        return {f"{to}embeddings.position_embedding.weight": value[0]}
    if key.startswith("patch_embed.proj."):
        return {key.replace("patch_embed.proj", f"{to}embeddings.patch_embedding"): value}
    if key.startswith("norm."):
        return {key.replace("norm", f"{to}post_layernorm", 1): value}
    _, number, rest = key.split(".", 2)
    name, _, kind = rest.rpartition(".")
    layer = f"{to}encoder.layers.{number}."
    if name == "attn.qkv":
        parts = zip("qkv", value.chunk(3), strict=True)
        return {f"{layer}self_attn.{each}_proj.{kind}": part.contiguous() for each, part in parts}
    names = {"attn.proj": "self_attn.out_proj", "norm1": "layer_norm1", "norm2": "layer_norm2"}
    return {f"{layer}{names.get(name, name)}.{kind}": value}


def _attention_pool(pool: Weights) -> Weights:
    to, out = "vision_model.head.", Weights()
    for kind in ("weight", "bias"):
        if f"q.{kind}" in pool and f"kv.{kind}" in pool:
            out[f"{to}attention.in_proj_{kind}"] = torch.cat([pool.pop(f"q.{kind}"), pool.pop(f"kv.{kind}")])
    names = {"latent": "probe", "proj": "attention.out_proj", "norm": "layernorm"}
    for key, each in pool.items():
        name, dot, kind = key.rpartition(".")
        out[f"{to}{names.get(name or key, name or key)}{dot}{kind}" if dot else f"{to}{names.get(key, key)}"] = each
    return out


def _two_towers(
    weights: Weights, described: Described, encoder: dict[str, Any] | None, source: str
) -> tuple[PreTrainedModel, Weights]:
    image, projection, out = _image_tower(weights, described, source)
    if encoder is not None:
        text, text_projection, found = _encoder_tower(weights, described, encoder)
    else:
        clip = {**clip_text_config(described), "model_type": "clip_text_model"}
        text = {"config": clip, "pooling": "eos", "end": clip["eos_token_id"]}
        text_projection = {"kind": "linear"}
        found = {
            key.replace("text_model.", "text_model.net.") if not key.startswith("text_projection") else key: each
            for key, each in _clip_text(weights, "text_model.", "text_projection.weight").items()
        }
    out |= found
    sigmoid = "logit_bias" in out
    config = TwoTowerConfig(
        image=image, text=text, image_projection=projection, text_projection=text_projection,
        projection_dim=described.dim, image_size=described.image_size,
        context=int(described.text.get("context_length", 77)), objective="sigmoid" if sigmoid else "softmax",
    )  # fmt: skip
    return TwoTower(config), out


def _image_tower(weights: Weights, described: Described, source: str) -> tuple[dict[str, Any], dict[str, Any], Weights]:
    """The tower's and its projection's configuration, and their tensors."""
    vision = described.vision
    if described.resnet:
        return _clip_resnet(weights, described, source)
    if "timm_model_name" not in vision:
        raise StartUnusable(source, "an open_clip ViT beside a foreign text encoder is not known here")
    arguments: dict[str, Any] = {"num_classes": 0}
    if vision.get("timm_pool"):
        arguments["global_pool"] = vision["timm_pool"]
    kind = vision.get("timm_proj", "linear") or "none"
    out = {
        key.replace("visual.trunk.", "vision_model.net."): each
        for key, each in weights.items()
        if key.startswith("visual.trunk.")
    }
    for key, each in weights.items():
        if key.startswith("visual.head."):
            name = key.removeprefix("visual.head.")
            out["visual_projection." + name.removeprefix("proj.").replace("mlp.fc1", "0").replace("mlp.fc2", "2")] = (
                each
            )
    if kind == "mlp":
        raise StartUnusable(source, "its image projection is an MLP of timm's, which is not known here")
    projection = {"kind": kind, "bias": bool(vision.get("timm_proj_bias", False))}
    return {"timm": vision["timm_model_name"], "arguments": arguments}, projection, out


def _clip_resnet(weights: Weights, described: Described, source: str) -> tuple[dict[str, Any], dict[str, Any], Weights]:
    import timm
    from timm.models.byobnet import checkpoint_filter_fn

    name = {(3, 4, 6, 3): "resnet50_clip", (3, 4, 23, 3): "resnet101_clip", (4, 6, 10, 6): "resnet50x4_clip"}.get(
        tuple(described.vision["layers"])
    )
    if name is None:
        raise StartUnusable(source, f"no known ResNet has stages of {described.vision['layers']} blocks")
    arguments: dict[str, Any] = {"num_classes": described.dim, "img_size": described.image_size}
    net: Any = timm.create_model(name, pretrained=False, **arguments)
    image = checkpoint_filter_fn({key: each for key, each in weights.items() if key.startswith("visual.")}, net)
    return {"timm": name, "arguments": arguments}, {"kind": "none"}, {
        f"vision_model.net.{key}": each for key, each in image.items()
    }  # fmt: skip


def _encoder_tower(
    weights: Weights, described: Described, encoder: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], Weights]:
    text = described.text
    pooling = {"mean_pooler": "mean", "cls_pooler": "pooler", "cls_last_hidden_state_pooler": "cls"}[
        text.get("hf_pooler_type", text.get("pooler_type", "mean_pooler"))
    ]
    kind = text.get("hf_proj_type", text.get("proj", "mlp")) or "none"
    out: Weights = {}
    for whole, each in weights.items():
        key = whole.removeprefix("text.")
        if key.startswith("transformer.pooler.") and pooling != "pooler":
            continue  # a pooler that nothing reads
        if whole.startswith("text.transformer."):
            out[key.replace("transformer.", "text_model.net.", 1)] = each
        elif whole.startswith("text.proj."):
            out[key.replace("proj.", "text_projection.", 1)] = each
        elif key in ("logit_scale", "logit_bias"):
            out[key] = each.reshape(())
        elif not whole.startswith("visual."):
            out[whole] = each
    projection = {"kind": kind}
    if kind == "mlp":
        projection["inner"] = len(out["text_projection.0.weight"])
    return {"config": encoder, "pooling": pooling}, projection, out
