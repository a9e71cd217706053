"""A training run's state on disk: one safetensors file with JSON metadata, no pickle, replaced atomically.

A step depends on the weights, the optimiser's moments and the step number. Batches and augmentations are functions of
seed and step. So a run that resumes from a checkpoint computes the same as a run without a break.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from journalclip_training.errors import CheckpointMismatch
from journalclip_training.optim import Average
from journalclip_training.validation import Best, Validated


@dataclass(frozen=True)
class Point:
    """One step of the loss curve."""

    step: int
    loss: float
    lr: float
    scale: float
    gradient_norm: float


@dataclass
class State:
    """The objects that training changes."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: Average
    extra: dict[str, Tensor]
    best: Best
    scaler: torch.amp.GradScaler


@dataclass(frozen=True)
class Saved:
    """A run's progress: steps done, loss curve and validations."""

    step: int
    curve: tuple[Point, ...]
    history: tuple[Validated, ...] = ()
    facts: dict[str, float] = field(default_factory=dict)  # of the training set


def save(path: Path, state: State, saved: Saved, digest: str) -> None:
    """Write the checkpoint of the run whose configuration has ``digest``.

    If the process is killed, ``path`` holds the whole old checkpoint or the whole new one.
    """
    tensors = {f"model.{n}": p.detach() for n, p in state.model.named_parameters() if p.requires_grad}
    tensors |= {f"buffer.{n}": b for n, b in _buffers(state.model).items()}
    tensors |= {f"extra.{n}": p.detach() for n, p in state.extra.items()}
    tensors |= {f"average.{n}": p for n, p in state.average.shadow.items()}
    tensors |= {f"best.{n}": p for n, p in state.best.weights.items()}
    tensors |= _moments(state.optimizer)
    meta = {
        "step": str(saved.step), "digest": digest, "curve": json.dumps([asdict(p) for p in saved.curve]),
        "history": json.dumps([asdict(each) for each in saved.history]), "facts": json.dumps(saved.facts),
        "scaler": json.dumps(state.scaler.state_dict()),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, meta)
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(path)


def load(path: Path, state: State, digest: str) -> Saved | None:
    """Copy the checkpoint into ``state``; return its progress, None without a file. Raises `CheckpointMismatch`."""
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as handle:
            meta = handle.metadata()
        tensors = load_file(path)
    except SafetensorError as error:
        raise CheckpointMismatch(str(path), str(error)) from error
    if meta.get("digest") != digest:
        raise CheckpointMismatch(str(path), "written by another configuration")
    with torch.no_grad():
        for name, parameter in state.model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(tensors[f"model.{name}"])
        for name, buffer in _buffers(state.model).items():
            buffer.copy_(tensors[f"buffer.{name}"])
        for name, learnt in state.extra.items():
            learnt.copy_(tensors[f"extra.{name}"])
        for name, shadow in state.average.shadow.items():
            shadow.copy_(tensors[f"average.{name}"])
    _restore_moments(state.optimizer, tensors)
    saved = _saved(meta)
    kept = {name.removeprefix("best."): each for name, each in tensors.items() if name.startswith("best.")}
    state.best.history, state.best.weights = saved.history, kept
    if scaler := json.loads(meta["scaler"]):
        state.scaler.load_state_dict(scaler)
    return saved


def _buffers(model: nn.Module) -> dict[str, Tensor]:
    """Tensors that change during training but are not parameters: statistics of batch normalisation."""
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    return {name: each for name, each in model.state_dict(keep_vars=True).items() if name not in parameters}


def read_progress(path: Path) -> Saved:
    """A checkpoint's progress, read without its tensors."""
    with safe_open(path, "pt") as handle:
        return _saved(handle.metadata())


def _saved(meta: Mapping[str, str]) -> Saved:
    return Saved(
        int(meta["step"]),
        tuple(Point(**point) for point in json.loads(meta["curve"])),
        tuple(Validated(**each) for each in json.loads(meta["history"])),
        json.loads(meta["facts"]),
    )


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _moments(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"optimizer.{i}.{key}": value
        for i, parameter in enumerate(_parameters(optimizer))
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def _restore_moments(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = _parameters(optimizer)
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part == "optimizer":
            number, _, key = rest.partition(".")
            state: dict[str, Any] = optimizer.state[parameters[int(number)]]
            state[key] = tensor.to(parameters[int(number)].device)
