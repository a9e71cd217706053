"""Greedy decoding of a batch under a JSON schema: every token that would leave the schema is masked out.

An answer that ends by itself is therefore valid JSON of the schema; one that meets the token limit first is returned as
None, never as a torn string. Prompts are padded on the left, so that a batch shares its key-value cache; rows that are
done leave the batch.

A prefix model (``prefix``) reads the prompt in both directions, so its first pass carries a mask of its own; from then
on a token sees all that stands before it, as in any other model.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from journalclip_structuring.lm.grammar import Grammar
from journalclip_structuring.lm.network import prefix_mask


@torch.inference_mode()
def decode(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    grammar: Grammar,
    prompts: Sequence[str],
    limit: int,
    prefix: bool = False,
) -> list[str | None]:
    """The answer to each prompt, or None where ``limit`` tokens did not suffice."""
    tokens_BT, mask_BT = _left_padded(tokenizer, prompts)
    matchers = [grammar.matcher() for _ in prompts]
    written: list[list[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))  # rows of the batch that are still writing
    cache = None
    first_mask = prefix_mask(tokens_BT[:, :-1], 1, int(tokenizer.pad_token_id)) if prefix else mask_BT
    for _ in range(limit):
        positions_BT = (mask_BT.cumsum(1) - 1).clamp(min=0)[:, -tokens_BT.shape[1] :]
        out = model(
            input_ids=tokens_BT,
            attention_mask=first_mask if cache is None else mask_BT,
            position_ids=positions_BT,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = out.past_key_values
        chosen = grammar.restrict(out.logits[:, -1].float(), [matchers[row] for row in rows]).argmax(1).tolist()
        going = []
        for index, (row, token) in enumerate(zip(rows, chosen, strict=True)):
            matchers[row].consume_token(token)
            written[row].append(token)
            if not matchers[row].is_stopped():
                going.append(index)
        rows = [rows[index] for index in going]
        if not rows:
            break
        kept = torch.tensor(going)
        if len(going) < len(chosen):
            cache.batch_select_indices(kept)
            mask_BT = mask_BT[kept]
        tokens_BT = torch.tensor([[chosen[index]] for index in going])
        mask_BT = torch.cat([mask_BT, torch.ones_like(tokens_BT)], 1)
    unfinished = set(rows)
    return [
        None if row in unfinished else tokenizer.decode(tokens, skip_special_tokens=True)
        for row, tokens in enumerate(written)
    ]


def _left_padded(tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    ids = [tokenizer(prompt, add_special_tokens=False).input_ids for prompt in prompts]
    longest = max(len(row) for row in ids)
    pad = tokenizer.pad_token_id
    tokens_BT = torch.tensor([[pad] * (longest - len(row)) + row for row in ids])
    mask_BT = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in ids])
    return tokens_BT, mask_BT
