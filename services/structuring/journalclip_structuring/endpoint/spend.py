"""The spend cap and the rate limit: what may start, and when.

Money is reserved at its worst case before a request starts and settled at its true cost after, so the sum of all that
was ever in flight stays under the cap even when no answer comes back. The cap holds over restarts and replicas: a
process spends only from grants, which it claims in the artifact store under running numbers. Two that claim one number
are told apart by the store, and what a process that dies had left of its grant counts as spent.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from journalclip_shared.artifacts import ArtifactStore, Bucket, ManifestConflict
from journalclip_shared.ids import canonical_json

_GRANT_SHARE: Final = 0.02  # of the cap: what a crash wastes at most
_EPSILON: Final = 1e-9  # dollars; sums of grants carry rounding


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens."""

    prompt: float = 0.0
    answer: float = 0.0

    def cost(self, prompt_tokens: int, answer_tokens: int) -> float:
        return (prompt_tokens * self.prompt + answer_tokens * self.answer) / 1e6


class Grants(Protocol):
    """Who says how much this process may spend."""

    def claim(self, at_least: float) -> float:
        """Dollars more; 0 where the cap leaves no ``at_least``."""
        ...


@dataclass
class WholeCap:
    """All of the cap for one process that starts from nothing: benches and tests."""

    cap: float
    _given: bool = field(default=False, init=False)

    def claim(self, at_least: float) -> float:
        given, self._given = self._given, True
        return 0.0 if given else self.cap


@dataclass(frozen=True)
class StoredGrants:
    """Grants as manifests ``spend/<account>/<number>``: one sum for all processes that share the store."""

    store: ArtifactStore
    bucket: Bucket
    account: str
    cap: float

    def claim(self, at_least: float) -> float:
        """Raises `TransientError` where the store is away."""
        while True:
            taken = self.taken()
            amount = min(max(at_least, self.cap * _GRANT_SHARE), self.cap - sum(taken))
            if amount + _EPSILON < at_least:
                return 0.0
            name = f"spend/{self.account}/{len(taken):08d}"
            try:
                # A token makes two claims of one number two documents, of which the store keeps one.
                self.store.put_manifest(self.bucket, name, canonical_json({"usd": amount, "by": secrets.token_hex(8)}))
            except ManifestConflict:
                continue
            return amount

    def taken(self) -> list[float]:
        """The grants so far, in dollars."""
        names = list(self.store.list_manifests(self.bucket, f"spend/{self.account}/"))
        found = (self.store.find_manifest(self.bucket, name) for name in names)
        return [float(json.loads(self.store.get(ref))["usd"]) for ref in found if ref is not None]


@dataclass
class Budget:
    """How much of what was granted is spent or promised."""

    grants: Grants
    granted: float = 0.0
    committed: float = 0.0

    def reserve(self, amount: float) -> bool:
        """True, and the amount is committed, if it still fits. Raises `TransientError` where the store is away."""
        if self.committed + amount > self.granted + _EPSILON and amount > 0:
            self.granted += self.grants.claim(self.committed + amount - self.granted)
        if self.committed + amount > self.granted + _EPSILON:
            return False
        self.committed += amount
        return True

    def settle(self, reserved: float, actual: float) -> None:
        """Give back what was not needed; never more was needed than reserved (the answer's length is capped)."""
        self.committed -= reserved - min(actual, reserved)


@dataclass
class RateLimit:
    """At most ``per_minute`` starts in any minute, evenly spaced."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _next: float = field(default=0.0, init=False)

    async def wait(self) -> None:
        now = self.clock()
        start = max(now, self._next)
        self._next = start + 60.0 / self.per_minute
        if start > now:
            await self.sleep(start - now)
