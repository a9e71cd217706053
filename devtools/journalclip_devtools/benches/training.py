"""``journalclip bench training``: our step against open_clip's on the same towers, batch and device; and the loaders.

Both towers have the same sizes, vocabulary and number of weights, and see the same token numbers; each trainer brings
its own step: forward, loss, backward, clipped gradients, AdamW, bounded temperature. Ours starts from uint8 pixels and
normalises them, open_clip's from floats that are ready. `ratio` is for texts that fill the context, where neither can
skip a token; `ratio_captions` for texts as long as captions are, which open_clip pads to the context and we to the
batch's longest. Steps alternate and a ratio is the median of the pairs, so that a busy machine disturbs both alike;
`cpu_ratio` counts processor time, which does not include what others took.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from journalclip_devtools.benches.chip import flops_of, peak_flops
from journalclip_devtools.benches.loaders import loader_rates
from journalclip_devtools.benches.trainers import CONTEXT, Side, open_clip_side, our_side, tokens
from journalclip_modeling.scratch_config import ScratchConfig

__all__ = ["CONTEXT", "TrainingBench", "bench"]

CAPTION_TOKENS = 38  # a batch's longest is near 64: the middle half of captions of journal figures has 25 to 60


@dataclass(frozen=True)
class TrainingBench:
    """Rates are of samples or images a second; ``*_share`` is the share of the chip's peak, None where not known."""

    batch: int
    image_size: int
    patch_size: int
    width: int
    layers: int
    device: str
    precision: str
    parameters: int
    open_clip_parameters: int
    samples_per_s: float
    open_clip_samples_per_s: float
    ratio: float
    cpu_ratio: float
    ratio_captions: float
    loader_images_per_s: float
    originals_images_per_s: float
    originals_jpeg_images_per_s: float
    loader_ratio: float
    loader_ratio_jpeg: float
    peak_bytes: int | None = None
    open_clip_peak_bytes: int | None = None
    peak_share: float | None = None
    open_clip_peak_share: float | None = None


def bench(
    batch: int, steps: int, sizes: ScratchConfig, device: str = "cpu", images: int = 48, bf16: bool = False
) -> TrainingBench:
    """Measure; ``sizes.context`` is what both text towers have positions for, ``steps`` how many pairs are timed."""
    full = tokens(batch, sizes.context, sizes.context)
    ours, theirs = our_side(sizes, device, full, bf16), open_clip_side(sizes, device, full, bf16)
    pairs = _alternate(ours.step, theirs.step, steps, device)
    memory = [_peak(side, device) for side in (ours, theirs)]
    flops = flops_of(theirs.step) if device.startswith("cuda") else None
    counted = ours.parameters, theirs.parameters
    samples_per_s, open_clip_samples_per_s = (batch / statistics.median(p[i] for p in pairs) for i in (0, 2))
    peak = peak_flops(device, bf16)
    shares = [
        flops * rate / batch / peak if flops and peak else None for rate in (samples_per_s, open_clip_samples_per_s)
    ]
    del ours, theirs  # a GPU may not hold two of each
    short = tokens(batch, sizes.context, CAPTION_TOKENS)
    ours, theirs = our_side(sizes, device, short, bf16), open_clip_side(sizes, device, short, bf16)
    captions = _alternate(ours.step, theirs.step, steps, device)
    rates = loader_rates(images, sizes.image_size)
    return TrainingBench(
        batch=batch,
        image_size=sizes.image_size,
        patch_size=sizes.patch_size,
        width=sizes.width,
        layers=sizes.layers,
        device=torch.cuda.get_device_name() if device.startswith("cuda") else "cpu",
        precision="bf16" if bf16 else "float32",
        parameters=counted[0],
        open_clip_parameters=counted[1],
        samples_per_s=samples_per_s,
        open_clip_samples_per_s=open_clip_samples_per_s,
        ratio=statistics.median(p[2] / p[0] for p in pairs),
        cpu_ratio=statistics.median(p[3] / p[1] for p in pairs),
        ratio_captions=statistics.median(p[2] / p[0] for p in captions),
        loader_images_per_s=rates.shards,
        originals_images_per_s=rates.png,
        originals_jpeg_images_per_s=rates.jpeg,
        loader_ratio=rates.shards / rates.png,
        loader_ratio_jpeg=rates.shards / rates.jpeg,
        peak_bytes=memory[0],
        open_clip_peak_bytes=memory[1],
        peak_share=shares[0],
        open_clip_peak_share=shares[1],
    )


def _alternate(
    ours: Callable[[], None], theirs: Callable[[], None], steps: int, device: str
) -> list[tuple[float, float, float, float]]:
    """Clock and processor seconds of our step, then of theirs, for each pair."""
    for each in (ours, theirs):
        each()  # warms allocators and kernels up
    return [(*seconds(ours, device), *seconds(theirs, device)) for _ in range(steps)]


def seconds(work: Callable[[], object], device: str = "cpu") -> tuple[float, float]:
    """Clock and processor seconds, all threads."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - clock, time.process_time() - processor


def _peak(side: Side, device: str) -> int | None:
    """Bytes that one step has allocated at most; both sides' weights are there all the time, and count for both."""
    if not device.startswith("cuda"):
        return None
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    side.step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before + side.state_bytes
