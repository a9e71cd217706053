"""Towers that do not move: every picture and text goes through them once, and the steps train the projections alone.

What a locked tower makes of a picture is the same at every step, so it is computed before the first one and kept, a
row a pair (24,000 pairs of 1,280 numbers: 123 MB). A run of many epochs then costs little more than one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from journalclip_modeling.preprocess import Preprocess
from journalclip_training.batches import Indices
from journalclip_training.config import Precision, TrainConfig
from journalclip_training.errors import SettingInvalid
from journalclip_training.pictures import Pictures
from journalclip_training.pooled import image_vectors, text_vectors
from journalclip_training.precision import computing
from journalclip_training.samples import Tokens

PROJECTIONS = ("visual_projection", "text_projection")
_AT_ONCE = 32


def check_locked(model: nn.Module, config: TrainConfig) -> None:
    """Raises `SettingInvalid` where a tower has no projection to train, or where its pictures would vary by step."""
    for name in PROJECTIONS:
        if not any(True for _ in getattr(model, name, nn.Identity()).parameters()):
            raise SettingInvalid("model.trainable=projections", f"this model has no {name} with weights")
    for key, value in (("data.augment", config.data.augment), ("model.patch_dropout", config.model.patch_dropout)):
        if value:
            raise SettingInvalid(f"{key}={value}", "locked towers see each picture once; set it to 0")


@dataclass(frozen=True)
class Rows:
    """What a locked tower made of each picture or text, float32 [N, width]; stands in for both in a feed."""

    rows: Tensor
    share_cut: float = 0.0

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: Indices) -> Tensor:
        return self.rows[torch.from_numpy(indices)]


class Projections(nn.Module):
    """In place of `Towers`: rows of `Rows` in, unit vectors out."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.visual, self.text = model.visual_projection, model.text_projection

    def forward(self, images: Tensor, texts: Tensor, chance: Tensor, strength: float = 0.0) -> tuple[Tensor, Tensor]:
        del chance, strength
        normalize = torch.nn.functional.normalize
        return normalize(self.visual(images), dim=-1), normalize(self.text(texts), dim=-1)


def locked_pictures(model: PreTrainedModel, preprocess: Preprocess, pictures: Pictures, precision: Precision) -> Rows:
    """Every picture through the image tower, up to its projection."""

    def run(rows: Indices, device: torch.device) -> Tensor:
        return image_vectors(model, preprocess.normalise(pictures.batch(rows).to(device)))

    return Rows(_before(model, "visual_projection", np.arange(len(pictures), dtype=np.int64), run, precision))


def locked_texts(model: PreTrainedModel, texts: Tokens, precision: Precision) -> Rows:
    """Every text through the text tower, up to its projection; those of like length together."""

    def run(rows: Indices, device: torch.device) -> Tensor:
        return text_vectors(model, texts.batch(rows).to(device))

    order = np.argsort(texts.lengths, kind="stable").astype(np.int64)
    return Rows(_before(model, "text_projection", order, run, precision), texts.share_cut)


def _before(
    model: PreTrainedModel,
    name: str,
    order: Indices,
    run: Callable[[Indices, torch.device], Tensor],
    precision: Precision,
) -> Tensor:
    """What module ``name`` is given for each row, when ``run`` is asked for the rows in ``order``."""
    device, training = next(model.parameters()).device, model.training
    found: list[Tensor] = []
    model.eval()
    with _seen(getattr(model, name), found), torch.no_grad(), computing(device.type, precision):
        for start in range(0, len(order), _AT_ONCE):
            run(order[start : start + _AT_ONCE], device)
    model.train(training)
    rows = torch.cat(found)
    out = torch.empty_like(rows)
    out[torch.from_numpy(order)] = rows
    return out


@contextmanager
def _seen(module: nn.Module, into: list[Tensor]) -> Iterator[None]:
    def keep(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        into.append(inputs[0].float().cpu())

    handle = module.register_forward_pre_hook(keep)
    try:
        yield
    finally:
        handle.remove()
