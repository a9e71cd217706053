"""The promotion service's knobs, each an environment variable ``JOURNALCLIP_...`` (see the README's table)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from journalclip_shared.settings import Settings


class PromotionSettings(Settings):
    """What `Settings` says, and what is asked of a candidate."""

    gates: str = Field("default", description="`default`, `local`, or the path of a YAML file.")
    verify_key_file: Path | None = Field(
        None, description="File with the trusted keys, one a line; local artifacts have keys of their own."
    )
    licensed_collections: tuple[str, ...] = Field(
        (),
        description="Your own journals, as their articles name them: trained on whatever licence they print.",
    )
    device: str = Field("auto", description="Where candidates are measured: `auto`, `cpu`, `cuda`, or `cuda:N`.")
    suites: Path = Field(Path("suites"), description="Folder below which the data of evaluation suites lies.")
    lock: Literal["auto", "file", "registry"] = Field(
        "auto",
        description="`file` in the work folder, `registry` for promoters on many machines; `auto`: as MLflow is.",
    )
    reconcile_s: float = Field(60, gt=0, description="Seconds between two looks for gaps.")
