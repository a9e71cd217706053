"""Muon for the layers' matrices, AdamW for everything else, stepped and saved as one.

Muon (Jordan 2024, https://kellerjordan.github.io/posts/muon) replaces a matrix's averaged gradient by the nearest
orthogonal matrix, found by five Newton-Schulz steps. ``torch.optim.Muon`` takes them in bfloat16, which a CPU without
bfloat16 units emulates: 1.08 s a step here, more than the model itself. In float32, matrices of one shape stacked, they
take 0.08 s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import torch
from torch import Tensor, nn

_COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)  # of the quintic step, as published
_STEPS: Final = 5
_OTHERS: Final = (
    0.5  # the rate of what is no matrix, in units of the rate: embeddings start out related, and stay so longer
)
_MOMENTUM: Final = 0.95
_RMS: Final = 0.2  # an update's root mean square in units of the rate, as AdamW's usually is: one rate serves both


class Muon(torch.optim.Optimizer):
    """Two-dimensional parameters only. Nesterov momentum, decoupled weight decay."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure: nothing here needs one
        for group in self.param_groups:
            alike: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike[parameter.shape].append(parameter)
            for parameters in alike.values():
                directions = orthogonal(torch.stack([self._smoothed(each) for each in parameters]))
                scale = _RMS * max(directions.shape[-2:]) ** 0.5 * group["lr"]
                for parameter, direction in zip(parameters, directions, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(direction, alpha=-scale)

    def _smoothed(self, parameter: nn.Parameter) -> Tensor:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum: Tensor = state["momentum"]
        momentum.lerp_(gradient, 1 - _MOMENTUM)
        return gradient.lerp(momentum, _MOMENTUM)


def orthogonal(matrices: Tensor) -> Tensor:
    """Singular values of each matrix [..., rows, columns] brought near one (0.7 to 1.2), singular vectors kept."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Both:
    """`Muon` for ``matrices``, AdamW for ``others``."""

    def __init__(
        self, matrices: Iterable[nn.Parameter], others: Iterable[nn.Parameter], lr: float, weight_decay: float
    ) -> None:
        self.muon = Muon(matrices, lr, weight_decay)
        self.adam = torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.98), weight_decay=0.0, foreach=True)

    def step(self, learning_rate: float) -> None:
        """Update and forget the gradients."""
        optimizers: tuple[torch.optim.Optimizer, ...] = (self.muon, self.adam)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * (1.0 if optimizer is self.muon else _OTHERS)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
