"""Zero-shot classification: which label's words lie nearest to the picture.

Each label is written out with several prompts, and the mean of their vectors stands for it (the prompt ensemble of the
CLIP paper, Radford et al. 2021, section 3.1.4). Chances are by the model's own objective (`Encoder.chances`): those of
a softmax say which of the given labels fits best, not whether any fits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from journalclip_inference.index.vectors import Vectors
from journalclip_modeling.encoder import Encoder

PROMPTS: tuple[str, ...] = ("{}", "a figure showing {}", "an image of {}", "{} in a medical journal", "findings of {}")


def label_vectors(encoder: Encoder, labels: Sequence[str], prompts: Sequence[str] = PROMPTS) -> Vectors:
    """float32 [labels, D], unit length."""
    texts = [prompt.replace("{}", label) for label in labels for prompt in prompts]
    each = encoder.embed_texts(texts).reshape(len(labels), len(prompts), -1)
    mean = each.mean(axis=1)
    unit: Vectors = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)
    return unit
