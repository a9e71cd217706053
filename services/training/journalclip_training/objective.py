"""From vectors to the loss of a configuration: the one place that knows every kind by name."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from journalclip_training.batches import Indices
from journalclip_training.config import LossConfig
from journalclip_training.losses.contrast import contrastive
from journalclip_training.losses.kernel import Groups, Kernel
from journalclip_training.losses.process_group import ProcessGroup, Single
from journalclip_training.losses.published import LAM, mean_entropy, selip
from journalclip_training.losses.sigmoid import siglip
from journalclip_training.samples import Samples
from journalclip_training.similarity.mixed import TextKernels

SIGLIP_BIAS = -10.0  # where SigLIP starts it: nearly all cells of a batch are negatives


class Objective:
    """The loss over one training set; ``extra`` holds what it learns beside the towers."""

    def __init__(
        self,
        config: LossConfig,
        samples: Samples,
        world: ProcessGroup | None = None,
        cache: Path | None = None,
        bias: float | None = None,
    ) -> None:
        """``bias``: what the start learnt; None: it has none, and a sigmoid's begins where SigLIP began."""
        self.config = config
        self.world = world or Single()
        self.extra: dict[str, Tensor] = {}
        self._groups = samples.figures() if config.kind == "multi_positive" else None
        self._texts: TextKernels | None = None
        if config.kind in ("soft", "medclip", "sat", "selip") and self._lam:
            self._texts = TextKernels(config, samples.texts, [pair.record for pair in samples.pairs], cache)
        if config.kind == "siglip":
            self.extra["bias"] = torch.tensor(SIGLIP_BIAS if bias is None else bias, requires_grad=True)

    def __call__(self, v: Tensor, t: Tensor, log_scale: Tensor, batch: Indices) -> Tensor:
        """Scalar; v and t are this rank's slice of the global ``batch``."""
        scale = log_scale.exp().clamp(max=self.config.max_scale)
        if self.config.kind == "siglip":
            return siglip(v, t, scale, self.extra["bias"], self.world)
        return soft_contrast(self.config, v, t, scale, self._kernel(batch, v.device), self.world)

    @property
    def _lam(self) -> float:
        return lam_of(self.config)

    def _kernel(self, batch: Indices, device: torch.device) -> Kernel | None:
        if self._groups is not None:
            return Groups(self._groups[torch.from_numpy(batch)].to(device))
        return None if self._texts is None else self._texts.at(batch, device)

    def entropy(self, batch: Indices) -> dict[str, float]:
        """``target_entropy`` of one global batch in nats, before `lam` mixes the pair itself in; {} without such."""
        kernel = self._kernel(batch, torch.device("cpu"))
        return {} if kernel is None else {"target_entropy": mean_entropy(kernel, len(batch))}

    def cap(self, log_scale: Tensor) -> None:
        """Keep the temperature within its bounds, in place."""
        with torch.no_grad():
            log_scale.clamp_(0.0, math.log(self.config.max_scale))


def lam_of(config: LossConfig) -> float:
    """Weight of the softened target."""
    return {"clip": 0.0, "soft": config.lam, "selip": LAM}.get(config.kind, 1.0)


def soft_contrast(
    config: LossConfig, v: Tensor, t: Tensor, scale: Tensor, kernel: Kernel | None, world: ProcessGroup | None = None
) -> Tensor:
    """Every softmax kind: the contrast of unit vectors v, t under the targets of ``kernel``."""
    if config.kind == "selip" and kernel is not None:
        return selip(v, t, scale, kernel, world)
    return contrastive(v, t, scale, kernel, lam_of(config), world)
