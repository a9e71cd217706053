"""Throughput: the whole server over HTTP, against the bare model in its largest batch and a plain FastAPI app.

All in one run on one machine, one image a request (JPEG, 224 pixels), with clients in a process of their own. The limit
includes decoding and preprocessing, as the server does them too. What counts is the share of the limit that is reached.
"""

from __future__ import annotations

import asyncio
import base64
import io
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from fastapi import FastAPI
from PIL import Image
from pydantic import BaseModel

from journalclip_inference.images import ImageLimits, open_image
from journalclip_inference.testing.live import live_server
from journalclip_inference.testing.site import make_site
from journalclip_inference.testing.world import TINY, small_world
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.scratch import ScratchConfig
from journalclip_shared.artifacts.local import LocalArtifacts

# The size of ViT-B/32: 12 layers of 768 over 49 patches, projected to 512. Random weights cost as much as trained ones.
VIT_B_32 = ScratchConfig(
    image_size=224, patch_size=32, width=768, layers=12, heads=12, dim=512, vocabulary=600, context=77
)
SIZES = {"vit-b-32": VIT_B_32, "tiny": TINY}
LARGEST = 64  # images; beyond it the bare model gains nothing on a CPU
_IMAGES = 64  # different pictures, so that nothing is answered from a cache


@dataclass(frozen=True)
class ClientsRow:
    """So many clients, each asking again as soon as it is answered."""

    n: int
    rps: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failed: int


@dataclass(frozen=True)
class Throughput:
    """One model's figures."""

    model: str
    bare_images_s: float
    plain_rps: float
    throughput_ratio: float
    clients: tuple[ClientsRow, ...]


class _One(BaseModel):
    images: list[str]


def measure_throughput(
    size: str, clients: Sequence[int], seconds: float, say: Callable[[str], None] = lambda _: None
) -> Throughput:
    """The server at each number of clients, the bare model before and after, the plain app at the most clients."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        world = small_world(LocalArtifacts(root / "artifacts"), articles=3)
        world.promote(world.add_model(seed=1, config=SIZES[size]), root / "cache")
        site = make_site(world, root, anonymous=True)
        assert site.service.reloader.check(), site.service.reloader.problem
        encoder = site.service.backend._holder.take().encoder
        files = [_jpeg(seed) for seed in range(_IMAGES)]
        say(f"{size}: the bare model")
        before = _bare(encoder, files, seconds)
        rows = []
        with live_server(site.service.app) as address:
            for number in clients:
                say(f"{size}: {number} clients")
                rows.append(_load(address, number, seconds))
        say(f"{size}: the bare model again, and the plain app")
        after = _bare(encoder, files, seconds)  # a machine's neighbours come and go: the limit is taken on both sides
        with live_server(_plain(encoder)) as address:
            plain = _load(address, max(clients), seconds)
    bare = (before + after) / 2
    best = max(row.rps for row in rows)
    return Throughput(size, round(bare, 2), plain.rps, round(best / bare, 3), tuple(rows))


def _bare(encoder: Encoder, files: Sequence[bytes], seconds: float) -> float:
    """Images a second: decoded, preprocessed and embedded in the largest batch, with nothing around it."""
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        encoder.embed_images([open_image(data, ImageLimits()) for data in files[:LARGEST]], batch_size=LARGEST)
        done += LARGEST
    return done / (time.perf_counter() - started)


def _plain(encoder: Encoder) -> FastAPI:
    """What one would write in ten minutes: one request, one call of the model."""
    app = FastAPI()

    def embed(wanted: _One) -> dict[str, object]:
        images = [open_image(base64.b64decode(image), ImageLimits()) for image in wanted.images]
        return {"images": [[float(value) for value in vector] for vector in encoder.embed_images(images)]}

    app.add_api_route("/v1/embed", embed, methods=["POST"])
    return app


def _load(address: str, clients: int, seconds: float) -> ClientsRow:
    context = multiprocessing.get_context("spawn")  # a fork would carry the model's threads along
    with context.Pool(1) as pool:
        times, failed, spent = pool.apply(_clients, (address, clients, seconds))
    p50, p95, p99 = (round(float(value), 1) for value in np.percentile(times or [0.0], [50, 95, 99]))
    return ClientsRow(clients, round(len(times) / spent, 2), p50, p95, p99, failed)


def _clients(address: str, clients: int, seconds: float) -> tuple[list[float], int, float]:
    """Milliseconds of each answer, refusals, and the seconds from first to last; runs in the clients' process."""
    return asyncio.run(_all_clients(address, clients, seconds))


async def _all_clients(address: str, clients: int, seconds: float) -> tuple[list[float], int, float]:
    bodies = [{"images": [base64.b64encode(_jpeg(seed)).decode()]} for seed in range(_IMAGES)]
    times: list[float] = []
    failed = 0
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=address, timeout=300, limits=limits) as http:
        await http.post("/v1/embed", json=bodies[0])  # connections and first calls are not what is measured
        started = time.perf_counter()

        async def one(number: int) -> None:
            nonlocal failed
            while time.perf_counter() - started < seconds:
                begun = time.perf_counter()
                answer = await http.post("/v1/embed", json=bodies[(number + len(times)) % _IMAGES])
                if answer.status_code == 200:
                    times.append(1000 * (time.perf_counter() - begun))
                else:
                    failed += 1

        await asyncio.gather(*(one(number) for number in range(clients)))
        return times, failed, time.perf_counter() - started


def _jpeg(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (28, 28, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((224, 224), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
