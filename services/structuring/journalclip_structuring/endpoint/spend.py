"""The spend cap and the rate limit: what may start, and when.

Money is reserved at its worst case before a request starts and settled at its true cost after, so the sum of all that
was ever in flight stays under the cap even when no answer comes back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens."""

    prompt: float = 0.0
    answer: float = 0.0

    def cost(self, prompt_tokens: int, answer_tokens: int) -> float:
        return (prompt_tokens * self.prompt + answer_tokens * self.answer) / 1e6


@dataclass
class Budget:
    """How much has been spent or promised."""

    cap: float
    committed: float = 0.0

    def reserve(self, amount: float) -> bool:
        """True, and the amount is committed, if it still fits."""
        if self.committed + amount > self.cap:
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
