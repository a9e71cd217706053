"""How much the ablation does: for two shared cores, or for one GPU. What is compared is the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from journalclip_devtools.experiments.pretraining.world import SEQUENCES
from journalclip_modeling.studies.config import (
    SliceTowerConfig,
    StudyModelConfig,
    TextTowerConfig,
    resnet50,
    tiny_resnet,
    tiny_volume,
    volume_resnet50,
)
from journalclip_training.config import LossConfig, OptimConfig, Precision
from journalclip_training.studies.config import StudyDataConfig, StudyTrainConfig
from journalclip_training.studies.recipes import NORMAL_TEXT

SizeName = Literal["cpu", "gpu"]
Tower = Literal["volume", "slices"]
TOWERS: tuple[Tower, ...] = ("volume", "slices")

# The soft loss has the values of the recipe `selip_resnet50_studies`, but for the similarity, which is weighed by
# evidence, and a sentence encoder that needs no files. The temperature is fixed for all three, as SeLIP's is.
LOSSES: dict[str, LossConfig] = {
    "clip": LossConfig(kind="clip", normal_text=NORMAL_TEXT, learn_scale=False),
    "selip": LossConfig(kind="selip", normal_text=NORMAL_TEXT, learn_scale=False),
    "evidence": LossConfig(
        kind="soft", lam=0.5, alpha=0.7, tau_s=0.1, syntax="evidence", semantic="hashing", normal_text=NORMAL_TEXT,
        learn_scale=False,
    ),
}  # fmt: skip
BASELINE = "clip"


@dataclass(frozen=True)
class Size:
    """Studies a seed, the grid they are drawn on, and the run's shape. ``precision`` and ``device`` go together."""

    train: int
    test: int
    grid: tuple[int, int, int]
    volume: SliceTowerConfig
    slices: SliceTowerConfig
    text: TextTowerConfig
    hidden: int
    dim: int
    optim: OptimConfig
    precision: Precision = "float32"
    checkpoint_slices: int = 0

    def model(self, tower: Tower) -> StudyModelConfig:
        """Both towers end in ``dim``; a volume tower's hidden width is its own last one."""
        images = self.volume if tower == "volume" else self.slices
        hidden = images.widths[-1] if tower == "volume" else self.hidden
        return StudyModelConfig(
            grid=self.grid, sequences=SEQUENCES, tower=images, text=self.text, hidden=hidden,
            pool_heads=3 if self.hidden % 3 == 0 else 8, dim=self.dim,
        )  # fmt: skip

    def config(self, loss: str, tower: Tower, seed: int) -> StudyTrainConfig:
        """Single volumes with their own texts, no text twice in a batch: SeLIP's unit for every arm."""
        # The volume tower's batch statistics see a batch whole.
        optim = replace(self.optim, micro_batch=0) if tower == "volume" else self.optim
        return StudyTrainConfig(
            recipe="selip-ablation",
            seed=seed,
            data=StudyDataConfig(unit="volume", unique_texts=True, drop_sequences=0.0, shift=1),
            model=self.model(tower),
            loss=LOSSES[loss],
            optim=optim,
            study_weight=0.0,
            precision=self.precision,
            checkpoint_slices=self.checkpoint_slices,
        )


SIZES: dict[SizeName, Size] = {
    "cpu": Size(
        train=256, test=150, grid=(3, 20, 20), volume=tiny_volume((16, 32)), slices=tiny_resnet((16, 32)),
        text=TextTowerConfig(width=48, layers=1, heads=3, context=48, vocabulary=400), hidden=48, dim=48,
        optim=OptimConfig(lr=3e-3, steps=160, batch=48, warmup=0.1),
    ),
    "gpu": Size(
        train=4000, test=1000, grid=(12, 64, 64), volume=volume_resnet50(), slices=resnet50(),
        text=TextTowerConfig(width=256, layers=4, heads=4, context=77, vocabulary=2000), hidden=512, dim=512,
        optim=OptimConfig(lr=3e-4, steps=4000, batch=128, warmup=0.1), precision="bf16", checkpoint_slices=240,
    ),
}  # fmt: skip
