"""An installation as commands about models see it: log, store, registry and tracker, wherever settings say they are.

Without settings that is the working folder of `journalclip run`; with those of a cluster (``JOURNALCLIP_...``, or the
``cluster.env`` that `journalclip up` writes) it is the cluster, and a command takes the same lock as its services.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from journalclip_promotion.promoter import Promoter
from journalclip_promotion.settings import PromotionSettings
from journalclip_promotion.wiring import build_promoter
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import KINDS, Kind
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.runs import MlflowRuns
from journalclip_shared.settings import Settings
from journalclip_shared.wiring import open_artifacts, open_bus


def store_of(workdir: Path) -> ArtifactStore:
    """The artifacts of an installation. Raises `PermanentError` ``workdir-missing`` as `Installation.open` does."""
    settings = Settings(workdir=workdir)
    if settings.artifacts == "local" and not (workdir / "events.db").is_file():
        raise _missing(workdir)
    return open_artifacts(settings)


def _missing(workdir: Path) -> PermanentError:
    remedy = "Run `journalclip run DIR` first, or give --workdir, or a cluster's settings."
    return PermanentError("workdir-missing", f"{workdir} holds no journalclip run", remedy)


@dataclass(frozen=True)
class Installation:
    """One kind's part of an installation. Everything is opened when it is first used."""

    settings: PromotionSettings
    kind: Kind

    @classmethod
    def open(cls, workdir: Path, kind: Kind) -> Installation:
        """Raises `PermanentError` ``workdir-missing`` where only a folder is named, and no run worked in it."""
        settings = PromotionSettings(workdir=workdir)
        local = settings.bus == "sqlite" and settings.artifacts == "local" and not settings.mlflow_uri
        if local and not (workdir / "events.db").is_file():
            raise _missing(workdir)
        if local and "gates" not in settings.model_fields_set:
            settings = settings.model_copy(update={"gates": "local"})
        return cls(settings, kind)

    @classmethod
    def every(cls, workdir: Path, kind: Kind | None = None) -> list[Installation]:
        """One for each kind that has a registered model; ``kind`` narrows it to one, whether it has or not."""
        if kind is not None:
            return [cls.open(workdir, kind)]
        return [there for each in KINDS if (there := cls.open(workdir, each)).registry.versions()]

    @cached_property
    def bus(self) -> Bus:
        return open_bus(self.settings)

    @cached_property
    def store(self) -> ArtifactStore:
        return open_artifacts(self.settings)

    @cached_property
    def registry(self) -> MlflowRegistry:
        return MlflowRegistry(self.settings.registry_uri, self.settings.registered_model(self.kind))

    @cached_property
    def runs(self) -> MlflowRuns:
        return MlflowRuns(self.settings.registry_uri)

    @property
    def models(self) -> Path:
        """Where models are fetched to; safe to delete."""
        return self.settings.workdir / "cache" / "models"

    def promoter(self, gates: str | None = None) -> Promoter:
        """With the installation's gates, or others. Raises `GatesUnusable`, `KeyUnusable`."""
        settings = self.settings if gates is None else self.settings.model_copy(update={"gates": gates})
        return build_promoter(settings, self.store, self.registry, self.runs, self.kind)
