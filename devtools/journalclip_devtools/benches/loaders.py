"""Compares two loaders, in images a second: one reads a frozen dataset's shards, one the original figures.

Originals are 1600 x 1200 pixels, as PNG (what extraction stores where a figure was drawn or re-encoded) and as JPEG
(where the embedded stream was passed through); both loaders use the same number of threads and give
squares of the same size.
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
from PIL import Image

from journalclip_modeling.preprocess import Preprocess
from journalclip_training.pictures import Place, Shards

ORIGINAL, STORED = (1600, 1200), 256  # a printed figure's pixels, and the longer side it was resized to when frozen
THREADS, ROUNDS = 2, 3


@dataclass(frozen=True)
class Rates:
    """Images a second, medians of alternating rounds."""

    shards: float
    png: float
    jpeg: float


def loader_rates(images: int, size: int) -> Rates:
    """Load ``images`` from shards, and an eighth as many originals of each kind, as squares of ``size`` pixels."""
    rng = np.random.default_rng(0)
    few = max(4, images // 8)
    pngs, jpegs = ([_encoded(figure(rng, ORIGINAL), kind) for _ in range(few)] for kind in ("PNG", "JPEG"))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(THREADS) as pool:
        shards = _shards(Path(folder) / "shard", images, rng, size)
        everything = np.arange(images, dtype=np.int64)
        plain = Preprocess(size)

        def read(data: bytes) -> int:
            return int(plain.pixels(Image.open(io.BytesIO(data)))[0, 0, 0])

        rounds = [
            (
                images / _seconds(lambda: shards.batch(everything)),
                few / _seconds(lambda: list(pool.map(read, pngs))),
                few / _seconds(lambda: list(pool.map(read, jpegs))),
            )
            for _ in range(ROUNDS)
        ]
        shards.close()
    return Rates(*(statistics.median(column) for column in zip(*rounds, strict=True)))


def figure(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Smooth structure with grain, like a scan. Pure noise would cost decoders more time than a real figure."""
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.integers(-6, 7, (size[1], size[0], 1))
    return Image.fromarray(np.clip(np.asarray(coarse).astype(np.int16) + grain, 0, 255).astype(np.uint8))


def _shards(path: Path, images: int, rng: np.random.Generator, size: int) -> Shards:
    places = []
    with path.open("wb") as handle:
        for _ in range(images):
            data = _encoded(figure(rng, (STORED, STORED * 3 // 4)), "JPEG")
            places.append(Place(0, handle.tell(), len(data)))
            handle.write(data)
    return Shards((path,), tuple(places), Preprocess(size), THREADS)


def _encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, quality=90)
    return out.getvalue()


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
