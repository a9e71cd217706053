"""A working folder: event log, artifacts, registry and caches of a local run.

    WORKDIR/events.db     the event log (SQLite)
    WORKDIR/artifacts/    the artifact store
    WORKDIR/mlflow.db     tracking and model registry (SQLite); mlartifacts/ beside it
    WORKDIR/keys/         the folder's own keys: training signs models with one, promotion verifies with the other
    WORKDIR/cache/        models and indexes fetched and verified; safe to delete
    WORKDIR/scratch/      checkpoints of training under way

One run at a time holds the folder's lock; readers need none.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import Kind
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.settings import Settings


@contextmanager
def locked(lock: Path, busy: str, remedy: str) -> Iterator[None]:
    """One holder a folder. Raises `PermanentError` ``workdir-busy``. The kernel lets go when the process ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermanentError("workdir-busy", busy, remedy) from None
        yield


@dataclass(frozen=True)
class Workspace:
    """Paths and lazily opened parts of one working folder."""

    root: Path

    @classmethod
    def existing(cls, root: Path) -> Workspace:
        """Raises `PermanentError` ``workdir-missing`` where no run has worked in ``root``."""
        if not (root / "events.db").is_file():
            raise PermanentError(
                "workdir-missing", f"{root} holds no journalclip run", "Run `journalclip run DIR` first, or --workdir."
            )
        return cls(root)

    @cached_property
    def bus(self) -> SqliteBus:
        return SqliteBus(self.root / "events.db")

    @cached_property
    def store(self) -> LocalArtifacts:
        return LocalArtifacts(self.root / "artifacts")

    @property
    def keys(self) -> Path:
        """The folder's own signing keys."""
        return self.root / "keys"

    @property
    def mlflow_uri(self) -> str:
        return f"sqlite:///{self.root.resolve() / 'mlflow.db'}"

    def registry(self, kind: Kind) -> MlflowRegistry:
        """The registered model of one kind."""
        return MlflowRegistry(self.mlflow_uri, self.registered_model(kind))

    def registered_model(self, kind: Kind) -> str:
        """As the services and commands name it that work on this folder."""
        return Settings(workdir=self.root).registered_model(kind)

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def scratch(self) -> Path:
        return self.root / "scratch"

    def lock(self) -> AbstractContextManager[None]:
        """Hold the folder for one run. Raises `PermanentError` ``workdir-busy`` when it is entered."""
        busy = f"another run works in {self.root}"
        return locked(self.root / ".lock", busy, "Wait for it, or take another --workdir.")
