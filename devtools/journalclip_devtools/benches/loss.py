"""``journalclip bench loss`` compares the soft loss in blocks with the naive form: memory, time, gradients.

Memory is the growth of the process's peak resident size, in bytes, during one evaluation of value and gradients.
Each form runs in a fresh process. The features and the inputs of the similarity are created before, so the figure is
the memory of the loss alone. For time, the two forms run in turns in one process, and a ratio is the median over the
rounds; so a busy machine disturbs both forms alike. Processor time (all threads) is given beside wall-clock time,
because it does not include the work of other processes.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from journalclip_shared.records.caption import CaptionRecord, Coded, Finding
from journalclip_training.config import LossConfig
from journalclip_training.losses import naive
from journalclip_training.losses.contrast import contrastive
from journalclip_training.losses.kernel import Kernel
from journalclip_training.similarity import CPU
from journalclip_training.similarity.mixed import TextKernels

SOFT = LossConfig(kind="soft", lam=0.3, alpha=0.5, tau_s=0.1, syntax="fields", semantic="hashing")
_GRADIENT_BATCH = 1024  # gradients are compared in float64, where the naive form must fit as well


@dataclass(frozen=True)
class LossBench:
    """Result of one bench. ``naive_*`` and the ratios are None if the naive form was not measured."""

    batch: int
    width: int
    chunked_bytes: int
    chunked_s: float
    chunked_cpu_s: float
    max_grad_error: float
    naive_bytes: int | None = None
    naive_s: float | None = None
    naive_cpu_s: float | None = None
    memory_ratio: float | None = None
    time_ratio: float | None = None
    cpu_time_ratio: float | None = None


def bench(batch: int, width: int, rounds: int = 3, with_naive: bool = True) -> LossBench:
    """Measure both forms. ``with_naive`` False: only the blocks, for matrices that do not fit in memory."""
    chunked_bytes, alone = measure_alone("chunked", batch, width)
    if not with_naive:
        return LossBench(batch, width, chunked_bytes, *alone, gradient_error(width))
    naive_bytes, _ = measure_alone("naive", batch, width)
    rounds_of = _times(batch, width, rounds)
    middle = [statistics.median(column) for column in zip(*rounds_of, strict=True)]
    naive_s, naive_cpu_s, chunked_s, chunked_cpu_s = middle
    return LossBench(
        batch=batch,
        width=width,
        chunked_bytes=chunked_bytes,
        chunked_s=chunked_s,
        chunked_cpu_s=chunked_cpu_s,
        max_grad_error=gradient_error(width),
        naive_bytes=naive_bytes,
        naive_s=naive_s,
        naive_cpu_s=naive_cpu_s,
        memory_ratio=chunked_bytes / naive_bytes,
        time_ratio=statistics.median(row[2] / row[0] for row in rounds_of),
        cpu_time_ratio=statistics.median(row[3] / row[1] for row in rounds_of),
    )


@dataclass(frozen=True)
class Inputs:
    """One batch's features and texts."""

    v: Tensor
    t: Tensor
    scale: Tensor
    kernel: Kernel

    def evaluate(self, form: str) -> tuple[Tensor, ...]:
        """Gradients of v, t and scale."""
        if form == "chunked":
            loss = contrastive(self.v, self.t, self.scale, self.kernel, SOFT.lam)
        else:
            similarity = self.kernel.tile(slice(0, len(self.v)))[0].to(self.v.dtype)
            loss = naive.soft(self.v, self.t, self.scale, naive.targets(similarity, SOFT.lam))
        return torch.autograd.grad(loss, (self.v, self.t, self.scale))


def inputs(batch: int, width: int, dtype: torch.dtype = torch.float32, device: torch.device = CPU) -> Inputs:
    """Random unit features, and captions drawn from a small vocabulary so that many are alike."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    words = [f"term{n}" for n in range(200)]
    chosen = rng.choice(words, (batch, 12))
    texts = [" ".join(row) for row in chosen]
    records = [
        CaptionRecord(
            findings=(Finding(term=str(row[0]), negated=bool(row[1] < "term2")),),
            modality=(Coded(term=str(row[2])[:6]),),
            anatomy=(Coded(term=str(row[3])), Coded(term=str(row[4]))),
        )
        for row in chosen
    ]
    kernel = TextKernels(SOFT, texts, records).at(np.arange(batch), device)
    v, t = (normalize(torch.randn(batch, width, dtype=dtype, device=device), dim=1).requires_grad_() for _ in range(2))
    return Inputs(v, t, torch.tensor(50.0, dtype=dtype, device=device, requires_grad=True), kernel)


def gradient_error(width: int) -> float:
    """Largest absolute difference of any gradient entry between the two forms, float64."""
    each = inputs(_GRADIENT_BATCH, width, torch.float64)
    pairs = zip(each.evaluate("chunked"), each.evaluate("naive"), strict=True)
    return max(float((ours - theirs).abs().max()) for ours, theirs in pairs)


def _times(batch: int, width: int, rounds: int) -> list[tuple[float, float, float, float]]:
    """For each round: wall-clock and processor seconds of the naive form, then of the blocks."""
    each = inputs(batch, width)
    for form in ("naive", "chunked"):
        each.evaluate(form)  # first touch of memory and of the thread pool
    return [(*_seconds(each, "naive"), *_seconds(each, "chunked")) for _ in range(rounds)]


def _seconds(each: Inputs, form: str) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    each.evaluate(form)
    return time.perf_counter() - clock, time.process_time() - processor


def measure_alone(form: str, batch: int, width: int) -> tuple[int, tuple[float, float]]:
    """`measure` in a fresh process. A used process reuses freed memory, so its peak would not grow."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, form, batch, width).result()


def measure(form: str, batch: int, width: int) -> tuple[int, tuple[float, float]]:
    """Bytes by which one evaluation raises this process's peak resident size, and its seconds. Linux only."""
    each = inputs(batch, width)
    inputs(64, width).evaluate(form)  # libraries load their workspaces on first use
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak to what is resident now
    before = _peak()
    seconds = _seconds(each, form)
    return _peak() - before, seconds


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
