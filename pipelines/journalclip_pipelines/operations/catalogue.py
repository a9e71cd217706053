"""The catalogue as commands open it: migrated, and on a laptop brought up to date first.

On a cluster the service ``catalogue`` projects; a command only reads. On a laptop no such service runs, so the command
that asks is the projector.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import ProjectionLoop
from journalclip_catalogue.migrate import upgrade
from journalclip_shared.catalogue.engine import catalogue_url, open_engine
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


def caught_up(workdir: Path) -> Engine:
    """As `engine_of`, after the local log was projected. Raises `TransientError`, `ConfigurationError`."""
    settings, engine = settings_of(workdir), engine_of(workdir)
    if settings.bus == "sqlite":
        bus = open_bus(settings)
        ProjectionLoop(bus, Projector(engine, open_artifacts(settings))).drain()
        bus.close()
    return engine
