"""A CLIP folder as two functions: pictures to vectors, texts to vectors.

The folder is what ``CLIPModel.save_pretrained`` writes (safetensors, config, tokenizer, preprocessor); it loads with no
network. Vectors are float32 and L2-normalised, so a dot product is a cosine. The same folder gives the same vectors for
any batch size up to floating-point summation order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import CLIPModel, PreTrainedTokenizerBase

from journalclip_modeling.folder import load_folder
from journalclip_modeling.preprocess import Preprocess

Vectors = NDArray[np.float32]
Item = TypeVar("Item")


class Encoder:
    """Both towers of one model on one device, in evaluation mode."""

    def __init__(self, model: CLIPModel, tokenizer: PreTrainedTokenizerBase, preprocess: Preprocess) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.preprocess = preprocess

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Encoder:
        """Load a CLIP folder offline. Raises `PermanentError` ``model-unloadable`` where it is not one."""
        loaded = load_folder(folder)
        return cls(loaded.model.to(device), loaded.tokenizer, loaded.preprocess)

    @property
    def dim(self) -> int:
        return int(self.model.config.projection_dim)

    @property
    def logit_scale(self) -> float:
        return float(self.model.logit_scale.detach().exp())

    def embed_images(self, images: Sequence[Image.Image], batch_size: int = 64) -> Vectors:
        """float32 [N, dim], L2-normalised."""
        return self._embed(images, batch_size, self._image_features)

    def embed_texts(self, texts: Sequence[str], batch_size: int = 256) -> Vectors:
        """float32 [N, dim], L2-normalised; texts beyond the context length are cut."""
        return self._embed(texts, batch_size, self._text_features)

    def _image_features(self, images: Sequence[Image.Image]) -> torch.Tensor:
        pixels = self.preprocess.batch(images).to(self.model.device)
        return image_features(self.model, self.preprocess.normalise(pixels, self.model.dtype))

    def _text_features(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = tokenize(self.tokenizer, texts, context_length(self.model))
        return text_features(self.model, tokens["input_ids"], tokens["attention_mask"])

    def _embed(
        self, items: Sequence[Item], batch_size: int, features: Callable[[Sequence[Item]], torch.Tensor]
    ) -> Vectors:
        if not items:
            return np.zeros((0, self.dim), np.float32)
        with torch.inference_mode():
            parts = [normalised(features(batch)).float().cpu().numpy() for batch in _batches(items, batch_size)]
        return cast(Vectors, np.concatenate(parts))


def context_length(model: CLIPModel) -> int:
    return int(model.config.text_config.max_position_embeddings)


def tokenize(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], length: int) -> dict[str, torch.Tensor]:
    """``input_ids`` and ``attention_mask``, int64 [N, longest], cut to ``length`` tokens."""
    found = tokenizer(list(texts), padding=True, truncation=True, max_length=length, return_tensors="pt")
    return {name: found[name] for name in ("input_ids", "attention_mask")}


def image_features(model: CLIPModel, pixel_values: torch.Tensor) -> torch.Tensor:
    """Projected image features [N, dim], not normalised."""
    return cast(torch.Tensor, model.get_image_features(pixel_values=pixel_values).pooler_output)


def text_features(
    model: CLIPModel, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Projected text features [N, dim], not normalised. Texts padded at their end need no mask."""
    device = model.device
    mask = None if attention_mask is None else attention_mask.to(device)
    output = model.get_text_features(input_ids=input_ids.to(device), attention_mask=mask)
    return cast(torch.Tensor, output.pooler_output)


def normalised(features: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(features, dim=-1)


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
