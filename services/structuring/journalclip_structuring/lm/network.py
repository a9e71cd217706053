"""The small model, and a forward pass over its weights that does only what training needs.

A `LlamaForCausalLM`, so that anything that loads causal LMs loads it. The report is known whole before the first token
of the answer is written, so its tokens see each other in both directions (a prefix LM); the answer's see the report and
what was written before. The last layer is computed for the answer alone, since nobody asks what follows a report's
words. `answer_logits` equals the library's own forward pass under the same mask (a test holds it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

from journalclip_structuring.lm.concepts import related_embeddings
from journalclip_structuring.lm.lessons import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_DEVIATION: Final = 0.06  # of embeddings: logits of order one
_MATCH: Final = 0.7
_PASS: Final = 0.6
_HIDDEN: Final = -1e9  # added to the score of a key not to be seen; finite, so that a row of nothing else is no NaN


def new_model(
    tokenizer: PreTrainedTokenizerFast, hidden: int, layers: int, heads: int, intermediate: int
) -> LlamaForCausalLM:
    """Embeddings tied, tokens of one meaning near each other; attention that begins by copying from its like."""
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=hidden,
            intermediate_size=intermediate,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            pad_token_id=int(tokenizer.pad_token_id),
        )
    )
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(related_embeddings(tokenizer, len(tokenizer), hidden, _DEVIATION))
        for layer in model.model.layers:
            _begin_by_copying(cast("LlamaDecoderLayer", layer), hidden)
    return model


def _begin_by_copying(layer: LlamaDecoderLayer, hidden: int) -> None:
    """Queries match keys of the same content, and what is attended to is passed on as it is, each nearly.

    Trained transformers come to look like this (Trockman and Kolter 2023, https://arxiv.org/abs/2305.09828); begun so,
    a small one need not find it.
    """
    attention = layer.self_attn
    like, content = (torch.nn.init.orthogonal_(torch.empty(hidden, hidden)) for _ in range(2))
    noise = 0.3 / hidden**0.5
    attention.q_proj.weight.copy_(_MATCH * like + noise * torch.randn(hidden, hidden))
    attention.k_proj.weight.copy_(_MATCH * like + noise * torch.randn(hidden, hidden))
    attention.v_proj.weight.copy_(_PASS * content + noise * torch.randn(hidden, hidden))
    attention.o_proj.weight.copy_(_PASS * content.T + noise * torch.randn(hidden, hidden))


def prefix_mask(prompts: Tensor, answers: int, pad: int) -> Tensor:
    """Additive, float [rows, 1, P + answers, P + answers], for prompts [rows, P] padded on the left."""
    rows, width = prompts.shape
    total = width + answers
    later = torch.arange(total)[None, :] > torch.arange(total).clamp(min=width - 1)[:, None]
    unseen = later.expand(rows, total, total).clone()
    unseen[:, :, :width] |= (prompts == pad)[:, None, :]
    return torch.zeros(unseen.shape).masked_fill_(unseen, _HIDDEN)[:, None]


def answer_logits(model: LlamaForCausalLM, batch: Batch, wanted: Tensor) -> Tensor:
    """Logits [N, vocabulary] at the N places of the answers that ``wanted`` [rows, A] marks."""
    width = batch.prompts.shape[1]
    tokens = torch.cat([batch.prompts, batch.answers], 1)
    mask = prefix_mask(batch.prompts, batch.answers.shape[1], int(model.config.pad_token_id))
    x = model.model.embed_tokens(tokens)
    cos, sin = model.model.rotary_emb(x, torch.arange(tokens.shape[1])[None])
    half = sin.shape[-1] // 2
    turn = (cos[:, None], torch.cat([-sin[..., :half], sin[..., half:]], -1)[:, None])
    for index, layer in enumerate(model.model.layers):
        last = index == len(model.model.layers) - 1
        x = _layer(cast("LlamaDecoderLayer", layer), x, turn, mask, width if last else 0)
    return cast("Tensor", model.lm_head(model.model.norm(x[wanted])))


def _layer(layer: LlamaDecoderLayer, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor, first: int) -> Tensor:
    """One layer for the positions from ``first`` on, which see all of ``x`` [rows, T, C] that ``mask`` lets them."""
    rows, total, size = x.shape
    attention, mlp = layer.self_attn, layer.mlp
    shape = (rows, total, -1, attention.head_dim)
    together = torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight])
    h = functional.linear(_norm(layer.input_layernorm, x), together)
    q, k, v = (part.view(shape).transpose(1, 2) for part in torch.split(h, size, -1))
    q, k = _turned(q, turn)[:, :, first:], _turned(k, turn)
    seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, :, first:])
    x = x[:, first:] + attention.o_proj(seen.transpose(1, 2).reshape(rows, total - first, size))
    both = functional.linear(
        _norm(layer.post_attention_layernorm, x), torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])
    )
    gate, up = both.chunk(2, -1)
    return x + cast("Tensor", mlp.down_proj(functional.silu(gate) * up))


def _norm(norm: torch.nn.Module, x: Tensor) -> Tensor:
    weight = cast("Tensor", norm.weight)
    return functional.rms_norm(x, (x.shape[-1],), weight, cast("float", norm.variance_epsilon))


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions; the sine's first half is negative already, so one roll does."""
    return x * turn[0] + x.roll(x.shape[-1] // 2, -1) * turn[1]
