"""What an open_clip model is: its configuration where a folder has one, and the shapes of its tensors otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from journalclip_modeling.starts.errors import StartUnusable
from journalclip_modeling.starts.weights import Weights

HEAD = 64  # width of one attention head, in every tower of OpenAI's


@dataclass(frozen=True)
class Described:
    """open_clip's own words: ``vision`` and ``text`` are its ``vision_cfg`` and ``text_cfg``."""

    dim: int
    vision: dict[str, Any]
    text: dict[str, Any]
    quick_gelu: bool
    sigmoid: bool = False
    preprocess: dict[str, Any] = field(default_factory=dict)

    @property
    def image_size(self) -> int:
        size = self.vision.get("image_size", 224)
        return int(size[0] if isinstance(size, list | tuple) else size)

    @property
    def resnet(self) -> bool:
        return isinstance(self.vision.get("layers"), list | tuple)


def from_config(config: dict[str, Any]) -> Described:
    """Of ``open_clip_config.json``."""
    model = config["model_cfg"]
    return Described(
        dim=int(model["embed_dim"]),
        vision=model["vision_cfg"],
        text=model["text_cfg"],
        quick_gelu=bool(model.get("quick_gelu", False)),
        sigmoid=model.get("init_logit_bias") is not None,
        preprocess=config.get("preprocess_cfg", {}),
    )


def from_shapes(weights: Weights, quick_gelu: bool, source: str) -> Described:
    """Of a bare state dict in OpenAI's names; raises `StartUnusable` for any other."""
    if "visual.proj" not in weights and "visual.attnpool.c_proj.weight" not in weights:
        raise StartUnusable(
            source, "a bare weight file of an unknown model", "Put its open_clip_config.json beside it."
        )
    width = len(weights["ln_final.weight"])
    text = {
        "context_length": len(weights["positional_embedding"]), "vocab_size": len(weights["token_embedding.weight"]),
        "width": width, "heads": width // HEAD, "layers": _layers(weights, r"transformer\.resblocks\.(\d+)\."),
    }  # fmt: skip
    return Described(int(weights["text_projection"].shape[1]), _vision(weights), text, quick_gelu)


def _vision(weights: Weights) -> dict[str, Any]:
    if "visual.proj" in weights:
        patch = weights["visual.conv1.weight"].shape[-1]
        side = round((len(weights["visual.positional_embedding"]) - 1) ** 0.5)
        return {
            "width": len(weights["visual.class_embedding"]), "patch_size": patch, "image_size": side * patch,
            "layers": _layers(weights, r"visual\.transformer\.resblocks\.(\d+)\."), "head_width": HEAD,
        }  # fmt: skip
    depths = [_layers(weights, rf"visual\.layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4)]
    side = round((len(weights["visual.attnpool.positional_embedding"]) - 1) ** 0.5)
    width = weights["visual.layer1.0.conv1.weight"].shape[0]
    return {"layers": depths, "width": width, "image_size": side * 32, "patch_size": None}


def _layers(weights: Weights, pattern: str) -> int:
    return 1 + max((int(found[1]) for key in weights if (found := re.match(pattern, key))), default=-1)
