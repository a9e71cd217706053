"""Ids of other versions and deliveries, answered by the catalogue where this server can reach one.

A link that was made before an upgrade goes on working. Without a catalogue an old id is simply not known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import Engine

from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.catalogue.engine import existing
from journalclip_shared.catalogue.finding import CatalogueFinder
from journalclip_shared.catalogue.resolve import Resolver
from journalclip_shared.errors import ConfigurationError, PermanentError, TransientError
from journalclip_shared.finding import Finder, StoreFinder
from journalclip_shared.settings import Settings

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Aliases:
    """Asks the catalogue that settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: Engine | None = None

    def present(self, wanted: str) -> str | None:
        """The id that holds now, or None where it is unknown or is what was asked for."""
        engine = self._engine()
        if engine is None:
            return None
        try:
            found = Resolver(engine).present(wanted)
        except (ConfigurationError, TransientError) as error:
            _log.warning("the catalogue cannot be asked for %s: %s", wanted, error)
            return None
        return found[0].id if found and found[0].id != wanted else None

    async def found(self, wanted: str, ask: Callable[[str], Awaitable[T]]) -> T:
        """``ask`` about ``wanted``, or about the id that holds now where nothing has it. Raises what ``ask`` does."""
        try:
            return await ask(wanted)
        except PermanentError as error:  # by its code: that is what travels between processes
            if error.code not in ("not-found", "unknown-id"):
                raise
            present = await asyncio.to_thread(self.present, wanted)
            if present is None:
                raise
        return await ask(present)

    def finder(self, store: ArtifactStore) -> Finder:
        """Where to look for an id: the catalogue, or all of ``store`` where there is none."""
        engine = self._engine()
        return CatalogueFinder(engine) if engine is not None else StoreFinder(store)

    def _engine(self) -> Engine | None:
        if self._opened is None:
            self._opened = existing(self._settings)
        return self._opened
