"""Low-rank adaptation: only small factors beside the attention's weights move, and they are folded in at the end.

The saved folder is a plain CLIP folder: nobody who loads it needs to know.
"""

from __future__ import annotations

from typing import cast

from peft import LoraConfig, PeftModel, get_peft_model
from transformers import CLIPModel

TARGETS = ["q_proj", "k_proj", "v_proj", "out_proj"]


def add_lora(model: CLIPModel, rank: int) -> PeftModel:
    """Factors inside ``model``, everything else frozen but both projections and the temperature."""
    adapted = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=TARGETS))
    for name, parameter in model.named_parameters():
        if "projection" in name or "logit_scale" in name:
            parameter.requires_grad_(True)
    return cast(PeftModel, adapted)


def fold_lora(adapted: PeftModel) -> None:
    """Add the factors' product to the weights and take them out, in place."""
    adapted.merge_and_unload()
