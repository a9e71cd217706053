"""The two trainers of the bench, each as one step over the same towers and tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_training.config import LossConfig, OptimConfig
from journalclip_training.losses.contrast import contrastive
from journalclip_training.optim import adamw, gradient_norm
from journalclip_training.step import Batch, backward
from journalclip_training.towers import Towers

CONTEXT = 77  # CLIP's and open_clip's default
VOCABULARY, START, END = 49408, 49406, 49407  # CLIP's tokenizer


@dataclass(frozen=True)
class Side:
    """One trainer, ready to step."""

    step: Callable[[], None]
    parameters: int
    state_bytes: int  # weights, gradients and two moments in float32


def tokens(batch: int, context: int, middle: int) -> NDArray[np.int64]:
    """Texts [batch, context] of about ``middle`` tokens (``context``: all full), ended and padded with zeros."""
    rng = np.random.default_rng(0)
    out = rng.integers(1000, START, (batch, context))
    lengths = np.full(batch, context) if middle >= context else rng.gamma(4, middle / 4, batch).astype(np.int64)
    for row, length in zip(out, lengths.clip(8, context), strict=True):
        row[0], row[length - 1], row[length:] = START, END, 0
    return out


def our_side(sizes: ScratchConfig, device: str, ids: NDArray[np.int64], bf16: bool) -> Side:
    return our_step(CLIPModel(_clip_config(sizes)), sizes.image_size, ids, device, bf16)


def our_step(model: Any, size: int, ids: NDArray[np.int64], device: str, bf16: bool) -> Side:
    """``model`` of any family, for pictures of ``size`` pixels and texts [batch, context]."""
    model, (batch, context) = model.to(device).train(), ids.shape
    towers = Towers(model, Preprocess(size), "bf16" if bf16 else "float32")
    optimizer = adamw(model, {}, OptimConfig(weight_decay=0.2))
    longest = -(-int((ids > 0).sum(1).max()) // 8) * 8  # what `Tokens` does
    every = Batch(
        torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8),
        torch.from_numpy(ids[:, : min(longest, context)]),
        torch.rand(batch, 8),
    )
    cap = LossConfig().max_scale

    def embed(part: Batch) -> tuple[Tensor, Tensor]:
        v, t = towers(part.pixels, part.ids, part.chance)
        return v, t

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        on_device = Batch(every.pixels.to(device), every.ids.to(device), every.chance.to(device))
        backward(embed, lambda v, t: contrastive(v, t, model.logit_scale.exp().clamp(max=cap)), on_device, 0)
        gradient_norm(optimizer, 1.0)
        optimizer.step()

    return _side(step, model)


def open_clip_side(sizes: ScratchConfig, device: str, ids: NDArray[np.int64], bf16: bool) -> Side:
    import open_clip

    model = open_clip.model.CLIP(
        embed_dim=sizes.dim,
        vision_cfg=open_clip.CLIPVisionCfg(
            layers=sizes.layers,
            width=sizes.width,
            head_width=sizes.width // sizes.heads,
            patch_size=sizes.patch_size,
            image_size=sizes.image_size,
        ),
        text_cfg=open_clip.CLIPTextCfg(
            context_length=sizes.context,
            vocab_size=VOCABULARY,
            width=sizes.width,
            heads=sizes.heads,
            layers=sizes.layers,
        ),
        quick_gelu=True,
    )
    return open_clip_step(model, sizes.image_size, ids, device, bf16)


def open_clip_step(model: Any, size: int, ids: NDArray[np.int64], device: str, bf16: bool) -> Side:
    """As open_clip's own training loop steps, with its loss and optimiser settings."""
    import open_clip

    model = model.to(device).train()
    loss = open_clip.ClipLoss()
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    rest = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": rest, "weight_decay": 0.0}, {"params": decayed, "weight_decay": 0.2}]
    optimizer = torch.optim.AdamW(groups, lr=5e-4, betas=(0.9, 0.98), eps=1e-6)
    pixels = torch.rand(len(ids), 3, size, size)  # its loader hands over floats
    texts = torch.from_numpy(ids)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=bf16):
            v, t, scale = model(pixels.to(device), texts.to(device))[:3]
            value = loss(v, t, scale)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, np.log(100))

    return _side(step, model)


def _clip_config(sizes: ScratchConfig) -> CLIPConfig:
    tower = {
        "hidden_size": sizes.width,
        "intermediate_size": 4 * sizes.width,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
    }
    text = {"vocab_size": VOCABULARY, "max_position_embeddings": sizes.context, "eos_token_id": END}
    vision = {"image_size": sizes.image_size, "patch_size": sizes.patch_size}
    return CLIPConfig(text_config={**tower, **text}, vision_config={**tower, **vision}, projection_dim=sizes.dim)


def _side(step: Callable[[], None], model: torch.nn.Module) -> Side:
    count = sum(parameter.numel() for parameter in model.parameters())
    return Side(step, count, 16 * count)
