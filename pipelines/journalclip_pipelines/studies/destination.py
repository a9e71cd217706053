"""Where submitted studies go: the log and the store that settings name, with the keys of a folder.

Without settings that is the working folder itself; with those of a cluster (``JOURNALCLIP_...``) its log and store, and
the folder holds the key of pseudonyms and the key of report texts alone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.settings import Settings
from journalclip_shared.wiring import open_artifacts, open_bus


class Destination(Protocol):
    """What taking studies in needs; a working folder is one."""

    @property
    def root(self) -> Path:
        """The folder of the keys."""
        ...

    @property
    def bus(self) -> Bus: ...

    @property
    def store(self) -> ArtifactStore: ...

    def lock(self) -> AbstractContextManager[None]:
        """Raises `PermanentError` ``workdir-busy`` when it is entered."""
        ...


@dataclass(frozen=True)
class SettledDestination:
    """Log and store as settings say, opened when they are first used."""

    settings: Settings

    @classmethod
    def of(cls, workdir: Path) -> SettledDestination:
        return cls(Settings(workdir=workdir))

    @property
    def root(self) -> Path:
        return self.settings.workdir

    @cached_property
    def bus(self) -> Bus:
        return open_bus(self.settings)

    @cached_property
    def store(self) -> ArtifactStore:
        return open_artifacts(self.settings)

    def lock(self) -> AbstractContextManager[None]:
        return Workspace(self.root).lock()
