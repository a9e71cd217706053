"""What a step of a recipe needs, counted without data, weights or a GPU: bytes at the peak, and operations.

The step is the task's own (`example_steps`), on fake ``cpu`` tensors: forward and backward of one micro-batch under
bf16 where the recipe asks for it, the loss of the whole batch, and the optimiser's update. Every storage is counted
from its making to its end, so the peak holds weights, gradients, moments and whatever the backward pass keeps. Hours
are an estimate from the counted operations, an accelerator's printed peak and an assumed share of it; they are no
measurement.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.flop_counter import FlopCounterMode

from journalclip_training.batches import Order
from journalclip_training.config import OptimConfig, RunConfig
from journalclip_training.example_steps import ExampleStep, example_step, fake
from journalclip_training.fit import order_of, steps_of
from journalclip_training.gpus import Gpu
from journalclip_training.optim import Average, adamw, gradient_norm
from journalclip_training.recipes import RECIPES, article_config, study_config
from journalclip_training.step import backward

SHARE_OF_PEAK = 0.35  # assumed: what well-tuned CLIP training reaches on such chips; ours is not measured yet


@dataclass(frozen=True)
class Footprint:
    """One step on one device. ``peak_bytes`` includes weights, gradients, moments and activations."""

    batch: int
    micro: int
    parameters: int
    trainable: int
    peak_bytes: int
    operations: int  # floating-point operations of one whole step

    def seconds(self, gpu: Gpu) -> float:
        """Estimated, of one step."""
        return self.operations / (SHARE_OF_PEAK * gpu.peak)

    def fits(self, gpu: Gpu) -> bool:
        return self.peak_bytes <= gpu.memory


def footprint(config: RunConfig) -> Footprint:
    """Raises as `example_step`."""
    return counted(example_step(config, "cpu"))


def counted(step: ExampleStep) -> Footprint:
    """Runs ``step``, which is on fake ``cpu`` tensors, and its update."""
    rounds = -(-len(step.batch) // len(step.part))
    task, optim = step.task, step.optim
    trainable = [each for each in task.model.parameters() if each.requires_grad]
    with fake(), _counted(task.model) as (peak, counter):
        average = Average(task.model, optim.ema)
        if rounds == 1:
            backward(task.embed, task.loss(0, step.batch), step.batch, 0)
            operations = counter.get_total_flops()
        else:
            operations = _in_parts(step, rounds, counter)
        optimizer = adamw(task.model, task.extra, optim)
        for group in optimizer.param_groups:
            group["fused"] = False  # the fused kernel knows no fake tensors; its moments are the same
        gradient_norm(optimizer, optim.clip)
        optimizer.step()
        del average
    return Footprint(
        batch=len(step.batch),
        micro=len(step.part),
        parameters=sum(each.numel() for each in task.model.parameters()),
        trainable=sum(each.numel() for each in trainable),
        peak_bytes=peak.most,
        operations=operations,
    )


def _in_parts(step: ExampleStep, rounds: int, counter: FlopCounterMode) -> int:
    """Operations of a step by cached representations, of which one micro-batch of ``rounds`` runs.

    Vectors of the whole batch, its loss and their gradients are there as in training (`step.backward`); here the loss
    runs while the micro-batch's graph is held, so the peak counts a little more than training has.
    """
    found = step.task.embed(step.part)
    once = counter.get_total_flops()
    vectors = [
        torch.cat([each.detach()] * rounds)[: len(each) * len(step.batch) // len(step.part)].requires_grad_()
        for each in found
    ]
    step.task.loss(0, step.batch)(*vectors).backward()  # type: ignore[no-untyped-call]
    contrast = counter.get_total_flops() - once
    gradients = [torch.zeros_like(each) if v.grad is None else v.grad[: len(each)]
                 for each, v in zip(found, vectors, strict=True)]  # fmt: skip
    torch.autograd.backward(found, gradients)
    down = counter.get_total_flops() - once - contrast
    return (2 * once + down) * rounds + contrast


class _Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]  # of its __init_subclass__
    """Bytes of all storages that live, and the most there were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live: dict[int, int] = {}
        self.now = self.most = 0

    def see(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self.live:
            self.live[key] = storage.nbytes()
            self.now += self.live[key]
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self.live.pop(key)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        tree_map_only(Tensor, self.see, out)
        return out


@contextmanager
def _counted(model: nn.Module) -> Iterator[tuple[_Peak, FlopCounterMode]]:
    """Peak and operations of what runs inside, weights included."""
    peak, operations = _Peak(), FlopCounterMode(display=False)
    for each in [*model.parameters(), *model.buffers()]:
        peak.see(each)
    with operations, peak:
        yield peak, operations


def estimate(recipe: str, settings: Sequence[str], pairs: int) -> tuple[Footprint, int]:
    """The footprint of a recipe of figures or of studies by name, and its steps over ``pairs``.

    A batch is never larger than the dataset. Raises `RecipeUnknown`, `SettingInvalid`, `BaseUnavailable`.
    """
    found = RECIPES.get(recipe)
    if found is not None and found.kind == "studies":
        study = study_config(recipe, settings)
        study = replace(study, optim=_capped(study.optim, pairs))
        return footprint(study), steps_of(Order(pairs, study.optim.batch, study.seed), study.optim)
    figures = article_config(recipe, settings)
    figures = replace(figures, optim=_capped(figures.optim, pairs))
    return footprint(figures), steps_of(order_of(figures, pairs), figures.optim)


def _capped(config: OptimConfig, pairs: int) -> OptimConfig:
    return replace(config, batch=min(config.batch, pairs), micro_batch=min(config.micro_batch, pairs))
