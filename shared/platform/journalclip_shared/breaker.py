"""The breaker: most recent deliveries outlived their retries, so the world is unwell and not the input.

Only exhausted retries count. A folder of a thousand broken PDFs is bad input, and each one ends in quarantine with its
reason; a store that answers nothing would bury a thousand good ones, and there the loop must stop instead.
"""

from __future__ import annotations

import threading
from collections import deque

from journalclip_shared.errors import JournalclipError


class BreakerOpen(JournalclipError):
    """Too many recent deliveries outlived their retries; the loop stopped without committing them."""


class Breaker:
    """Watches a sliding window of outcomes, from any thread."""

    def __init__(self, window: int, share: float) -> None:
        self._outcomes: deque[bool] = deque(maxlen=window)
        self._limit = share * window
        self._failed = 0
        self._lock = threading.Lock()

    def record(self, exhausted: bool) -> None:
        """Note one outcome. Raises `BreakerOpen` where a full window holds too many exhausted ones."""
        with self._lock:
            if len(self._outcomes) == self._outcomes.maxlen:
                self._failed -= self._outcomes[0]
            self._outcomes.append(exhausted)
            self._failed += exhausted
            full = len(self._outcomes) == self._outcomes.maxlen
            if exhausted and full and self._failed >= self._limit:
                raise BreakerOpen(f"{self._failed} of the last {len(self._outcomes)} deliveries outlived their retries")
