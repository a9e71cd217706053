"""Any image tower beside any text tower, as one folder that transformers loads: the shape of BiomedCLIP and its kin.

The image tower is timm's or transformers', the text tower any transformers encoder; each is pooled to one vector and
projected. Normalisation statistics of batches stay what they are in training, and nothing is dropped out: a picture's
vector must depend neither on its neighbours nor on when it is asked for.
"""

from __future__ import annotations

import math
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

MODEL_TYPE = "journalclip_two_tower"
_DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "attention_dropout",
    "hidden_dropout",
    "embedding_dropout",
    "mlp_dropout",
)


class TwoTowerConfig(PreTrainedConfig):  # type: ignore[misc]
    """``image`` is {"timm": name, "arguments": {...}} or {"config": {...}, "pooling": cls | mean | pooler}.

    ``text`` is {"config": {...}, "pooling": cls | mean | pooler | eos}. A projection is {"kind": linear | mlp | none,
    "bias": bool, "inner": width of an mlp}. ``objective`` is softmax or sigmoid: what scores mean to a classifier.
    """

    model_type = MODEL_TYPE

    def __init__(
        self,
        image: dict[str, Any] | None = None,
        text: dict[str, Any] | None = None,
        image_projection: dict[str, Any] | None = None,
        text_projection: dict[str, Any] | None = None,
        projection_dim: int = 512,
        image_size: int = 224,
        context: int = 77,
        objective: str = "softmax",
        **others: Any,
    ) -> None:
        self.image, self.text = image or {}, text or {}
        self.image_projection, self.text_projection = image_projection or {}, text_projection or {}
        self.projection_dim, self.image_size, self.context = projection_dim, image_size, context
        self.objective = objective
        super().__init__(**others)


class TwoTower(PreTrainedModel):  # type: ignore[misc]
    """The methods of `CLIPModel` that journalclip calls: features of pictures and of texts, and a temperature."""

    config_class = TwoTowerConfig
    base_model_prefix = ""
    main_input_name = "pixel_values"

    def __init__(self, config: TwoTowerConfig) -> None:
        super().__init__(config)
        self.vision_model = ImageTower(config.image)
        self.text_model = TextTower(config.text)
        self.visual_projection = _projection(self.vision_model.width, config.projection_dim, config.image_projection)
        self.text_projection = _projection(self.text_model.width, config.projection_dim, config.text_projection)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        if config.objective == "sigmoid":
            self.logit_bias = nn.Parameter(torch.tensor(-10.0))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Towers have initialised themselves."""

    def get_image_features(self, pixel_values: Tensor, **others: Any) -> BaseModelOutputWithPooling:
        """``pooler_output`` is projected, [N, dim]."""
        del others
        return BaseModelOutputWithPooling(pooler_output=self.visual_projection(self.vision_model(pixel_values)))

    def get_text_features(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **others: Any
    ) -> BaseModelOutputWithPooling:
        """Without a mask, padding is told by its number."""
        del others
        mask = input_ids != self.text_model.pad if attention_mask is None else attention_mask
        return BaseModelOutputWithPooling(pooler_output=self.text_projection(self.text_model(input_ids, mask)))

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self


class ImageTower(nn.Module):
    """float [N, 3, S, S] to [N, width]."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.pooling = config.get("pooling", "")
        if "timm" in config:
            import timm  # seconds, which nobody else should pay

            made: Any = timm.create_model(config["timm"], pretrained=False, **config.get("arguments", {}))
            self.net, self.width = made, int(made.num_classes or made.num_features)
        else:
            self.net = AutoModel.from_config(_auto(config["config"]), dtype=torch.float32)
            self.width = _width(self.net.config)
            self.pooling = self.pooling or "pooler"

    def forward(self, pixels: Tensor) -> Tensor:
        found = self.net(pixels) if not self.pooling else self.net(pixel_values=pixels)
        return found if isinstance(found, Tensor) else _pooled(found, self.pooling, None, None)


class TextTower(nn.Module):
    """ids [N, L] and mask [N, L] to [N, width]."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.pooling = config["pooling"]
        self.net = AutoModel.from_config(_auto(config["config"]), dtype=torch.float32)
        if self.pooling != "pooler" and getattr(self.net, "pooler", None) is not None:
            self.net.pooler = None
        self.width = _width(self.net.config)
        self.pad = int(self.net.config.pad_token_id or 0)
        self.end = int(config.get("end", 0))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        found = self.net(input_ids=ids, attention_mask=mask if self.pooling != "eos" else None)
        ends = (ids == self.end).int().argmax(1) if self.pooling == "eos" else None
        return _pooled(found, self.pooling, mask, ends)


def _pooled(found: Any, pooling: str, mask: Tensor | None, ends: Tensor | None) -> Tensor:
    hidden: Tensor = found.last_hidden_state
    match pooling:
        case "pooler":
            pooled: Tensor = found.pooler_output
            return pooled.flatten(1)
        case "cls":
            return hidden[:, 0]
        case "eos":
            assert ends is not None
            return hidden[torch.arange(len(hidden), device=hidden.device), ends]
        case _:
            if mask is None:
                return hidden.flatten(2).mean(2) if hidden.ndim == 4 else hidden.mean(1)
            weight = mask[..., None].to(hidden.dtype)
            return (hidden * weight).sum(1) / weight.sum(1)


def _projection(width: int, dim: int, config: dict[str, Any]) -> nn.Module:
    bias = bool(config.get("bias", False))
    match config.get("kind", "linear"):
        case "none":
            return nn.Identity()
        case "mlp":
            inner = int(config.get("inner", (width + dim) // 2))
            return nn.Sequential(nn.Linear(width, inner, bias=bias), nn.GELU(), nn.Linear(inner, dim, bias=bias))
        case _:
            return nn.Linear(width, dim, bias=bias)


def _auto(stored: dict[str, Any]) -> PreTrainedConfig:
    quiet = {name: 0.0 for name in _DROPOUTS if name in stored}
    config = AutoConfig.for_model(**{**stored, **quiet})
    for name in _DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, 0.0)
    return config


def _width(config: Any) -> int:
    return int(config.hidden_sizes[-1] if hasattr(config, "hidden_sizes") else config.hidden_size)


AutoConfig.register(MODEL_TYPE, TwoTowerConfig)
AutoModel.register(TwoTowerConfig, TwoTower)
