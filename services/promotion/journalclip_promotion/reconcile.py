"""Healing the gap between ledger, aliases and events after a crash at the worst moment.

Aliases are set from the ledger's last entry. The last change of champion is announced again if its event was never seen
on the bus; older ones are not, since readers only need the newest. Announcing twice is harmless: it is the same event.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from journalclip_promotion.decision import Decision
from journalclip_promotion.promoter import Promoter
from journalclip_shared.bus import Bus
from journalclip_shared.errors import JournalclipError
from journalclip_shared.events import Event

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Healed:
    """What was found wrong and mended."""

    aliases: bool
    announced: int | None

    @property
    def anything(self) -> bool:
        return self.aliases or self.announced is not None


def reconcile(promoter: Promoter, bus: Bus) -> Healed:
    """One pass. Raises `TransientError` as registry, store, bus and lock do."""
    with promoter.lock.hold():
        before = _aliases(promoter)
        promoter.recover()
        healed = _aliases(promoter) != before
        change = _last_change(promoter)
    if change is None or promoter.ledger.announced(change.sequence):
        return Healed(healed, None)
    announce(promoter, bus, change)
    return Healed(healed, change.sequence)


class Watch(threading.Thread):
    """Reconciles at once and then every ``every_s`` seconds, beside the consume loop; dies with the process."""

    def __init__(self, promoter: Promoter, bus: Bus, every_s: float) -> None:
        super().__init__(name="reconciler", daemon=True)
        self._promoter, self._bus, self._every_s = promoter, bus, every_s
        self.stop = threading.Event()

    def run(self) -> None:
        while True:
            self._once()
            if self.stop.wait(self._every_s):
                return

    def _once(self) -> None:
        try:
            healed = reconcile(self._promoter, self._bus)
        except JournalclipError as error:  # also a right or bucket that is missing while a cluster starts
            _log.warning("reconciling again in %g s: %s", self._every_s, error)
        else:
            if healed.anything:
                _log.warning("healed: aliases %s, announced %s", healed.aliases, healed.announced)


def announce(promoter: Promoter, bus: Bus, decision: Decision) -> None:
    """Publish a change and remember that it was published."""
    bus.publish([Event(decision.fact(), "promotion")])
    promoter.step("published")
    promoter.ledger.set_announced(decision.sequence)


def _aliases(promoter: Promoter) -> tuple[str | None, str | None]:
    champion, previous = (promoter.registry.by_alias("champion"), promoter.registry.by_alias("previous"))
    return (champion.version if champion else None, previous.version if previous else None)


def _last_change(promoter: Promoter) -> Decision | None:
    changes = [entry for entry in promoter.ledger.all() if entry.changed]
    return changes[-1] if changes else None
