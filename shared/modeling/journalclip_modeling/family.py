"""What a model folder may hold, and the few questions whose answer differs by family.

Families: CLIP (and CLIP with a ResNet), SigLIP and SigLIP 2, MetaCLIP 2, and two towers joined. Everything else is
asked of the model itself, by the methods that all of them have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import CLIPModel, MetaClip2Model, PreTrainedModel, SiglipModel

from journalclip_modeling import resnet, two_tower

FAMILIES: dict[str, type[PreTrainedModel]] = {
    "clip": CLIPModel,
    resnet.MODEL_TYPE: resnet.ResNetClip,
    "siglip": SiglipModel,
    "metaclip_2": MetaClip2Model,
    two_tower.MODEL_TYPE: two_tower.TwoTower,
}
# Positions that transformers counts for itself: older folders hold them, newer ones do not.
_COUNTED = ("position_ids",)


@dataclass(frozen=True)
class Learned:
    """What a model's scores mean: ``softmax`` over texts, or ``sigmoid`` of each pair with a learnt bias."""

    kind: Literal["softmax", "sigmoid"]
    log_scale: float
    bias: float | None


def load_model(folder: Path | str, local: bool = True) -> PreTrainedModel:
    """A folder's (or, not ``local``, a hub name's) model, float32, every weight accounted for.

    Raises ValueError that names what is missing, unexpected or of another shape, and what kind is unknown; OSError.
    """
    kind = _kind(folder, local)
    model, report = FAMILIES[kind].from_pretrained(
        folder, local_files_only=local, use_safetensors=True, dtype="float32", output_loading_info=True,
        ignore_mismatched_sizes=True,
    )  # fmt: skip
    complain(report)
    return model


def complain(report: dict[str, Any]) -> None:
    """Raise ValueError for weights that are missing, unexpected or mismatched, by name."""
    for word in ("missing", "unexpected", "mismatched"):
        names = sorted(each if isinstance(each, str) else str(each[0]) for each in report[f"{word}_keys"])
        names = [name for name in names if not name.endswith(_COUNTED)]
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(f"{word} weights: {', '.join(names[:3])}{more}")


def context_length(model: PreTrainedModel) -> int:
    """Tokens that the text tower sees at most."""
    own = getattr(model.config, "context", None)
    return int(own if own is not None else model.config.text_config.max_position_embeddings)


def image_size(model: PreTrainedModel) -> int:
    own = getattr(model.config, "image_size", None)
    return int(own if own is not None else model.config.vision_config.image_size)


def vector_size(model: PreTrainedModel) -> int:
    """Width of the space that pictures and texts share."""
    if isinstance(model, SiglipModel):
        return int(model.config.text_config.projection_size)
    return int(model.config.projection_dim)


def fixed_length(model: PreTrainedModel) -> bool:
    """Whether every text is padded to the whole context, without a mask, as SigLIP was trained."""
    return isinstance(model, SiglipModel)


def learned(model: PreTrainedModel) -> Learned:
    """What the folder says of its objective; a CLIP tuned with a sigmoid keeps its bias in config.json."""
    scale = float(model.logit_scale.detach().reshape(()))
    bias = getattr(model, "logit_bias", None)
    if isinstance(bias, torch.Tensor):
        return Learned("sigmoid", scale, float(bias.detach().reshape(())))
    stored = getattr(model.config, "journalclip_logit_bias", None)
    return Learned("softmax" if stored is None else "sigmoid", scale, stored)


def keep_bias(model: PreTrainedModel, bias: torch.Tensor | None) -> None:
    """Leave a bias that was learnt beside ``model`` in its folder; None: the model's objective is a softmax."""
    held = getattr(model, "logit_bias", None)
    if isinstance(held, torch.Tensor):
        if bias is not None:
            with torch.no_grad():
                held.fill_(bias.detach().item())
    elif bias is not None or hasattr(model.config, "journalclip_logit_bias"):
        model.config.journalclip_logit_bias = None if bias is None else bias.detach().item()


def _kind(folder: Path | str, local: bool) -> str:
    if local:
        kind = json.loads((Path(folder) / "config.json").read_text()).get("model_type", "nothing")
    else:
        from transformers import AutoConfig

        kind = AutoConfig.from_pretrained(folder).model_type
    if kind not in FAMILIES:
        raise ValueError(f"its model type is {kind!r}; known: {', '.join(sorted(FAMILIES))}")
    return str(kind)
