"""Start embeddings from the vocabularies: tokens with the same meaning start near each other.

Used for a model that is trained from scratch. A report has "pontine tegmentum" and the answer has ``,"s":"pons"``; the
vocabulary maps both to one concept. Their embeddings start near each other, so a layer that copies the token it attends
to writes the right answer token from the start. A token of two concepts (``,"T1WI":"hypointense"``) starts between
them. Training may move every embedding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from journalclip_structuring.pseudo.write import plural, templates
from journalclip_structuring.report_record import SEQUENCES
from journalclip_structuring.study import SIGNALS
from journalclip_structuring.vocabulary import vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Concept = tuple[str, str]  # the key of a `Study` and its value
_SHARE: Final = 0.7  # share of a token's first variance that its concepts set; the rest differs for each token
_VOCABULARIES: Final = {
    "t": "report_finding",
    "s": "report_site",
    "h": "report_shape",
    "l": "report_laterality",
    "q": "report_sequence",
    "o": "report_signal",
}
_WORDS: Final = {
    "m": "mass_effect",
    "e": "enhancement",
    "k": "count",
    "c": "hedge_word",
    "o": "signal_adj",
    "signal": "signal_noun",
}


def meanings(tokenizer: PreTrainedTokenizerFast) -> dict[int, tuple[Concept, ...]]:
    """The concepts of each token id; tokens without a concept are left out."""
    known = tokenizer.get_vocab()
    return {known[text]: concepts for text, concepts in (*_phrases(), *_pieces()) if text in known}


def related_embeddings(tokenizer: PreTrainedTokenizerFast, size: int, width: int, deviation: float) -> Tensor:
    """Random embeddings [size, width], normal with ``deviation``, near each other for tokens that share concepts."""
    embeddings = torch.randn(size, width)
    directions: dict[Concept, Tensor] = {}
    for token, concepts in meanings(tokenizer).items():
        parts = [directions.setdefault(concept, torch.randn(width)) for concept in concepts]
        shared = torch.stack(parts).sum(0) / len(parts) ** 0.5
        embeddings[token] = _SHARE**0.5 * shared + (1 - _SHARE) ** 0.5 * embeddings[token]
    return embeddings * deviation


def _phrases() -> Iterator[tuple[str, tuple[Concept, ...]]]:
    for key, name in _VOCABULARIES.items():
        for term, words in vocabulary(name).terms.items():
            yield from ((form.lower(), ((key, term),)) for word in words for form in (word, plural(word)))
    for key, name in _WORDS.items():
        for term, synonyms in templates("words")[name].items():
            concept = ("o" if key == "signal" else key, "1" if term == "single" else term)
            yield from ((word.lower(), (concept,)) for word in synonyms if not word.isdigit())


def _pieces() -> Iterator[tuple[str, tuple[Concept, ...]]]:
    for term in vocabulary("report_finding").terms:
        yield from ((f'{lead}{{"t":"{term}"', (("t", term),)) for lead in ("", "},", "}},"))
    for key in "shl":
        yield from ((f',"{key}":"{term}"', ((key, term),)) for term in vocabulary(_VOCABULARIES[key]).terms)
    for key in "mekc":
        for term in templates("words")[_WORDS[key]]:
            value = "1" if term == "single" else term
            yield f',"{key}":"{value}"', ((key, value),)
    for name in SEQUENCES:
        yield from ((text, (("q", name),)) for text in (f'"{name}",', f'"{name}"],"f":[', f'"{name}"],"w":['))
        for signal in ("", *SIGNALS):
            said = (("q", name), ("o", signal)) if signal else (("q", name),)
            yield from ((text, said) for text in (f',"o":{{"{name}":"{signal}"', f',"{name}":"{signal}"'))
