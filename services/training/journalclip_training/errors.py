"""What can be wrong with a training run for good; each ends with a stable code and a remedy.

All are `PermanentError`: the same dataset and recipe would fail the same way again.
"""

from __future__ import annotations

from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import Kind


class DatasetTooSmall(PermanentError):
    """Fewer training examples than a contrastive batch needs."""

    def __init__(self, dataset_id: str, count: int, unit: str, needed: int, setting: str) -> None:
        super().__init__(
            "dataset-too-small",
            f"{dataset_id} has {count} training {unit}; the recipe needs at least {needed}",
            f"Add sources and freeze again, or set {setting} lower.",
        )


class TrainingDiverged(PermanentError):
    """The loss or its gradient stopped being a number."""

    def __init__(self, step: int, what: str, value: float) -> None:
        super().__init__(
            "training-diverged",
            f"{what} was {value} at step {step}; the checkpoint of the last sound step is kept",
            "Lower optim.lr, lengthen optim.warmup or set optim.clip; bf16 needs a GPU or CPU that has it.",
        )


class PicturesTooSmall(PermanentError):
    """The dataset's pictures were stored smaller than the image tower's input."""

    def __init__(self, dataset_id: str, stored: int, wanted: int) -> None:
        super().__init__(
            "dataset-pictures-too-small",
            f"{dataset_id} holds pictures of {stored} pixels; the start's image tower takes {wanted}",
            f"Freeze with JOURNALCLIP_FREEZE_IMAGE_SIZE={wanted} or more, or take a start of {stored} pixels or fewer.",
        )


class BaseUnavailable(PermanentError):
    """The checkpoint to start from cannot be had."""

    def __init__(self, base: str, reason: str) -> None:
        super().__init__(
            "base-unavailable",
            f"{base}: {reason.splitlines()[0] if reason else 'not found'}",
            "Give the folder of a downloaded CLIP checkpoint, a reachable Hugging Face name, or `scratch`.",
        )


class RecipeUnknown(PermanentError):
    """No recipe of this kind has this name."""

    def __init__(self, name: str, kind: Kind, its_kind: Kind | None, known: tuple[str, ...]) -> None:
        other = f"; that one is for {its_kind}" if its_kind else ""
        super().__init__(
            "recipe-unknown", f"no recipe {name!r} for {kind}{other}", f"Choose one of: {', '.join(known)}."
        )


class SettingInvalid(PermanentError):
    """A ``key=value`` names no field of the configuration, or its value does not fit."""

    def __init__(self, assignment: str, reason: str) -> None:
        super().__init__(
            "recipe-setting-invalid",
            f"{assignment}: {reason}",
            "`journalclip train --recipe R --dry-run` prints every key with its value.",
        )


class CheckpointMismatch(PermanentError):
    """A checkpoint on disk was written by another configuration."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__("checkpoint-mismatch", f"{path}: {reason}", "Delete the folder to start this run anew.")
