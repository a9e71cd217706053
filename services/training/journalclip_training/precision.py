"""What towers compute in, and what half precision asks for: a scaled loss, so that small gradients do not round to 0.

bfloat16 has float32's range and needs nothing. float16 ends at 65,504 and loses what is below 6e-8: the loss is
multiplied before the backward pass, gradients are divided after it, and a step whose gradients overflowed is left out
while the factor halves. The factor and how long it has held are part of the checkpoint.
"""

from __future__ import annotations

import torch

from journalclip_training.config import Precision

_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
LEAST_SCALE = 1.0  # gradients that overflow unscaled are those of a run that diverges


def computing(device: str, precision: Precision) -> torch.autocast:
    """A context in which matrix products run in ``precision``; weights stay float32."""
    return torch.autocast(device, _TYPES.get(precision, torch.bfloat16), enabled=precision in _TYPES)


def loss_scaler(device: str, precision: Precision) -> torch.amp.GradScaler:
    """Without an effect unless ``precision`` is fp16."""
    return torch.amp.GradScaler(device, enabled=precision == "fp16")
