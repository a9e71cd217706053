"""A JSON schema compiled for one tokenizer: which tokens may come next, at every point of an answer.

A tokenizer made here has one token for every piece of an answer, and those (with numerals) are all that an answer is
written in: no spelling ends in a place that no token leads out of, and masks are quick. Any other tokenizer may spell
an answer as it likes. Masks are applied without ``torch.compile``, which the library's own helper waits a minute for on
a CPU.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import llguidance
import llguidance.hf
import llguidance.torch
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from journalclip_structuring.lm.tokens import answer_pieces, numerals

_BITS: Final = 32  # of one number of a mask
# The library would spell bytes that must come by itself, one by one; here, pieces that hold them are chosen.
_UNFORCED: Final = '%llguidance {"no_forcing": true}'
_COMPACT: Final = {"x-guidance": {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}}


@dataclass(frozen=True)
class Grammar:
    """Matchers of one schema for one tokenizer."""

    tokenizer: llguidance.LLTokenizer
    source: str

    def matcher(self) -> llguidance.LLMatcher:
        return llguidance.LLMatcher(self.tokenizer, self.source)

    def restrict(self, logits: Tensor, matchers: Sequence[llguidance.LLMatcher]) -> Tensor:
        """``logits`` [rows, vocabulary] with minus infinity for each token that would leave the schema."""
        rows, size = logits.shape
        bits = torch.zeros(rows, -(-size // _BITS), dtype=torch.int32)
        for row, matcher in enumerate(matchers):
            llguidance.torch.fill_next_token_bitmask(matcher, bits, row)
        allowed = (bits[:, :, None] >> torch.arange(_BITS, dtype=torch.int32)) & 1
        return logits.masked_fill(allowed.view(rows, -1)[:, :size].to(logits.device) == 0, -torch.inf)


def compile_grammar(tokenizer: PreTrainedTokenizerFast, schema: dict[str, Any], vocabulary_size: int) -> Grammar:
    """``vocabulary_size`` is the model's, which may be padded beyond the tokenizer's."""
    source = f"{_UNFORCED}\nstart: %json {json.dumps(schema | _COMPACT)}\n"
    if spells_in_pieces(tokenizer):
        wrapped = llguidance.TokenizerWrapper(_Pieces(tokenizer, vocabulary_size))
        return Grammar(llguidance.LLTokenizer(wrapped, n_vocab=vocabulary_size), source)
    source = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema | _COMPACT))
    return Grammar(llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary_size), source)


def spells_in_pieces(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Was it made here, for the vocabularies of today?"""
    known = tokenizer.get_vocab()
    return all(piece in known for piece in answer_pieces())


class _Pieces:
    """What llguidance asks of a tokenizer, over the answer's pieces alone; all other tokens are special to it."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, vocabulary_size: int) -> None:
        known = tokenizer.get_vocab()
        ids = {piece.encode(): known[piece] for piece in [*answer_pieces(), *numerals(), "x"]}
        self.eos_token_id = int(tokenizer.eos_token_id)
        self.bos_token_id = None
        self.tokens = [f"<special {index}>".encode() for index in range(vocabulary_size)]
        for piece, index in ids.items():
            self.tokens[index] = piece
        self.special_token_ids = sorted(set(range(vocabulary_size)) - set(ids.values()))
        self._longest_first = sorted(ids.items(), key=lambda each: -len(each[0]))

    def __call__(self, text: bytes) -> list[int]:
        """The longest piece at each place; what no piece begins is left out."""
        found, at = [], 0
        while at < len(text):
            piece, index = next((each for each in self._longest_first if text.startswith(each[0], at)), (b"?", -1))
            if index >= 0:
                found.append(index)
            at += len(piece)
        return found
