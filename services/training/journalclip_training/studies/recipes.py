"""Recipes of studies: functions that return a whole configuration, as those of articles do.

`selip_paper` has the values of the paper's released code; those of the whole-study recipes are ours.
"""

from __future__ import annotations

from dataclasses import replace

from journalclip_modeling.studies.config import (
    StudyModelConfig,
    TextTowerConfig,
    resnet50,
    tiny_resnet,
    tiny_vit,
    tiny_volume,
    vit_b16,
    volume_resnet50,
)
from journalclip_training.config import LossConfig, OptimConfig
from journalclip_training.studies.config import StudyDataConfig, StudyTrainConfig

_CHUNK = 240  # slices recomputed at a time: ten volumes of the published grid
_SOFT = LossConfig(kind="soft", lam=0.5, alpha=0.7, tau_s=0.1, syntax="evidence", semantic="minilm")


NORMAL_TEXT = "No abnormality."  # what every volume of a normal examination is paired with


def selip_paper() -> StudyTrainConfig:
    """SeLIP as published (arXiv 2503.19801, released code): single volumes with their own texts, for one GPU.

    ``--set text_base=...`` gives the text encoder that knows its language (the paper's is chinese-bert-wwm). bf16 takes
    the place of the released code's fp16 (``--set precision=fp16``). That code does not train the temperature.
    """
    return StudyTrainConfig(
        recipe="selip_paper",
        data=StudyDataConfig(
            unit="volume", unique_texts=True, drop_sequences=0.0, shift=0, brightness=0.1, zoom=0.1, turn=0.53,
            gamma=0.3, elastic=2.0,
        ),
        model=StudyModelConfig(
            tower=volume_resnet50(), hidden=2048, dim=512,
            text=TextTowerConfig(kind="encoder", width=768, layers=12, heads=12, context=256, vocabulary=21128),
        ),
        loss=LossConfig(kind="selip", normal_text=NORMAL_TEXT, learn_scale=False),
        optim=OptimConfig(
            lr=1e-4, text_lr=5e-5, weight_decay=0.0, beta2=0.999, eps=1e-3, clip=0.0, batch=64,
            steps=30_000, warmup=5_000 / 30_000, schedule="polynomial", power=0.9, stairs=100,
            validations=30,
        ),
        study_weight=0.0,
        precision="bf16",
    )  # fmt: skip


def selip_paper_demo() -> StudyTrainConfig:
    """As `selip_paper` with small towers from nothing on a small grid, for a CPU. Its quality is a demonstration's."""
    paper = selip_paper()
    return replace(
        paper,
        recipe="selip_paper_demo",
        data=replace(paper.data, elastic=0.5),
        model=StudyModelConfig(
            grid=(8, 32, 32), tower=tiny_volume((24, 48)), hidden=48, dim=48,
            text=TextTowerConfig(kind="encoder", width=48, layers=1, heads=3, context=64, vocabulary=600),
        ),
        optim=replace(paper.optim, lr=3e-3, text_lr=3e-3, steps=300, warmup=1 / 6, batch=48, validations=4),
        precision="float32",
    )  # fmt: skip


def selip_resnet50_studies() -> StudyTrainConfig:
    """SeLIP's loss on a ResNet-50 over slices, for a GPU."""
    return StudyTrainConfig(
        recipe="selip_resnet50_studies",
        model=StudyModelConfig(tower=resnet50()),
        loss=_SOFT,
        optim=OptimConfig(lr=3e-4, epochs=40, batch=32, micro_batch=8, warmup=0.1, validations=20),
        precision="bf16",
        checkpoint_slices=_CHUNK,
    )


def selip_vit_b16_studies() -> StudyTrainConfig:
    """SeLIP's loss on a ViT-B/16 over slices, for a GPU."""
    return StudyTrainConfig(
        recipe="selip_vit_b16_studies",
        model=StudyModelConfig(tower=vit_b16()),
        loss=_SOFT,
        optim=OptimConfig(lr=3e-4, epochs=40, batch=32, micro_batch=4, warmup=0.1, validations=20),
        precision="bf16",
        checkpoint_slices=_CHUNK,
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
        loss=LossConfig(kind="soft", lam=0.5, alpha=0.7, tau_s=0.1, syntax="evidence", semantic="hashing"),
        optim=OptimConfig(lr=3e-3, epochs=20, batch=48, warmup=0.1, validations=4),
    )  # fmt: skip


def study_demo_vit() -> StudyTrainConfig:
    """As `study_demo` with a ViT."""
    config = study_demo()
    return replace(config, recipe="study_demo_vit", model=replace(config.model, tower=tiny_vit()))


STUDY_RECIPES = (study_demo, study_demo_vit, selip_paper_demo)  # for a CPU
STUDY_RECIPES_GPU = (selip_paper, selip_resnet50_studies, selip_vit_b16_studies)
