"""What a step asks of a chip, and what the chip could do: for the share of its peak."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

# Dense tensor-core peaks as the makers print them: bf16, and float32 (TF32 products).
_PEAKS = {
    "A100": (312e12, 156e12),
    "H100": (989e12, 494e12),
    "H200": (989e12, 494e12),
    "L40S": (362e12, 183e12),
    "A10": (125e12, 62e12),
    "L4": (121e12, 60e12),
    "T4": (65e12, 8.1e12),
    "V100": (125e12, 15.7e12),
}


def flops_of(step: Callable[[], None]) -> int:
    """Floating-point operations of the products in one call, both passes."""
    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def peak_flops(device: str, bf16: bool) -> float | None:
    """Operations a second, None for a chip that is not in the list."""
    if not device.startswith("cuda"):
        return None
    name = torch.cuda.get_device_name().upper()
    found = [peaks for chip, peaks in _PEAKS.items() if chip in name]
    return found[0][0 if bf16 else 1] if found else None
