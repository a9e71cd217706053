"""CLIP's towers with their last layer computed for the one token that is read: the same vectors for less work.

An image's vector is read at the class token, a text's at its end token. So the last layer needs keys and values of all
tokens, but queries, output and feed-forward of that token only: of a layer of width W that leaves 2 of 12 W x W
products a token, in both passes. Values and gradients are those of `CLIPModel`, to the order of summation.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import CLIPModel
from transformers.models.clip.modeling_clip import CLIPEncoderLayer, CLIPTextModel, CLIPVisionModel

from journalclip_modeling.encoder import image_features, text_features

_LARGEST = 2  # an `eos_token_id` of old configurations: the end token is then the one with the largest number


def image_vectors(model: CLIPModel, pixels: Tensor) -> Tensor:
    """Projected features [N, dim] of float pixels [N, 3, S, S]; towers of another kind compute all they have."""
    tower = model.vision_model
    if not isinstance(model, CLIPModel) or not isinstance(tower, CLIPVisionModel):
        return image_features(model, pixels)
    hidden = tower.pre_layrnorm(tower.embeddings(pixels))
    *layers, last = tower.encoder.layers
    first = torch.zeros(len(pixels), dtype=torch.int64, device=pixels.device)
    pooled = _pooled(last, _through(layers, hidden, causal=False), first, None)
    projected: Tensor = model.visual_projection(tower.post_layernorm(pooled))
    return projected


def text_vectors(model: CLIPModel, ids: Tensor) -> Tensor:
    """Projected features [N, dim] of token numbers [N, L], padded at their end: attention is causal, so what follows
    the end token is never seen. Towers of another kind tell padding by themselves."""
    tower = model.text_model
    if not isinstance(model, CLIPModel) or not isinstance(tower, CLIPTextModel):
        return text_features(model, ids)
    ends = end_places(ids, tower.eos_token_id)
    *layers, last = tower.encoder.layers
    visible = torch.arange(ids.shape[1], device=ids.device) <= ends[:, None]
    hidden = _through(layers, tower.embeddings(ids), causal=True)
    pooled = _pooled(last, hidden, ends, visible[:, None, None])
    projected: Tensor = model.text_projection(tower.final_layer_norm(pooled))
    return projected


def end_places(ids: Tensor, end: int) -> Tensor:
    """int64 [N]: where transformers reads a text's vector."""
    return ids.argmax(1) if end == _LARGEST else (ids == end).int().argmax(1)


def _through(layers: Iterable[nn.Module], hidden: Tensor, causal: bool) -> Tensor:
    for layer in layers:
        hidden = layer(hidden, None, is_causal=causal)
    return hidden


def _pooled(layer: CLIPEncoderLayer, hidden: Tensor, places: Tensor, visible: Tensor | None) -> Tensor:
    """One layer's output [N, W] at ``places`` [N] of hidden [N, L, W]; ``visible`` [N, 1, 1, L] masks the keys."""
    attention, rows = layer.self_attn, torch.arange(len(hidden), device=hidden.device)
    normed = layer.layer_norm1(hidden)
    shape = len(hidden), -1, attention.num_heads, attention.head_dim
    queries, keys, values = (
        project(x).view(shape).transpose(1, 2)
        for project, x in (
            (attention.q_proj, normed[rows, places]),
            (attention.k_proj, normed),
            (attention.v_proj, normed),
        )
    )
    dropout = attention.dropout if layer.training else 0.0
    seen = scaled_dot_product_attention(queries, keys, values, visible, dropout, scale=attention.scale)
    pooled: Tensor = hidden[rows, places] + attention.out_proj(seen.transpose(1, 2).reshape(len(hidden), -1))
    refined: Tensor = pooled + layer.mlp(layer.layer_norm2(pooled))
    return refined
