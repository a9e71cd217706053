"""The two clients: one blocks, one awaits. Each only sends and sleeps; what a method does is its plan's.

Calls raise `ServerRefused` and, after the last attempt, httpx's `TransportError`. A client serves one thread, or one
event loop. Pictures are read and written in the calling thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import httpx
import numpy as np
from numpy.typing import NDArray

from journalclip import plans
from journalclip.answers import Figure, Health, Hit, Me
from journalclip.exchange import Outcome, Pause, Plan, Result
from journalclip.pictures import Picture
from journalclip.plans import Filters, Mode
from journalclip.results import Results

if TYPE_CHECKING:
    from PIL import Image

ADDRESS = "http://127.0.0.1:8080"


class Client:
    """One server, asked by blocking calls. Usable as a context manager."""

    def __init__(
        self,
        address: str = ADDRESS,
        token: str = "",
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(base_url=address, headers=_headers(token), timeout=timeout_s, transport=transport)
        self._sleep = sleep

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def search(
        self,
        text: str | None = None,
        image: Picture | None = None,
        like: str | None = None,
        k: int = 24,
        filters: Filters | None = None,
        mode: Mode = "best",
    ) -> Results:
        """Hits for words, a picture, both, or a pair's id."""
        return self._run(plans.search(text, image, like, k, filters, mode))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 [N, dim], unit length, all by one model; any number of texts. Warns `TextsCut`."""
        return self._run(plans.embed_texts(texts))

    def embed_images(self, images: Sequence[Picture]) -> NDArray[np.float32]:
        """float32 [N, dim], unit length, all by one model; any number of pictures."""
        return self._run(plans.embed_images(images))

    def classify(self, image: Picture, labels: Sequence[str]) -> dict[str, float]:
        """Each label's share, most probable first."""
        return self._run(plans.classify(image, labels))

    def figure(self, figure_id: str) -> Figure:
        """A figure with its pairs and where it came from."""
        return self._run(plans.figure(figure_id))

    def explain(self, wanted: str) -> dict[str, object]:
        """Any id walked back to its page and file, and on to dataset and run."""
        return self._run(plans.explain(wanted))

    def picture(self, hit: Hit) -> Image.Image:
        """A hit's own picture. Raises `ExtraMissing` without Pillow."""
        return self._run(plans.picture(hit))

    def me(self) -> Me:
        """Who the server takes this client for. Raises `ServerRefused` where it takes it for nobody."""
        return self._run(plans.me())

    def health(self, empty: bool = False) -> Health:
        """``empty``: a server without any champion yet is well too. Raises `ServerRefused` where it is not ready."""
        return self._run(plans.health(empty))

    def _run(self, plan: Plan[Result]) -> Result:
        outcome: Outcome = None
        while True:
            try:
                step = plan.send(outcome)
            except StopIteration as done:
                result: Result = done.value
                return result
            outcome = None
            if isinstance(step, Pause):
                self._sleep(step.seconds)
                continue
            try:
                outcome = self._http.request(step.method, step.path, json=step.json)
            except httpx.TransportError as error:
                outcome = error


class AsyncClient:
    """One server, asked by awaited calls: the methods of `Client`. Usable as an async context manager."""

    def __init__(
        self,
        address: str = ADDRESS,
        token: str = "",
        timeout_s: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=address, headers=_headers(token), timeout=timeout_s, transport=transport
        )
        self._sleep = sleep

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def search(
        self,
        text: str | None = None,
        image: Picture | None = None,
        like: str | None = None,
        k: int = 24,
        filters: Filters | None = None,
        mode: Mode = "best",
    ) -> Results:
        """Hits for words, a picture, both, or a pair's id."""
        return await self._run(plans.search(text, image, like, k, filters, mode))

    async def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 [N, dim], unit length, all by one model; any number of texts. Warns `TextsCut`."""
        return await self._run(plans.embed_texts(texts))

    async def embed_images(self, images: Sequence[Picture]) -> NDArray[np.float32]:
        """float32 [N, dim], unit length, all by one model; any number of pictures."""
        return await self._run(plans.embed_images(images))

    async def classify(self, image: Picture, labels: Sequence[str]) -> dict[str, float]:
        """Each label's share, most probable first."""
        return await self._run(plans.classify(image, labels))

    async def figure(self, figure_id: str) -> Figure:
        """A figure with its pairs and where it came from."""
        return await self._run(plans.figure(figure_id))

    async def explain(self, wanted: str) -> dict[str, object]:
        """Any id walked back to its page and file, and on to dataset and run."""
        return await self._run(plans.explain(wanted))

    async def picture(self, hit: Hit) -> Image.Image:
        """A hit's own picture. Raises `ExtraMissing` without Pillow."""
        return await self._run(plans.picture(hit))

    async def me(self) -> Me:
        """Who the server takes this client for. Raises `ServerRefused` where it takes it for nobody."""
        return await self._run(plans.me())

    async def health(self, empty: bool = False) -> Health:
        """``empty``: a server without any champion yet is well too. Raises `ServerRefused` where it is not ready."""
        return await self._run(plans.health(empty))

    async def _run(self, plan: Plan[Result]) -> Result:
        outcome: Outcome = None
        while True:
            try:
                step = plan.send(outcome)
            except StopIteration as done:
                result: Result = done.value
                return result
            outcome = None
            if isinstance(step, Pause):
                await self._sleep(step.seconds)
                continue
            try:
                outcome = await self._http.request(step.method, step.path, json=step.json)
            except httpx.TransportError as error:
                outcome = error


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
