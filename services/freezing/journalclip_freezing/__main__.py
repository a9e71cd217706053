"""The freezing service: settings -> freezer -> handler -> consume loop, with a clock beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from journalclip_freezing import FreezeOptions
from journalclip_freezing.handler import Freezer, FreezeRule, FreezingHandler
from journalclip_freezing.settings import FreezingSettings
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.events import Event, PairsStructured
from journalclip_shared.history import facts_of
from journalclip_shared.repeat import repeated


def build(settings: FreezingSettings) -> wiring.Build:
    """The handler, with the time rule checked beside it."""

    @contextmanager
    def open_handler(store: ArtifactStore, bus: Bus) -> Iterator[Handler]:
        rule = FreezeRule(settings.freeze_new_pairs, settings.freeze_every_s)
        options = FreezeOptions(image_size=settings.freeze_image_size, leave_out=settings.freeze_leave_out)
        freezer = Freezer(store, rule, lambda: facts_of(bus, PairsStructured), options)

        def tick() -> None:
            bus.publish([Event(fact, "freezing") for fact in freezer.tick()])

        with repeated(tick, min(60.0, settings.freeze_every_s / 4 or 60.0)):
            yield FreezingHandler(freezer)

    return open_handler


def main() -> None:
    settings = FreezingSettings()
    wiring.main(settings, build(settings))


if __name__ == "__main__":
    main()
