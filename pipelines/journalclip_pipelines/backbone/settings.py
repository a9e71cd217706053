"""Settings of the services that live in pipelines: intake, freezing and the launcher of training."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from journalclip_pipelines.backbone.kubernetes import ACCOUNT
from journalclip_shared.settings import Settings


class BackboneSettings(Settings):
    """What `Settings` says, when to look and to freeze, and what RayJobs are made from."""

    reconcile_s: float = Field(60.0, gt=0, description="Seconds between two looks through the inbox.")
    upload_port: int = Field(0, ge=0, le=65535, description="Port of the HTTP upload; 0 means none.")
    upload_max_mb: int = Field(500, ge=1, description="Largest article that the upload takes.")
    freeze_new_pairs: int = Field(1000, ge=0, description="Freeze when so many new pairs have come; 0: never so.")
    freeze_every_s: float = Field(86_400.0, ge=0, description="Freeze so long after a new pair came; 0: never so.")
    freeze_image_size: int = Field(256, ge=8, description="Pixels of the longer side of a shard's images.")
    ray_job_template: str = Field("", description="Launcher: the config map that holds the RayJob to fill in.")
    kube_server: str = Field("https://kubernetes.default.svc", description="Launcher: the cluster's API server.")
    kube_namespace: str = Field("default", description="Launcher: where RayJobs are made.")
    kube_account: Path = Field(ACCOUNT, description="Launcher: folder of the pod's account.")
