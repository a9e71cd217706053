"""Clients that ask one question over and over, and a look at whether each answer is what its model alone gives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from journalclip_devtools.doubles.collection import World
from journalclip_inference.engine import SearchEngine
from journalclip_shared.registry import ModelVersion

_TIMEOUT_S = 300.0
_CLOSE = 1e-4  # cosines computed in another batch differ in the last digits


@dataclass(frozen=True)
class Asked:
    """One request: its status (0: no answer at all), its body, and how long it took."""

    status: int
    body: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class ModelAnswer:
    """What one model answers when nobody else is asked."""

    model_id: str
    index_id: str
    hits: tuple[tuple[str, float], ...]


def each_alone(
    world: World, versions: Sequence[ModelVersion], cache: Path, text: str, k: int = 5
) -> dict[str, ModelAnswer]:
    """Promotes the versions in turn and asks each, by model id; the last one is left the champion."""
    found = {}
    for version in versions:
        world.promote(version, cache)
        answer = SearchEngine.open(world.store, world.registry, cache).answer(text, k=k)
        hits = tuple((hit.pair_id, hit.score) for hit in answer.hits)
        found[answer.served.model_id] = ModelAnswer(answer.served.model_id, answer.served.index_id, hits)
    return found


@contextmanager
def asking(address: str, text: str, clients: int, k: int = 5) -> Iterator[list[Asked]]:
    """So many clients ask for ``text`` without pause until the block is left; what they got is yielded."""
    answers: list[Asked] = []
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=_TIMEOUT_S) as http:
            while not stop.is_set():
                answers.append(_ask(http, text, k))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _ask(http: httpx.Client, text: str, k: int) -> Asked:
    begun = time.monotonic()
    try:
        found = http.post("/v1/search", json={"text": text, "k": k})
        return Asked(found.status_code, found.json(), time.monotonic() - begun)
    except httpx.HTTPError as error:
        return Asked(0, {"reason": str(error)}, time.monotonic() - begun)


def failed(answers: Sequence[Asked]) -> list[Asked]:
    return [answer for answer in answers if answer.status != 200]


def mixed(answers: Sequence[Asked], alone: Mapping[str, ModelAnswer]) -> list[Asked]:
    """Answers that are not, to the last score, what the model they name gives with its own index."""
    return [answer for answer in answers if answer.status == 200 and not _whole(answer.body, alone)]


def _whole(body: dict[str, Any], alone: Mapping[str, ModelAnswer]) -> bool:
    wanted = alone.get(body["served"]["model_id"])
    if wanted is None or body["served"]["index_id"] != wanted.index_id or len(body["hits"]) != len(wanted.hits):
        return False
    return all(
        hit["pair_id"] == pair_id and abs(hit["score"] - score) <= _CLOSE
        for hit, (pair_id, score) in zip(body["hits"], wanted.hits, strict=True)
    )
