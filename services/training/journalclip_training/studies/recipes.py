"""Recipes of studies: functions that return a whole configuration, as those of articles do.

SeLIP prints neither its weights nor its schedule legibly; the values are ours.
"""

from __future__ import annotations

from dataclasses import replace

from journalclip_modeling.studies.config import (
    StudyModelConfig,
    TextTowerConfig,
    resnet50,
    tiny_resnet,
    tiny_vit,
    vit_b16,
)
from journalclip_training.config import LossConfig, OptimConfig
from journalclip_training.studies.config import StudyDataConfig, StudyTrainConfig

_SOFT = LossConfig(kind="soft", lam=0.5, alpha=0.7, tau_s=0.1, syntax="fields", semantic="minilm")


def selip_resnet50_studies() -> StudyTrainConfig:
    """SeLIP's loss on a ResNet-50 over slices, for a GPU."""
    return StudyTrainConfig(
        recipe="selip_resnet50_studies",
        model=StudyModelConfig(tower=resnet50()),
        loss=_SOFT,
        optim=OptimConfig(lr=3e-4, epochs=40, batch=32, warmup=0.1),
    )


def selip_vit_b16_studies() -> StudyTrainConfig:
    """SeLIP's loss on a ViT-B/16 over slices, for a GPU."""
    return StudyTrainConfig(
        recipe="selip_vit_b16_studies",
        model=StudyModelConfig(tower=vit_b16()),
        loss=_SOFT,
        optim=OptimConfig(lr=3e-4, epochs=40, batch=32, warmup=0.1),
    )


def study_demo() -> StudyTrainConfig:
    """Small towers from nothing on a small grid, for a CPU. Its quality is a demonstration's."""
    return StudyTrainConfig(
        recipe="study_demo",
        data=StudyDataConfig(shift=1),
        model=StudyModelConfig(
            grid=(8, 32, 32), tower=tiny_resnet(),
            text=TextTowerConfig(width=48, layers=1, heads=3, context=64, vocabulary=600),
            hidden=48, pool_heads=3, dim=48,
        ),
        loss=LossConfig(kind="soft", lam=0.5, alpha=0.7, tau_s=0.1, syntax="fields", semantic="hashing"),
        optim=OptimConfig(lr=3e-3, epochs=20, batch=48, warmup=0.1),
    )  # fmt: skip


def study_demo_vit() -> StudyTrainConfig:
    """As `study_demo` with a ViT."""
    config = study_demo()
    return replace(config, recipe="study_demo_vit", model=replace(config.model, tower=tiny_vit()))


STUDY_RECIPES = (study_demo, study_demo_vit, selip_resnet50_studies, selip_vit_b16_studies)
