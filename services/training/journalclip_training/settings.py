"""Training's settings, read once in ``__main__``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from journalclip_shared.settings import Settings


class TrainingSettings(Settings):
    """Which recipe answers ``datasets.frozen``, and on what trainings run."""

    handler_limit_s: float = Field(0.0, ge=0, description="Seconds that one training may take; 0 means no limit.")
    recipe: str = Field(
        "", description="Recipe that each new dataset is answered with; `off`: none; empty: the kind's own."
    )
    recipe_set: tuple[str, ...] = Field((), description='Changes to it, as JSON: ["optim.lr=1e-5"].')
    general_reference: Path | None = Field(
        None, description="Folder of class folders: the general set that the forgetting sweep must not lose on."
    )
    signing_key_file: Path | None = Field(
        None, description="File with the key that signs manifests; local artifacts have a key of their own."
    )
    device: str = Field("auto", description="`auto` (a GPU where PyTorch sees one), `cpu`, `cuda`, or `cuda:N`.")
    compile: bool = Field(False, description="torch.compile both towers.")
    threads: int = Field(0, ge=0, description="Threads of torch on a CPU; 0 leaves its default.")
    decode_threads: int = Field(2, ge=1)
    checkpoint_every: int = Field(25, ge=1, description="Steps between checkpoints.")
    ray_workers: int | tuple[int, int] | None = Field(
        None,
        description="Train on a Ray cluster with so many workers; `[least, most]` is elastic. None: in this process.",
    )
    ray_address: str = Field("auto", description="The cluster's address; `local` starts one on this machine.")
    ray_failures: int = Field(3, ge=0, description="How many times a run may lose workers.")
    ray_gpus: float = Field(1.0, gt=0, description="GPUs of one worker where the device is `cuda`; 0.5: half of one.")
    ray_storage: str = Field("", description="Folder or s3:// address of Ray's checkpoints; empty: by the artifacts.")
