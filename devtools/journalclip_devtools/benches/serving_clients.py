"""Clients of a bench: a process of their own that asks again and again and notes how long each answer took.

It imports neither the model nor Ray, so that it starts quickly and takes little of the machine from the server.
"""

from __future__ import annotations

import asyncio
import base64
import io
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
import numpy as np
from PIL import Image

Body = Mapping[str, object]
_IMAGES = 64  # different pictures, so that nothing is answered from a cache


@dataclass(frozen=True)
class ClientsRow:
    """So many clients, each asking again as soon as it is answered."""

    n: int
    answered: int
    rps: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failed: int


def pictures() -> list[bytes]:
    """JPEG files of 224 x 224 pixels."""
    return [_jpeg(seed) for seed in range(_IMAGES)]


def load(
    address: str, clients: int, seconds: float, path: str = "/v1/embed", bodies: Sequence[Body] | None = None
) -> ClientsRow:
    """``bodies`` are asked in turn; where left out, embeddings of pictures."""
    context = multiprocessing.get_context("spawn")  # a fork would carry the model's threads along
    with context.Pool(1) as pool:
        times, failed, spent = pool.apply(_clients, (f"{address}{path}", clients, seconds, bodies or _embeddings()))
    p50, p95, p99 = (round(float(value), 1) for value in np.percentile(times or [0.0], [50, 95, 99]))
    return ClientsRow(clients, len(times), round(len(times) / spent, 2), p50, p95, p99, failed)


def _embeddings() -> list[Body]:
    return [{"images": [base64.b64encode(picture).decode()]} for picture in pictures()]


def _clients(url: str, clients: int, seconds: float, bodies: Sequence[Body]) -> tuple[list[float], int, float]:
    """Milliseconds of each answer, refusals, and the seconds from first to last; runs in the clients' process."""
    return asyncio.run(_all_clients(url, clients, seconds, bodies))


async def _all_clients(
    url: str, clients: int, seconds: float, bodies: Sequence[Body]
) -> tuple[list[float], int, float]:
    times: list[float] = []
    failed = 0
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(timeout=300, limits=limits) as http:
        await http.post(url, json=bodies[0])  # connections and first calls are not what is measured
        started = time.perf_counter()

        async def one(number: int) -> None:
            nonlocal failed
            while time.perf_counter() - started < seconds:
                begun = time.perf_counter()
                answer = await http.post(url, json=bodies[(number + len(times)) % len(bodies)])
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
