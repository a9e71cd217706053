"""``journalclip bench loss``: the soft loss in blocks against its printed form, memory, time and gradients.

Memory is the growth of the process's peak resident size over one value-and-gradient evaluation, each form in a fresh
process, features and their similarity's inputs already there: what the loss itself needs. Times alternate between the
forms in one process, and the ratio is the median of the pairs, so that a busy machine disturbs both alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
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
from journalclip_training.similarity.mixed import TextKernels

SOFT = LossConfig(kind="soft", lam=0.3, alpha=0.5, tau_s=0.1, syntax="fields", semantic="hashing")
_GRADIENT_BATCH = 1024  # gradients are compared in float64, where the naive form must fit as well


@dataclass(frozen=True)
class LossBench:
    """``naive_*`` is None where the naive form was left out as too large."""

    batch: int
    width: int
    chunked_bytes: int
    chunked_s: float
    max_grad_error: float
    naive_bytes: int | None = None
    naive_s: float | None = None
    memory_ratio: float | None = None
    time_ratio: float | None = None


def bench(batch: int, width: int, rounds: int = 3, with_naive: bool = True) -> LossBench:
    """Measure; ``with_naive`` False measures the blocks alone, for batches whose matrices would not fit."""
    chunked_bytes = _isolated_memory("chunked", batch, width)
    naive_bytes = _isolated_memory("naive", batch, width) if with_naive else None
    times = _times(batch, width, rounds, ("naive", "chunked") if with_naive else ("chunked",))
    chunked_s = statistics.median(times["chunked"])
    if not with_naive or naive_bytes is None:
        return LossBench(batch, width, chunked_bytes, chunked_s, gradient_error(width))
    ratios = [ours / theirs for ours, theirs in zip(times["chunked"], times["naive"], strict=True)]
    return LossBench(
        batch=batch,
        width=width,
        chunked_bytes=chunked_bytes,
        chunked_s=chunked_s,
        max_grad_error=gradient_error(width),
        naive_bytes=naive_bytes,
        naive_s=statistics.median(times["naive"]),
        memory_ratio=chunked_bytes / naive_bytes,
        time_ratio=statistics.median(ratios),
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
            similarity = self.kernel.log_weights(slice(0, len(self.v))).to(self.v.dtype)
            loss = naive.soft(self.v, self.t, self.scale, naive.targets(similarity, SOFT.lam))
        return torch.autograd.grad(loss, (self.v, self.t, self.scale))


def inputs(batch: int, width: int, dtype: torch.dtype = torch.float32) -> Inputs:
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
    kernel = TextKernels(SOFT, texts, records).at(torch.arange(batch), torch.device("cpu"))
    v, t = (normalize(torch.randn(batch, width, dtype=dtype), dim=1).requires_grad_() for _ in range(2))
    return Inputs(v, t, torch.tensor(50.0, dtype=dtype, requires_grad=True), kernel)


def gradient_error(width: int) -> float:
    """Largest absolute difference of any gradient entry between the two forms, float64."""
    each = inputs(_GRADIENT_BATCH, width, torch.float64)
    pairs = zip(each.evaluate("chunked"), each.evaluate("naive"), strict=True)
    return max(float((ours - theirs).abs().max()) for ours, theirs in pairs)


def _times(batch: int, width: int, rounds: int, forms: tuple[str, ...]) -> dict[str, list[float]]:
    each = inputs(batch, width)
    for form in forms:
        each.evaluate(form)  # first touch of memory and of the thread pool
    times: dict[str, list[float]] = {form: [] for form in forms}
    for _ in range(rounds):
        for form in forms:
            times[form].append(_seconds(lambda form=form: each.evaluate(form)))  # type: ignore[misc]
    return times


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _isolated_memory(form: str, batch: int, width: int) -> int:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(peak_growth, form, batch, width).result()


def peak_growth(form: str, batch: int, width: int) -> int:
    """Bytes by which one evaluation raises this process's peak resident size. Linux only."""
    each = inputs(batch, width)
    inputs(64, width).evaluate(form)  # libraries load their workspaces on first use
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak to what is resident now
    before = _peak()
    each.evaluate(form)
    return _peak() - before


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
