"""The machine that is there: which device a run takes, and a sentence about it.

A device is no part of a model's id: it changes how long a run takes and the order of its sums.
"""

from __future__ import annotations

import os

import torch

from journalclip_shared.errors import PermanentError

AUTO = "auto"


class DeviceMissing(PermanentError):
    """A device that PyTorch does not know or does not see."""

    def __init__(self, device: str, reason: str) -> None:
        super().__init__("device-missing", f"device {device}: {reason}", "Take `auto`, `cpu`, `cuda` or `cuda:N`.")


def resolved(device: str) -> str:
    """``auto`` is the first GPU that PyTorch sees, or the CPU. Raises `DeviceMissing` for what is not there."""
    if device == AUTO:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        asked = torch.device(device)
    except RuntimeError as error:
        raise DeviceMissing(device, str(error).splitlines()[0]) from error
    if asked.type == "cuda" and (asked.index or 0) >= torch.cuda.device_count():
        raise DeviceMissing(device, f"PyTorch sees {torch.cuda.device_count()} GPUs")
    return device


def describe(device: str) -> str:
    """For the first line of a run."""
    if torch.device(device).type == "cuda":
        found = torch.cuda.get_device_properties(torch.device(device))
        return f"device: {found.name}, {found.total_memory / 2**30:.0f} GiB"
    return f"device: the CPU, {torch.get_num_threads()} threads of {os.cpu_count()} cores"
