"""A trained model: the digest of every file, what it was made from, and what it scored.

The manifest is what promotion verifies and serving loads: a file that is not in it, or differs from it, is refused.
"""

from __future__ import annotations

from pydantic import Field

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.kinds import OfKind
from journalclip_shared.records import Document


class ModelFile(Document):
    """One file of the CLIP folder, by its path inside it."""

    path: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$")
    ref: ArtifactRef


class SweepPoint(Document):
    """One model between start (``alpha`` 0) and tuned (1), on the domain's validation split and a general set."""

    alpha: float
    domain: float
    general: float


class ModelManifest(OfKind, Document):
    """A candidate. ``model_id`` digests dataset, recipe and starting point: the same run has the same id."""

    model_id: str
    dataset_id: str
    dataset: ArtifactRef
    recipe: str
    config: str = Field(description="The full training configuration as canonical JSON.")
    base: str = Field(description="What it started from: a checkpoint's name and digest, or `scratch:<seed>`.")
    files: tuple[ModelFile, ...]
    start_files: tuple[ModelFile, ...] = Field((), description="The starting point, for paired comparison.")
    run_id: str = Field("", description="The tracking run.")
    steps: int = 0
    card: dict[str, str] = Field(
        default_factory=dict, description="The model card's fields; empty ones block promotion."
    )
    metrics: dict[str, float] = Field(default_factory=dict, description="Training's own final numbers.")
    sweep: tuple[SweepPoint, ...] = Field((), description="Weight interpolation against forgetting, where it was done.")
