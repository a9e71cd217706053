"""Retrieval in a synthetic world: an answer is right when it shows the asked fact, whichever pair it comes from."""

from __future__ import annotations

import numpy as np
import torch

from journalclip_devtools.experiments.world import World
from journalclip_modeling.encoder import image_features, normalised, text_features, tokenize
from journalclip_modeling.folder import ClipFolder


def recall_at_1(model: ClipFolder, world: World) -> float:
    """Mean over both directions."""
    return float(np.mean(right_at_1(model, world)))


def right_at_1(model: ClipFolder, world: World) -> tuple[np.ndarray, np.ndarray]:
    """0 or 1 a query: picture to text, text to picture."""
    similarity = _similarity(model, world)
    right = (world.facts[:, None] == world.facts[None, :]).astype(np.float64)
    one, other = (right[np.arange(len(s)), s.argmax(1)] for s in (similarity, similarity.T))
    return one, other


def mean_average_precision(model: ClipFolder, world: World) -> float:
    """Mean over both directions and all queries: are all pairs of the fact ranked first?"""
    similarity = _similarity(model, world)
    right = world.facts[:, None] == world.facts[None, :]
    return float(np.mean([average_precision(s, right) for s in (similarity, similarity.T)]))


def average_precision(similarity: np.ndarray, right: np.ndarray) -> float:
    """Mean over queries (rows); ``right`` marks the answers, at least one a row."""
    ordered = np.take_along_axis(right, np.argsort(-similarity, axis=1, kind="stable"), axis=1)
    precision = np.cumsum(ordered, axis=1) / np.arange(1, ordered.shape[1] + 1)
    return float(((precision * ordered).sum(1) / ordered.sum(1)).mean())


def _similarity(model: ClipFolder, world: World) -> np.ndarray:
    indices = np.arange(len(world.samples), dtype=np.int64)
    tokens = tokenize(model.tokenizer, world.samples.texts, model.model.config.text_config.max_position_embeddings)
    model.model.eval()
    with torch.inference_mode():
        pixels = model.preprocess.normalise(world.samples.pictures.batch(indices))
        v = normalised(image_features(model.model, pixels))
        t = normalised(text_features(model.model, tokens["input_ids"], tokens["attention_mask"]))
    return np.asarray((v @ t.T).numpy())
