"""Healing the gap between ledger, aliases and events after a crash at the worst moment.

Aliases are set from the ledger's last entry. The last change of champion is announced again if its event was never seen
on the bus; older ones are not, since readers only need the newest. Announcing twice is harmless: it is the same event.
"""

from __future__ import annotations

from dataclasses import dataclass

from journalclip_promotion.decision import Decision
from journalclip_promotion.promoter import Promoter
from journalclip_shared.bus import Bus
from journalclip_shared.events import Event


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
