"""Settings: one frozen object a service, read once in its ``__main__`` and passed down.

Every setting is an environment variable ``JOURNALCLIP_<NAME>`` (nested: ``JOURNALCLIP_S3__ENDPOINT``), or a file of
that name in the secrets folder. Nothing else in the tree reads the environment.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Base of every service's settings: where the event log and the artifacts are."""

    model_config = SettingsConfigDict(env_prefix="JOURNALCLIP_", env_nested_delimiter="__", frozen=True, extra="ignore")

    workdir: Path = Field(Path("journalclip-work"), description="Folder of the local log, artifacts and registry.")
    bus: str = Field("sqlite", description="`sqlite` (a file in workdir) or `kafka`.")
    artifacts: str = Field("local", description="`local` (a folder in workdir) or `s3`.")
    mlflow_uri: str = Field("", description="Tracking server; empty means sqlite in workdir.")
    log_json: bool = Field(False, description="Logs as JSON lines.")
