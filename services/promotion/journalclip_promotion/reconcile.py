"""Healing the gap between ledger, aliases and events after a crash at the worst moment.

Aliases are set from the ledger's last entry. The last change of champion is announced again if its event was never seen
on the bus; older ones are not, since readers only need the newest. Announcing twice is harmless: it is the same event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from journalclip_promotion.decision import Decision
from journalclip_promotion.filing import file_documents
from journalclip_promotion.promoter import Promoter
from journalclip_shared.bus import Bus
from journalclip_shared.events import Event
from journalclip_shared.repeat import end_process, repeated
from journalclip_shared.runs import NullRuns, Runs

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Healed:
    """What was found wrong and mended."""

    aliases: bool
    announced: int | None
    filed: tuple[int, ...] = ()

    @property
    def anything(self) -> bool:
        return self.aliases or self.announced is not None or bool(self.filed)

    def __str__(self) -> str:
        parts = ["aliases set as the ledger says"] if self.aliases else []
        parts += [f"decision {self.announced} announced"] if self.announced is not None else []
        parts += [f"documents of decision {', '.join(map(str, self.filed))} attached"] if self.filed else []
        return "; ".join(parts) or "nothing to heal"


def reconcile(promoter: Promoter, bus: Bus, runs: Runs = NullRuns()) -> Healed:  # noqa: B008 - it has no state
    """One pass. Raises `TransientError` as registry, store, bus and lock do."""
    with promoter.lock.hold():
        before = _aliases(promoter)
        promoter.recover()
        healed = _aliases(promoter) != before
        change = next((entry for entry in promoter.ledger.backwards() if entry.changed), None)
    announced = None
    if change is not None and not promoter.ledger.announced(change.sequence):
        announce(promoter, bus, change)
        announced = change.sequence
    return Healed(healed, announced, tuple(file_documents(promoter, runs)))


def watching(
    promoter: Promoter,
    bus: Bus,
    every_s: float,
    runs: Runs = NullRuns(),  # noqa: B008 - it has no state
    failed: Callable[[BaseException], None] = end_process,
) -> AbstractContextManager[None]:
    """Reconciles at once and then every ``every_s`` seconds, beside the consume loop.

    A dependency that is away, or a right that is missing while a cluster starts, is tried again; a bug ends the
    process.
    """

    def once() -> None:
        if (healed := reconcile(promoter, bus, runs)).anything:
            _log.warning("healed: %s", healed)

    return repeated(once, every_s, failed, action="promotion-reconcile")


def announce(promoter: Promoter, bus: Bus, decision: Decision) -> None:
    """Publish a change and remember that it was published."""
    bus.publish([Event(decision.fact(), "promotion")])
    promoter.step("published")
    promoter.ledger.set_announced(decision.sequence)


def _aliases(promoter: Promoter) -> tuple[str | None, str | None]:
    champion, previous = (promoter.registry.by_alias("champion"), promoter.registry.by_alias("previous"))
    return (champion.version if champion else None, previous.version if previous else None)
