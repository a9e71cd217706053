"""GPUs by name, as their makers print them: what a recipe is sized for, and what a share of the peak is a share of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """Bytes of memory; dense operations a second of bf16 products, and of float32 (TF32) ones."""

    name: str
    memory: int
    peak: float
    peak_float32: float


A100 = Gpu("A100 80 GB", 80 * 10**9, 312e12, 156e12)

# The first whose key is a part of what PyTorch calls the device.
KNOWN = {
    "A100": A100,
    "H100": Gpu("H100 80 GB", 80 * 10**9, 989e12, 494e12),
    "H200": Gpu("H200 141 GB", 141 * 10**9, 989e12, 494e12),
    "L40S": Gpu("L40S 48 GB", 48 * 10**9, 362e12, 183e12),
    "A10": Gpu("A10 24 GB", 24 * 10**9, 125e12, 62e12),
    "L4": Gpu("L4 24 GB", 24 * 10**9, 121e12, 60e12),
    "T4": Gpu("T4 16 GB", 16 * 10**9, 65e12, 8.1e12),
    "V100": Gpu("V100 32 GB", 32 * 10**9, 125e12, 15.7e12),
}


def known_gpu(name: str) -> Gpu | None:
    """By PyTorch's name of the device; None for one that is not listed."""
    return next((gpu for key, gpu in KNOWN.items() if key in name.upper()), None)
