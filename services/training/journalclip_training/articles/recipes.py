"""Recipes of articles: functions that return a whole configuration, read top to bottom, nothing hidden.

The published parts are the published values; where a paper prints none (CNS-CLIP's rate and epochs, SeLIP's weights)
the values are ours and open to ``--set``.
"""

from __future__ import annotations

from dataclasses import replace

from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_training.config import DataConfig, ForgettingConfig, LossConfig, ModelConfig, OptimConfig, TrainConfig

WHOLE = 320  # CLIP's 77 positions stretched as Long-CLIP does: 1.4 % of real captions' tokens are cut, not 28 %
_SELIP = LossConfig(kind="soft", lam=0.3, alpha=0.5, tau_s=0.1, syntax="fields", semantic="minilm")
# Whoever starts from a model that knows something finds out at the end what the run has cost it.
_SWEEP = ForgettingConfig(alphas=tuple(n / 10 for n in range(1, 10)), cap=0.01)


def demo() -> TrainConfig:
    """Small towers from nothing, for two CPU cores and a few minutes. Its quality is a demonstration's."""
    return TrainConfig(
        recipe="demo",
        data=DataConfig(augment=0.5),
        model=ModelConfig(base="scratch", scratch=ScratchConfig(width=96, heads=3, layers=3, dim=96, context=64)),
        loss=LossConfig(kind="clip"),  # its score is strict: a panel's own subcaption, not its neighbour's
        optim=OptimConfig(lr=1e-3, epochs=24, batch=128, warmup=0.06),
    )


def demo_packaged() -> TrainConfig:
    """Real weights on two CPU cores: EfficientNet-Lite0 and MiniLM from installed packages, both locked; their
    projections learn to meet. Every picture and caption goes through the towers once."""
    return TrainConfig(
        recipe="demo_packaged",
        model=ModelConfig(base="packages", trainable="projections"),
        loss=LossConfig(kind="clip"),
        optim=OptimConfig(lr=3e-4, epochs=20, batch=128, warmup=0.06),
    )


def cns_clip_vit_b32() -> TrainConfig:
    """CNS-CLIP: OpenAI's ViT-B/32 fine-tuned on a society's journals, plain CLIP loss, on whole captions."""
    return TrainConfig(
        recipe="cns_clip_vit_b32",
        data=DataConfig(augment=0.3),
        model=ModelConfig(base="openai/clip-vit-base-patch32", context=WHOLE, precision="bf16"),
        loss=LossConfig(kind="clip"),
        optim=OptimConfig(
            lr=1e-5, epochs=10, batch=1024, micro_batch=256, warmup=0.1, layer_decay=0.75, validations=10
        ),
        forgetting=_SWEEP,
    )


def cns_clip_vit_b16() -> TrainConfig:
    """As `cns_clip_vit_b32` with smaller patches: four times the image tokens."""
    config = cns_clip_vit_b32()
    model = replace(config.model, base="openai/clip-vit-base-patch16", activation_checkpointing=True)
    return replace(config, recipe="cns_clip_vit_b16", model=model)


def cns_clip_vit_l14() -> TrainConfig:
    """The largest of CLIP's own towers; half of its 256 patches are dropped in training, and weights are averaged."""
    config = cns_clip_vit_b32()
    return replace(
        config,
        recipe="cns_clip_vit_l14",
        model=replace(
            config.model, base="openai/clip-vit-large-patch14", activation_checkpointing=True, patch_dropout=0.5
        ),
        optim=replace(config.optim, lr=5e-6, micro_batch=64, layer_decay=0.85, ema=0.999),
    )


def cns_clip_attention() -> TrainConfig:
    """As `cns_clip_vit_b32`, but only self-attention, projections and temperature move: a third of the weights."""
    config = cns_clip_vit_b32()
    return replace(config, recipe="cns_clip_attention", model=replace(config.model, trainable="attention"))


def cns_clip_gentle() -> TrainConfig:
    """CNS-CLIP that forgets less: low-rank updates and distillation, before the sweep that all of them have.

    ``--set forgetting.replay=0.25 --set forgetting.replay_dataset=ds_...`` adds general pairs to every batch.
    """
    config = cns_clip_vit_b32()
    return replace(
        config,
        recipe="cns_clip_gentle",
        model=replace(config.model, trainable="lora", lora_rank=16),
        optim=replace(config.optim, lr=1e-4, layer_decay=1.0),
        forgetting=replace(_SWEEP, distil=0.5),
    )


def selip_vit_b32() -> TrainConfig:
    """The SeLIP loss on a ViT-B/32, with texts as long as captions are."""
    config = cns_clip_vit_b32()
    return replace(config, recipe="selip_vit_b32", model=replace(config.model, context=256), loss=_SELIP)


def selip_resnet50() -> TrainConfig:
    """SeLIP's image tower: a ResNet-50 that knows ImageNet, beside CLIP's text tower stretched to reports' length."""
    return TrainConfig(
        recipe="selip_resnet50",
        data=DataConfig(text="mixed", augment=0.3),
        model=ModelConfig(
            base="openai/clip-vit-base-patch32", image_base="microsoft/resnet-50", context=256, precision="bf16"
        ),
        loss=_SELIP,
        # A tower that has never seen a text moves faster than a tuned CLIP's, and its new projection fastest.
        optim=OptimConfig(
            lr=1e-4, epochs=30, batch=1024, micro_batch=256, warmup=0.1, layer_decay=0.85, validations=10
        ),
        forgetting=_SWEEP,
    )


ARTICLE_RECIPES = (demo, demo_packaged)  # for a CPU
ARTICLE_RECIPES_GPU = (
    cns_clip_vit_b32,
    cns_clip_vit_b16,
    cns_clip_vit_l14,
    cns_clip_attention,
    cns_clip_gentle,
    selip_vit_b32,
    selip_resnet50,
)
