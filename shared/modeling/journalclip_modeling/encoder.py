"""An encoder from a CLIP folder: it turns pictures into vectors and texts into vectors.

The folder is what ``save_pretrained`` writes (safetensors, config, tokenizer, preprocessor); it loads with no network.
Vectors are float32 and L2-normalised, so a dot product is a cosine. The same folder gives the same vectors for
any batch size up to floating-point summation order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from journalclip_modeling.family import Learned, context_length, fixed_length, learned, vector_size
from journalclip_modeling.folder import load_folder
from journalclip_modeling.preprocess import Pixels, Preprocess

Vectors = NDArray[np.float32]
Item = TypeVar("Item")


class Encoder:
    """The image tower and the text tower of one model of any family, on one device, in evaluation mode."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, preprocess: Preprocess) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.preprocess = preprocess

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Encoder:
        """Load a CLIP folder offline. Raises `PermanentError` ``model-unloadable`` if ``folder`` is not one."""
        loaded = load_folder(folder)
        return cls(loaded.model.to(device), loaded.tokenizer, loaded.preprocess)

    @property
    def dim(self) -> int:
        return vector_size(self.model)

    @property
    def logit_scale(self) -> float:
        return math.exp(learned(self.model).log_scale)

    def chances(self, images: Vectors, texts: Vectors) -> Vectors:
        """Probabilities by the model's own objective, of unit vectors [N, D] and [C, D]: float32 [N, C], 0 to 1.

        A softmax model compares the texts, so a row sums to 1. A sigmoid model scores each text alone, so all values of
        a row may be near 1, or all near 0.
        """
        return chances(images @ texts.T, learned(self.model))

    def embed_images(self, images: Sequence[Image.Image], batch_size: int = 64) -> Vectors:
        """float32 [N, dim], L2-normalised."""
        return self._embed(images, batch_size, self._image_features)

    def embed_hidden(self, images: Sequence[Image.Image], batch_size: int = 64) -> Vectors:
        """float32 [N, width] of the image tower before its projection, not normalised; input of a linear probe."""
        return self._embed(images, batch_size, self._hidden_features, unit=False)

    def embed_pixels(self, pixels: Pixels, batch_size: int = 64) -> Vectors:
        """As `embed_images`, for squares from `Preprocess.pixels`: uint8 [N, size, size, 3], in memory or in a file."""
        return self._embed(pixels, batch_size, self._pixel_features)

    def embed_texts(self, texts: Sequence[str], batch_size: int = 256) -> Vectors:
        """float32 [N, dim], L2-normalised; texts beyond the context length are cut."""
        return self._embed(texts, batch_size, self._text_features)

    def _image_features(self, images: Sequence[Image.Image]) -> torch.Tensor:
        pixels = self.preprocess.batch(images).to(self.model.device)
        return image_features(self.model, self.preprocess.normalise(pixels, self.model.dtype))

    def _hidden_features(self, images: Sequence[Image.Image]) -> torch.Tensor:
        pixels = self.preprocess.batch(images).to(self.model.device)
        return hidden_features(self.model, self.preprocess.normalise(pixels, self.model.dtype))

    def _pixel_features(self, pixels: Sequence[Pixels]) -> torch.Tensor:
        batch = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).contiguous().to(self.model.device)
        return image_features(self.model, self.preprocess.normalise(batch, self.model.dtype))

    def _text_features(self, texts: Sequence[str]) -> torch.Tensor:
        fixed = fixed_length(self.model)
        tokens = tokenize(self.tokenizer, texts, context_length(self.model), fixed)
        return text_features(self.model, tokens["input_ids"], None if fixed else tokens["attention_mask"])

    def _embed(
        self, items: Sequence[Item] | Pixels, batch_size: int, features: Callable[[Sequence[Item]], torch.Tensor],
        unit: bool = True,
    ) -> Vectors:  # fmt: skip
        if not len(items):
            return np.zeros((0, self.dim), np.float32)
        with torch.inference_mode():
            found = (features(batch).float() for batch in _batches(items, batch_size))
            parts = [(normalised(each) if unit else each).cpu().numpy() for each in found]
        return cast(Vectors, np.concatenate(parts))


def chances(cosines: Vectors, objective: Learned) -> Vectors:
    """As `Encoder.chances`, from cosines [N, C]."""
    logits = math.exp(objective.log_scale) * cosines.astype(np.float64)
    if objective.kind == "sigmoid":
        found = 1 / (1 + np.exp(-np.clip(logits + (objective.bias or 0.0), -700, 700)))
    else:
        weights = np.exp(logits - logits.max(1, keepdims=True))
        found = weights / weights.sum(1, keepdims=True)
    return cast(Vectors, found.astype(np.float32))


def tokenize(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], length: int, fixed: bool = False
) -> dict[str, torch.Tensor]:
    """``input_ids`` and ``attention_mask``, int64 [N, longest], cut to ``length``; ``fixed`` pads to it."""
    found = tokenizer(
        list(texts), padding="max_length" if fixed else True, truncation=True, max_length=length, return_tensors="pt",
        return_attention_mask=True,
    )  # fmt: skip
    return {name: found[name] for name in ("input_ids", "attention_mask")}


def image_features(model: PreTrainedModel, pixel_values: torch.Tensor) -> torch.Tensor:
    """Projected image features [N, dim], not normalised."""
    return cast(torch.Tensor, model.get_image_features(pixel_values=pixel_values).pooler_output)


def hidden_features(model: PreTrainedModel, pixel_values: torch.Tensor) -> torch.Tensor:
    """Pooled image features [N, width] before the projection, whatever the family; SigLIP has no projection."""
    held: list[torch.Tensor] = []
    projection = getattr(model, "visual_projection", None)
    if not isinstance(projection, torch.nn.Module):
        return image_features(model, pixel_values)
    hook = projection.register_forward_pre_hook(lambda _, given: held.append(given[0]))
    try:
        image_features(model, pixel_values)
    finally:
        hook.remove()
    return held[0].flatten(1)


def text_features(
    model: PreTrainedModel, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Projected text features [N, dim], not normalised. Texts padded at their end need no mask."""
    device = model.device
    mask = None if attention_mask is None else attention_mask.to(device)
    output = model.get_text_features(input_ids=input_ids.to(device), attention_mask=mask)
    return cast(torch.Tensor, output.pooler_output)


def normalised(features: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(features, dim=-1)


def _batches(items: Sequence[Item] | Pixels, size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield cast(Sequence[Item], items[start : start + size])
