"""What a step asks of a chip, and what the chip could do: for the share of its peak."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from journalclip_training.gpus import known_gpu


def flops_of(step: Callable[[], None]) -> int:
    """Floating-point operations of the products in one call, both passes."""
    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def peak_flops(device: str, bf16: bool) -> float | None:
    """Operations a second, None for a chip that is not in the list."""
    if not device.startswith("cuda"):
        return None
    found = known_gpu(torch.cuda.get_device_name())
    return None if found is None else found.peak if bf16 else found.peak_float32
