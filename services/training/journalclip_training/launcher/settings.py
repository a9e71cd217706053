"""Settings of the training launcher."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from journalclip_shared.settings import Settings
from journalclip_training.launcher.kubernetes import ACCOUNT


class LauncherSettings(Settings):
    """What `Settings` says, what RayJobs are made from, and which recipe answers ``datasets.frozen``."""

    recipe: str = Field(
        "", description="Recipe that each new dataset is answered with; `off`: none; empty: the kind's own."
    )
    recipe_set: tuple[str, ...] = Field((), description='Changes to it, as JSON: ["optim.lr=1e-5"].')

    handler_limit_s: float = Field(0.0, ge=0, description="Seconds that one training may take; 0 means no limit.")
    ray_job_template: str = Field("", description="The config map that holds the RayJob to fill in.")
    kube_server: str = Field("https://kubernetes.default.svc", description="The cluster's API server.")
    kube_namespace: str = Field("default", description="Where RayJobs are made.")
    kube_account: Path = Field(ACCOUNT, description="Folder of the pod's account.")
