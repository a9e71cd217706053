"""What an arm starts from: a pretrained study model, from a folder or the registry, or its like with random weights.

Both have one configuration and take the same steps; a start is known by the digest of its weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import torch

from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_modeling.studies.folder import load_study_folder
from journalclip_modeling.studies.model import StudyModel, study_model
from journalclip_pipelines.downstream.errors import CasesUnusable
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import Alias


@dataclass(frozen=True)
class Pretrained:
    """``model`` is copied before it is trained."""

    model: StudyModel
    digest: str

    @property
    def config(self) -> StudyModelConfig:
        return self.model.config


def pretrained(name: str, workdir: Path) -> Pretrained:
    """``name`` is an alias in the registry of ``workdir``, or a model's folder.

    Raises `CasesUnusable` ``start-missing``, `ModelUnloadable`, `ModelTampered`.
    """
    folder = _registered(cast(Alias, name), workdir) if name in get_args(Alias) else Path(name)
    if not folder.is_dir():
        raise CasesUnusable("start-missing", f"{folder} is no folder")
    loaded = load_study_folder(folder)
    return Pretrained(loaded.model, sha256_hex((folder / "model.safetensors").read_bytes()))


def scratch(config: StudyModelConfig, seed: int) -> StudyModel:
    """Random weights; the same arguments give the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return study_model(config)


def _registered(alias: Alias, workdir: Path) -> Path:
    workspace = Workspace.existing(workdir)
    version = workspace.registry("studies").by_alias(alias)
    if version is None:
        raise CasesUnusable("start-missing", f"no study model is {alias} in {workdir}")
    manifest = ModelManifest.model_validate_json(workspace.store.get(version.manifest))
    return fetch_folder(workspace.store, manifest.files, workspace.cache / "models")
