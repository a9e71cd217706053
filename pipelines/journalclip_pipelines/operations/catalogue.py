"""The catalogue as commands open it: migrated, and on a laptop brought up to date first.

On a cluster the service ``catalogue`` projects; a command only reads. On a laptop no such service runs, so the command
that asks is the projector.
"""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from journalclip_catalogue.errors import AnotherProjector
from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import catch_up
from journalclip_catalogue.migrate import upgrade
from journalclip_shared.bus import Bus
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.catalogue.engine import catalogue_url, open_engine
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import FACTS
from journalclip_shared.settings import Settings
from journalclip_shared.wiring import open_artifacts, open_bus


def settings_of(workdir: Path) -> Settings:
    """Settings of an installation: the environment's, with this working folder."""
    return Settings(workdir=workdir)


def engine_of(workdir: Path) -> Engine:
    """The catalogue's database, its tables those of this version. Raises `TransientError`, `ConfigurationError`."""
    engine = open_engine(catalogue_url(settings_of(workdir)))
    upgrade(engine)
    return engine


@dataclass(frozen=True)
class Opened:
    """The catalogue of an installation. ``behind``: events in the log that it does not have yet."""

    engine: Engine
    behind: int

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.engine)


def caught_up(workdir: Path) -> Engine:
    """The catalogue's database on a laptop, brought up to date first, or wherever settings (`cluster.env`) say.

    Raises `PermanentError` ``workdir-missing`` where only a folder is named, and no run worked in it; `TransientError`,
    `ConfigurationError`.
    """
    settings = settings_of(workdir)
    if settings.bus == "sqlite" and not (workdir / "events.db").is_file():
        raise PermanentError(
            "workdir-missing", f"{workdir} holds no journalclip run", "Run `journalclip run DIR` first, or --workdir."
        )
    engine = engine_of(workdir)
    if not settings.catalogue_url:
        with closing(open_bus(settings)) as bus, suppress(AnotherProjector):  # another does the same work
            catch_up(bus, Projector(engine, open_artifacts(settings)))
    return engine


def opened(workdir: Path) -> Opened:
    """As `caught_up`, and how far behind the log it is. Raises as that does."""
    engine = caught_up(workdir)
    with closing(open_bus(settings_of(workdir))) as bus:
        return Opened(engine, _behind(bus, Catalogue(engine)))


def _behind(bus: Bus, catalogue: Catalogue) -> int:
    places = catalogue.places()
    topics = {
        topic: {partition: following for (name, partition), following in places.items() if name == topic}
        for topic in FACTS
    }
    return sum(1 for topic, begin in topics.items() for _ in bus.read(topic, begin))
