"""Clients of a bench: a process of their own that asks for embeddings of pictures and notes how long each took.

It imports neither the model nor Ray, so that it starts quickly and takes little of the machine from the server.
"""

from __future__ import annotations

import asyncio
import base64
import io
import multiprocessing
import time
from dataclasses import dataclass

import httpx
import numpy as np
from PIL import Image

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


def pictures() -> list[bytes]:
    """JPEG files of 224 x 224 pixels."""
    return [_jpeg(seed) for seed in range(_IMAGES)]


def load(address: str, clients: int, seconds: float) -> ClientsRow:
    context = multiprocessing.get_context("spawn")  # a fork would carry the model's threads along
    with context.Pool(1) as pool:
        times, failed, spent = pool.apply(_clients, (address, clients, seconds))
    p50, p95, p99 = (round(float(value), 1) for value in np.percentile(times or [0.0], [50, 95, 99]))
    return ClientsRow(clients, round(len(times) / spent, 2), p50, p95, p99, failed)


def _clients(address: str, clients: int, seconds: float) -> tuple[list[float], int, float]:
    """Milliseconds of each answer, refusals, and the seconds from first to last; runs in the clients' process."""
    return asyncio.run(_all_clients(address, clients, seconds))


async def _all_clients(address: str, clients: int, seconds: float) -> tuple[list[float], int, float]:
    bodies = [{"images": [base64.b64encode(picture).decode()]} for picture in pictures()]
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
