"""The image and text towers as one module. It takes raw batches and returns unit vectors.

Pixels are uint8 and are converted to floats on the device. The vectors are float32 for every compute precision, because
the loss's softmax needs the digits. The caller draws the random numbers for dropped patches and varied pictures from
seed and step. So a forward pass can be repeated exactly, which cached representations and resumed runs need.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import CLIPModel

from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.resnet import ResNetClip
from journalclip_training.augment import vary
from journalclip_training.config import Precision
from journalclip_training.errors import SettingInvalid
from journalclip_training.pooled import image_vectors, text_vectors
from journalclip_training.precision import computing


class Towers(nn.Module):
    """A CLIP model with preprocessing, augmentation, patch dropout and compute precision for training."""

    def __init__(
        self, model: CLIPModel, preprocess: Preprocess, precision: Precision = "float32", patch_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.model = model
        self.preprocess = preprocess
        self.precision: Precision = precision
        self.patch_dropout = patch_dropout
        self._keep: Tensor | None = None
        if patch_dropout:
            patches(model)  # raises `SettingInvalid` for a tower without patches
            model.vision_model.embeddings.register_forward_hook(self._drop)

    @property
    def device(self) -> torch.device:
        device: torch.device = next(self.model.parameters()).device
        return device

    def forward(self, pixels: Tensor, ids: Tensor, chance: Tensor, strength: float = 0.0) -> tuple[Tensor, Tensor]:
        """Unit vectors v and t, float32 [n, dim], of uint8 pixels [n, 3, S, S] and tokens [n, L].

        ``chance`` float [n, 8 + patches]: uniform random numbers, one row for each pair.
        """
        floats = self.preprocess.normalise(vary(pixels, chance[:, :8], strength))
        if self.patch_dropout:
            patches = chance[:, 8:]
            kept = max(1, round(patches.shape[1] * (1 - self.patch_dropout)))
            self._keep = patches.argsort(1)[:, :kept].sort(1).values
        with computing(floats.device.type, self.precision):
            v = image_vectors(self.model, floats)
            t = text_vectors(self.model, ids)
        self._keep = None
        normalize = torch.nn.functional.normalize
        return normalize(v.float(), dim=-1), normalize(t.float(), dim=-1)

    def _drop(self, module: nn.Module, inputs: object, hidden: Tensor) -> Tensor:
        """Keep the class token and the chosen patches of hidden [n, 1 + patches, W]."""
        del module, inputs
        if self._keep is None:
            return hidden
        index = (self._keep + 1)[..., None].expand(-1, -1, hidden.shape[-1])
        return torch.cat([hidden[:, :1], hidden.gather(1, index)], 1)


def patches(model: CLIPModel) -> int:
    """Number of patches of the image tower. Raises `SettingInvalid` for a tower without patches."""
    if not isinstance(model, CLIPModel) or isinstance(model, ResNetClip):
        raise SettingInvalid("model.patch_dropout", "this tower has no patches to drop behind a class token")
    vision = model.config.vision_config
    return int((vision.image_size // vision.patch_size) ** 2)
