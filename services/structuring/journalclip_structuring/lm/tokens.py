"""The tokenizer of a model trained from scratch, and how report and answer are laid out as tokens.

Byte-level BPE learned from pseudo reports, with digits apart so that numbers can be copied, plus one whole token for
every piece of an answer (``{"t":"glioma"``), so that an answer is about one token a fact. Reports are read in lower
case; an answer's pieces never come up in a report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from journalclip_structuring.study import json_schema

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEGIN: Final = "<report>"
ANSWER: Final = "<answer>"
END: Final = "<end>"
PAD: Final = "<pad>"
_BPE_VOCABULARY: Final = 2_000  # the pseudo reports' own words, whole; rarer words come as pieces


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Deterministic for the same texts."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d| ?[^\W\d]+| ?[^\w\s]|\s+"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_BPE_VOCABULARY,
        special_tokens=[PAD, BEGIN, ANSWER, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator((text.lower() for text in texts), trainer)
    inner.add_tokens([AddedToken(piece, normalized=False) for piece in answer_pieces()])
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token=PAD, bos_token=BEGIN, eos_token=END)


def answer_pieces() -> list[str]:
    """Every chunk that the schema lets an answer contain, longest first where one begins another."""
    properties = json_schema()["properties"]
    finding = properties["f"]["items"]["properties"]
    pieces = ['{"q":[', '],"f":[', "]}", "},", "}", ',"z":"', ',"o":{', "}}", "}},", ',"n":1', "x", 'mm"', 'cm"']
    for name in properties["q"]["items"]["enum"]:
        pieces += [f'"{name}"', f',"{name}"']
        for signal in finding["o"]["properties"][name]["enum"]:
            pieces += [f'"{name}":"{signal}"', f',"{name}":"{signal}"']
    pieces += [f'{{"t":"{term}"' for term in finding["t"]["enum"]]
    for key in "clskhme":
        pieces += [f',"{key}":"{value}"' for value in finding[key]["enum"]]
    return sorted({piece for piece in pieces if not re.fullmatch(r"\w", piece)}, key=lambda piece: (-len(piece), piece))


def prompt(text: str) -> str:
    """What stands before the answer."""
    return f"{BEGIN}{text.lower()}{ANSWER}"
