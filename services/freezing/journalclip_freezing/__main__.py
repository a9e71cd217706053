"""The freezing service: settings -> freezer -> handler -> consume loop, with the freeze as a job beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from journalclip_freezing.articles import FreezeOptions
from journalclip_freezing.handler import Freezer, FreezeRule, FreezingHandler
from journalclip_freezing.layout import Layout
from journalclip_freezing.settings import FreezingSettings
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.catalogue.engine import existing
from journalclip_shared.consume import Handler
from journalclip_shared.history import events_of
from journalclip_shared.kinds import Kind
from journalclip_shared.newest import Ranks
from journalclip_shared.repeat import repeated


def layout_of(kind: Kind, settings: FreezingSettings) -> Layout:
    if kind == "studies":
        from journalclip_freezing.studies import StudyFreezeOptions  # reads volumes, which articles' image cannot

        return StudyFreezeOptions().leaving_out(settings.freeze_leave_out)
    return FreezeOptions(image_size=settings.freeze_image_size).leaving_out(settings.freeze_leave_out)


def build(settings: FreezingSettings, kind: Kind) -> wiring.Build:
    """The handler that counts, and the job that freezes."""

    @contextmanager
    def open_handler(store: ArtifactStore, bus: Bus) -> Iterator[Handler]:
        rule = FreezeRule(settings.freeze_new_pairs, settings.freeze_every_s, settings.freeze_settle_s)
        layout = layout_of(kind, settings)
        ranks = Ranks(store, existing(settings))
        handler = FreezingHandler(Freezer(store, rule, lambda: events_of(bus, layout.consumes), layout, ranks=ranks))
        with repeated(lambda: handler.freeze_due(bus.publish), settings.freeze_look_s, action=f"freeze-{kind}"):
            yield handler
        if settings.drain:  # what was counted last
            handler.freeze_due(bus.publish)

    return open_handler


def main() -> None:
    settings = FreezingSettings()
    wiring.main_of_kind(settings, lambda kind: build(settings, kind))


if __name__ == "__main__":
    main()
