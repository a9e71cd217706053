"""Which objects of the inbox were taken in, without listing every receipt there ever was at each look.

A receipt is a manifest, written after its submission was announced; the catalogue also knows the submissions that the
log tells of. What neither this process nor the catalogue knows is looked up in the store by its name. Where there is no
catalogue, the receipts are listed once a process.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import Engine

from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.catalogue.engine import existing
from journalclip_shared.errors import ConfigurationError, TransientError
from journalclip_shared.ids import canonical_json
from journalclip_shared.settings import Settings

_log = logging.getLogger(__name__)


class Receipts:
    """Receipts in one store, with the catalogue where there is one. For one thread."""

    def __init__(self, store: ArtifactStore, settings: Settings | None = None) -> None:
        self._store, self._settings = store, settings
        self._known: set[str] = set()
        self._listed = False
        self._engine: Engine | None = None

    def known(self, names: Sequence[str]) -> set[str]:
        """Those of ``names`` that there are. Raises `TransientError`."""
        asked = [name for name in names if name not in self._known]
        if asked and not self._asked_catalogue(asked) and not self._listed:
            self._known |= set(self._store.list_manifests("articles", "received/"))
            self._listed = True
        for name in asked:
            if name not in self._known and self._store.find_manifest("articles", name) is not None:
                self._known.add(name)
        return self._known.intersection(names)

    def write(self, name: str, about: dict[str, str]) -> None:
        """Raises `TransientError`."""
        self._store.put_manifest("articles", name, canonical_json(dict(about)))
        self._known.add(name)

    def _asked_catalogue(self, names: Sequence[str]) -> bool:
        """False where none is there, or it cannot be asked: then the store is."""
        catalogue = self._catalogue()
        if catalogue is None:
            return False
        try:
            self._known |= catalogue.receipts(names)
        except (ConfigurationError, TransientError) as error:
            _log.warning("the catalogue cannot be asked for receipts: %s", error)
            return False
        return True

    def _catalogue(self) -> Catalogue | None:
        if self._engine is None and self._settings is not None:
            self._engine = existing(self._settings)
        return Catalogue(self._engine) if self._engine is not None else None
