"""Quality models of a working folder: registered with what was measured of them and of the rules on the same labels."""

from __future__ import annotations

from pathlib import Path

from journalclip_extraction.quality import registered
from journalclip_extraction.quality.train import Report
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.ids import Json
from journalclip_shared.registry import Alias, MlflowRegistry

_ALIASES: tuple[Alias, ...] = ("candidate", "champion", "previous")


def register(workdir: Path, text: str, report: Report) -> str:
    """Store and register the model; the same model keeps its version. Returns the version's number."""
    workdir.mkdir(parents=True, exist_ok=True)
    tags = {f"accuracy.{task}": str(share) for task, share in report.model.items()}
    tags |= {f"rules.{task}": str(share) for task, share in report.rules.items()}
    tags["labels"] = str(report.found)
    return registered.register(Workspace(workdir).store, _registry(workdir), text, tags).version


def promote(workdir: Path, version: str, anyway: bool) -> str:
    """As `registered.promote`, in ``workdir``."""
    return registered.promote(_registry(workdir), version, anyway)


def listing(workdir: Path) -> list[dict[str, Json]]:
    """Every version with its aliases and shares, oldest first."""
    registry = _registry(workdir)
    named = [(alias, registry.by_alias(alias)) for alias in _ALIASES]
    return [
        {
            "version": each.version,
            "aliases": [alias for alias, holder in named if holder is not None and holder.version == each.version],
            "measured": {key: each.tags[key] for key in sorted(each.tags) if not key.startswith("journalclip.")},
        }
        for each in registry.versions()
    ]


def _registry(workdir: Path) -> MlflowRegistry:
    return MlflowRegistry(Workspace(workdir).mlflow_uri, registered.REGISTERED)
