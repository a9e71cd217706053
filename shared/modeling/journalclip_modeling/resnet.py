"""A CLIP whose image tower is a ResNet: the tower of the SeLIP paper, in a folder like any other CLIP's.

The text tower, the projections and the temperature are those of `CLIPModel`; pictures go through transformers' own
`ResNetModel` and a mean over places. `ResNetClip` is a `CLIPModel`, so whoever embeds with one embeds with the other,
and `load_clip` reads from a folder's ``config.json`` which of the two it holds.

Batch normalisation would tie a picture's vector to whatever else is in its batch, and a micro-batch's gradient to the
micro-batch. So a pretrained tower keeps its statistics as they are, in training too (``norm = "frozen"``), and a tower
made from nothing normalises by groups of channels instead (``norm = "group"``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, CLIPConfig, CLIPModel, ResNetConfig, ResNetModel
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.clip.configuration_clip import CLIPTextConfig, CLIPVisionConfig
from transformers.models.clip.modeling_clip import CLIPPreTrainedModel, CLIPTextModel

MODEL_TYPE = "journalclip_resnet_clip"
_GROUPS = 32  # as published for group normalisation (arXiv 1803.08494)


class ResNetVisionConfig(CLIPVisionConfig):  # type: ignore[misc]
    """A ResNet's sizes; ``hidden_size`` is its last stage's, ``image_size`` what pictures are resized to."""

    model_type = "journalclip_resnet_vision"

    num_attention_heads: int = 1  # no use here; must divide hidden_size
    embedding_size: int = 64
    hidden_sizes: list[int] | tuple[int, ...] = (256, 512, 1024, 2048)
    depths: list[int] | tuple[int, ...] = (3, 4, 6, 3)
    layer_type: str = "bottleneck"
    norm: str = "frozen"


class ResNetClipConfig(CLIPConfig):  # type: ignore[misc]
    """As `CLIPConfig`, with the image tower above."""

    model_type = MODEL_TYPE
    sub_configs_defaults = {"vision_config": ResNetVisionConfig, "text_config": CLIPTextConfig}  # noqa: RUF012 - transformers' own way


class ResNetVision(CLIPPreTrainedModel):  # type: ignore[misc]
    """Pixels [N, 3, S, S] to pooled features [N, hidden_size]."""

    config_class = ResNetVisionConfig
    main_input_name = "pixel_values"

    def __init__(self, config: ResNetVisionConfig) -> None:
        super().__init__(config)
        sizes = {name: getattr(config, name) for name in ("embedding_size", "hidden_sizes", "depths", "layer_type")}
        self.resnet = ResNetModel(ResNetConfig(**sizes))
        if config.norm == "group":
            _normalise_by_groups(self.resnet)
        self.post_init()

    def forward(self, pixel_values: torch.Tensor, **kwargs: Any) -> BaseModelOutputWithPooling:
        """Options of the ViT tower are accepted and have no meaning here."""
        del kwargs
        places = self.resnet(pixel_values).last_hidden_state
        return BaseModelOutputWithPooling(
            last_hidden_state=places.flatten(2).transpose(1, 2), pooler_output=places.mean((2, 3))
        )

    def train(self, mode: bool = True) -> Self:
        """Statistics stay what they are: only scales and shifts are learnt."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


class ResNetClip(CLIPModel):  # type: ignore[misc]
    """`CLIPModel` with `ResNetVision` as its image tower."""

    config_class = ResNetClipConfig

    def __init__(self, config: ResNetClipConfig) -> None:
        CLIPPreTrainedModel.__init__(self, config)
        text, vision = config.text_config, config.vision_config
        self.projection_dim = config.projection_dim
        self.text_embed_dim, self.vision_embed_dim = text.hidden_size, vision.hidden_size
        self.text_model = CLIPTextModel._from_config(text)
        self.vision_model = ResNetVision(vision)
        self.visual_projection = nn.Linear(vision.hidden_size, config.projection_dim, bias=False)
        self.text_projection = nn.Linear(text.hidden_size, config.projection_dim, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(config.logit_scale_init_value))
        self.post_init()


AutoConfig.register(MODEL_TYPE, ResNetClipConfig)
AutoModel.register(ResNetClipConfig, ResNetClip)


def load_clip(folder: Path) -> CLIPModel:
    """The folder's model, float32, offline. Raises OSError, ValueError or KeyError where it is none."""
    stored = json.loads((folder / "config.json").read_text()).get("model_type")
    kind = ResNetClip if stored == MODEL_TYPE else CLIPModel
    return kind.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype="float32")


def with_resnet(clip: CLIPModel, resnet: ResNetModel, image_size: int, norm: str) -> ResNetClip:
    """``clip``'s text tower and temperature beside ``resnet``; the image projection is new, by torch's generator."""
    sizes = resnet.config
    vision = {
        "hidden_size": sizes.hidden_sizes[-1],
        "image_size": image_size,
        "embedding_size": sizes.embedding_size,
        "hidden_sizes": list(sizes.hidden_sizes),
        "depths": list(sizes.depths),
        "layer_type": sizes.layer_type,
        "norm": norm,
    }
    config = ResNetClipConfig(
        text_config=clip.config.text_config.to_dict(), vision_config=vision, projection_dim=clip.config.projection_dim
    )
    out = ResNetClip(config)
    out.text_model.load_state_dict(clip.text_model.state_dict())
    out.text_projection.load_state_dict(clip.text_projection.state_dict())
    with torch.no_grad():
        out.logit_scale.copy_(clip.logit_scale)
    if norm == "frozen":
        out.vision_model.resnet.load_state_dict(resnet.state_dict())
    return out


def _normalise_by_groups(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            channels = child.num_features
            groups = next(n for n in range(min(_GROUPS, channels), 0, -1) if channels % n == 0)
            setattr(module, name, nn.GroupNorm(groups, channels))
        else:
            _normalise_by_groups(child)
