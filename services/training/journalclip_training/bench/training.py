"""``journalclip bench training``: our step against open_clip's on the same towers, batch and device; and the loaders.

Both trainers take the same captions and pictures through forward, loss, backward and optimiser. open_clip's model is
given the very sizes of ours, its own loss, its own fixed context of tokens and torch's AdamW as its trainer sets it.
Steps alternate between the two and the ratio is the median of the pairs, so that a busy machine disturbs both alike.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.scratch import ScratchConfig, scratch_clip
from journalclip_training.batches import Order
from journalclip_training.config import LossConfig, OptimConfig
from journalclip_training.feed import Feed
from journalclip_training.losses.contrast import contrastive
from journalclip_training.optim import adamw, gradient_norm
from journalclip_training.pictures import InMemory, Place, Shards
from journalclip_training.samples import Tokens
from journalclip_training.step import Batch, backward
from journalclip_training.towers import Towers

CONTEXT = 77  # CLIP's and open_clip's default
CAPTION = "axial {} of the head shows a {} lesion in the {} lobe with midline shift and surrounding oedema, case {}"
ORIGINAL, STORED = (1600, 1200), 256  # a printed figure's pixels, and the side it was resized to when frozen


@dataclass(frozen=True)
class TrainingBench:
    """Rates are of samples or images a second."""

    batch: int
    image_size: int
    width: int
    layers: int
    device: str
    samples_per_s: float
    open_clip_samples_per_s: float
    ratio: float
    loader_images_per_s: float
    originals_images_per_s: float
    loader_ratio: float
    peak_bytes: int | None = None  # on a GPU


def bench(batch: int, steps: int, sizes: ScratchConfig, device: str = "cpu", images: int = 48) -> TrainingBench:
    """Measure; ``sizes.context`` is what both towers have positions for."""
    ours, theirs = _our_step(batch, sizes, device), _open_clip_step(batch, sizes, device)
    pairs = _alternate(ours, theirs, steps, device)
    loader, originals = loader_rate(images, sizes.image_size), originals_rate(max(4, images // 8), sizes.image_size)
    return TrainingBench(
        batch=batch,
        image_size=sizes.image_size,
        width=sizes.width,
        layers=sizes.layers,
        device=torch.cuda.get_device_name() if device.startswith("cuda") else "cpu",
        samples_per_s=batch / statistics.median(mine for mine, _ in pairs),
        open_clip_samples_per_s=batch / statistics.median(other for _, other in pairs),
        ratio=statistics.median(other / mine for mine, other in pairs),
        loader_images_per_s=loader,
        originals_images_per_s=originals,
        loader_ratio=loader / originals,
        peak_bytes=torch.cuda.max_memory_allocated() if device.startswith("cuda") else None,
    )


def captions(count: int) -> list[str]:
    words = (("CT", "MRI"), ("hyperintense", "bright", "small"), ("left frontal", "right parietal", "temporal"))
    return [CAPTION.format(*(each[i % len(each)] for each in words), i) for i in range(count)]


def _our_step(batch: int, sizes: ScratchConfig, device: str) -> Callable[[], None]:
    start = scratch_clip(captions(64), sizes, seed=0)
    model = start.model.to(device).train()
    towers = Towers(model, start.preprocess)
    optimizer = adamw(model, {}, OptimConfig())
    size = sizes.image_size
    pixels = torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8)
    tokens = Tokens(start.tokenizer, captions(batch), sizes.context)
    feed = Feed(InMemory(pixels), (tokens, tokens), Order(batch, batch, 0), 0, torch.device(device))
    batches = feed.batches(0, 1 << 30)

    def embed(part: Batch) -> tuple[Tensor, Tensor]:
        v, t = towers(part.pixels, part.ids, part.mask, part.chance)
        return v, t

    def step() -> None:
        _, each = next(batches)
        optimizer.zero_grad(set_to_none=True)
        cap = LossConfig().max_scale
        backward(embed, lambda v, t: contrastive(v, t, model.logit_scale.exp().clamp(max=cap)), each, 0)
        gradient_norm(optimizer, 1.0)
        optimizer.step()

    return step


def _open_clip_step(batch: int, sizes: ScratchConfig, device: str) -> Callable[[], None]:
    import open_clip

    model = open_clip.model.CLIP(
        embed_dim=sizes.dim,
        vision_cfg=open_clip.CLIPVisionCfg(
            layers=sizes.layers,
            width=sizes.width,
            head_width=sizes.width // sizes.heads,
            patch_size=sizes.patch_size,
            image_size=sizes.image_size,
        ),
        text_cfg=open_clip.CLIPTextCfg(
            context_length=sizes.context,
            vocab_size=49408,  # open_clip's tokenizer
            width=sizes.width,
            heads=sizes.heads,
            layers=sizes.layers,
        ),
        quick_gelu=True,
    ).to(device)
    model.train()
    loss = open_clip.ClipLoss()
    decayed = [p for n, p in model.named_parameters() if p.ndim >= 2]
    rest = [p for n, p in model.named_parameters() if p.ndim < 2]
    groups = [{"params": rest, "weight_decay": 0.0}, {"params": decayed, "weight_decay": 0.2}]
    optimizer = torch.optim.AdamW(groups, lr=5e-4, betas=(0.9, 0.98), eps=1e-6)
    tokens = open_clip.SimpleTokenizer(context_length=sizes.context)(captions(batch)).to(device)
    size = sizes.image_size
    pixels = torch.rand(batch, 3, size, size).to(device)  # its loader hands over floats

    def step() -> None:
        optimizer.zero_grad()
        v, t, scale = model(pixels, tokens)[:3]
        loss(v, t, scale).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, np.log(100))

    return step


def _alternate(
    ours: Callable[[], None], theirs: Callable[[], None], steps: int, device: str
) -> list[tuple[float, float]]:
    for each in (ours, theirs):
        each()  # warms allocators and kernels up
    return [(_seconds(ours, device), _seconds(theirs, device)) for _ in range(steps)]


def _seconds(work: Callable[[], object], device: str) -> float:
    started = time.perf_counter()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - started


def loader_rate(images: int, size: int) -> float:
    """Images a second of our loader, over JPEGs as the frozen dataset's shards hold them."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path, places = Path(folder) / "shard", []
        with path.open("wb") as handle:
            for _ in range(images):
                data = _encoded(_figure(rng, (STORED, STORED * 3 // 4)), "JPEG")
                places.append(Place(0, handle.tell(), len(data)))
                handle.write(data)
        shards = Shards((path,), tuple(places), Preprocess(size))
        everything = np.arange(images, dtype=np.int64)
        taken = _seconds(lambda: shards.batch(everything), "cpu")
        shards.close()
    return images / taken


def originals_rate(images: int, size: int) -> float:
    """Images a second of a loader of as many threads that decodes and resizes original figures each time."""
    rng = np.random.default_rng(0)
    files = [_encoded(_figure(rng, ORIGINAL), "PNG") for _ in range(images)]
    preprocess = Preprocess(size)

    def read(data: bytes) -> int:
        return int(preprocess.pixels(Image.open(io.BytesIO(data))).sum())

    with ThreadPoolExecutor(2) as pool:
        return images / _seconds(lambda: list(pool.map(read, files)), "cpu")


def _figure(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Smooth structure with grain, as a scan has: pure noise would cost decoders more than any figure."""
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.integers(-6, 7, (size[1], size[0], 1))
    return Image.fromarray(np.clip(np.asarray(coarse).astype(np.int16) + grain, 0, 255).astype(np.uint8))


def _encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, quality=90)
    return out.getvalue()
