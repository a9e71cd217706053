"""The optimiser: which weights move, how fast each layer does, and how the rate runs over the steps."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from journalclip_training.config import OptimConfig, Trainable

_LAYER = re.compile(r"(?:^|\.)(?:layers|layer|stages|blocks)\.(\d+)\.")
# Built from the layers' inputs, so one step below the first layer.
_INPUT = ("embeddings", "pre_layrnorm", "embedder", "patch_embed", "pos_embed", "cls_token", "stem")
_ATTENTION = ("self_attn", ".attn.", ".attention.")  # in CLIP and SigLIP, in timm, in BERT and ViT
_COMMON = ("visual_projection.", "text_projection.", "logit_")
_TEXT = ("text",)  # what the text tower's parameters are called, whatever the family: text_model, text, text_projection


def rate(step: int, steps: int, config: OptimConfig) -> float:
    """Learning rate of ``step`` (from 0): linear warm-up, then down to ``final_lr * lr`` by a cosine or in stairs."""
    warmup = max(1, round(config.warmup * steps))
    if step < warmup:
        return config.lr * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    floor = config.final_lr * config.lr
    if config.schedule == "polynomial":
        stair = math.floor(progress * config.stairs + 1e-9)  # a whole number of steps may not round down a stair
        return floor + (config.lr - floor) * math.pow(1 - stair / config.stairs, config.power)
    return floor + (config.lr - floor) * 0.5 * (1 + math.cos(math.pi * progress))


def freeze(model: nn.Module, trainable: Trainable) -> None:
    """``attention`` leaves only attention, the projections into the common space, temperature and bias free,
    ``projections`` not even that attention; LoRA freezes by itself."""
    if trainable not in ("attention", "projections"):
        return
    for name, parameter in model.named_parameters():
        attends = trainable == "attention" and any(each in name for each in _ATTENTION)
        parameter.requires_grad_(attends or name.startswith(_COMMON))  # not a ViT's own patch_embeddings.projection


def adamw(model: nn.Module, extra: Mapping[str, Tensor], config: OptimConfig) -> torch.optim.AdamW:
    """AdamW over the trainable weights and ``extra`` scalars; each group holds ``factor``, its share of the rate.

    Vectors and scalars (norms, biases, temperature) are not decayed, as CLIP trains them.
    """
    depths = _depths(model)
    groups: dict[tuple[float, bool], list[Tensor]] = {}
    for name, parameter in [*model.named_parameters(), *extra.items()]:
        if parameter.requires_grad:
            factor = config.layer_decay ** depths.get(name, 0)
            if config.text_lr and name.startswith(_TEXT):
                factor *= config.text_lr / config.lr
            groups.setdefault((factor, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "factor": factor, "weight_decay": config.weight_decay if decayed else 0.0}
            for (factor, decayed), parameters in groups.items()
        ],
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        fused=True,
    )


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr * group["factor"]


def _depths(model: nn.Module) -> dict[str, int]:
    """How many layers lie between a weight and its tower's output; 0 for heads."""
    names = [name for name, _ in model.named_parameters()]
    layers: dict[str, int] = {}
    for name, number in _numbered(names):
        tower = name.partition(".")[0]
        layers[tower] = max(layers.get(tower, 0), number + 1)
    depths = {name: layers[name.partition(".")[0]] - number for name, number in _numbered(names)}
    for name in names:
        if any(part in name for part in _INPUT):
            depths[name] = layers.get(name.partition(".")[0], 0) + 1
    return depths


def _numbered(names: list[str]) -> Iterator[tuple[str, int]]:
    for name in names:
        if found := _LAYER.search(name):
            yield name, int(found[1])


class Average:
    """Exponential moving average of the trainable weights; ``decay`` 0 keeps none."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow: dict[str, Tensor] = (
            {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad} if decay else {}
        )

    def update(self, model: nn.Module, step: int) -> None:
        """Early steps are averaged over fewer, or the random start would linger."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in model.named_parameters():
            if name in self.shadow:
                self.shadow[name].lerp_(parameter.detach(), 1 - decay)

    def apply(self, model: nn.Module) -> None:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name in self.shadow:
                    parameter.copy_(self.shadow[name])

    @contextmanager
    def in_place(self, model: nn.Module) -> Iterator[None]:
        """The averaged weights for a while; then those that are trained, to the bit."""
        before = {name: each.detach().clone() for name, each in model.named_parameters() if name in self.shadow}
        self.apply(model)
        try:
            yield
        finally:
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if name in before:
                        parameter.copy_(before[name])


def gradient_norm(optimizer: torch.optim.Optimizer, clip: float) -> float:
    """Global norm before clipping to ``clip`` (0: no clipping)."""
    parameters: list[Any] = [p for group in optimizer.param_groups for p in group["params"]]
    return float(nn.utils.clip_grad_norm_(parameters, clip or math.inf))
