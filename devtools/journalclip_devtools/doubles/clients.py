"""Both clients behind one face, so that one suite holds for the blocking and for the awaiting one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx

from journalclip import AsyncClient, Client

KINDS = ("Client", "AsyncClient")


class _Awaited:
    """An `AsyncClient` whose methods are awaited in a loop of their own and return as those of `Client` do."""

    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self._client, self._runner = client, runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        return lambda *values, **named: self._runner.run(method(*values, **named))


@contextmanager
def client_of(
    kind: str,
    address: str = "http://test",
    token: str = "",
    transport: httpx.MockTransport | None = None,
    waits: list[float] | None = None,
) -> Iterator[Client]:
    """A client that does not sleep; ``waits`` gets the seconds that it would have."""
    kept: list[float] = [] if waits is None else waits

    async def sleep(seconds: float) -> None:
        kept.append(seconds)

    if kind == "Client":
        with Client(address, token, transport=transport, sleep=kept.append) as client:
            yield client
        return
    with asyncio.Runner() as runner:
        awaiting = AsyncClient(address, token, transport=transport, sleep=sleep)
        try:
            yield cast(Client, _Awaited(awaiting, runner))
        finally:
            runner.run(awaiting.close())
