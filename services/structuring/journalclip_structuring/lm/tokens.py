"""The tokenizer of a model trained from scratch, and how report and answer are laid out as tokens.

One token a word, and one a phrase where the vocabularies know a phrase ("contrast-enhanced images"), so that a report
is some sixty tokens and every coded thing is one; numbers are digits in pairs, so that sizes can be copied. A word that
training never saw is ``<unk>``, and training sees plenty of those. An answer's pieces (``{"t":"glioma"``) are one token
each.
Reports are read in lower case; an answer's pieces never come up in a report.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Final

from journalclip_structuring.pseudo.write import plural, templates
from journalclip_structuring.study import json_schema
from journalclip_structuring.vocabulary import REPORT_FIELDS, vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEGIN: Final = "<report>"
ANSWER: Final = "<answer>"
END: Final = "<end>"
PAD: Final = "<pad>"
UNKNOWN: Final = "<unk>"
_MAX_WORDS: Final = 5_000  # far more than the templates hold
_RARE: Final = 5  # words that come up less often stay unknown


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Deterministic for the same texts and vocabularies."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s+"), "removed"),
            pre_tokenizers.Split(Regex(r"(?<=\d)\.\d|\d{1,2}|[^\W\d]+|[^\w\s]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.WordLevelTrainer(
        vocab_size=_MAX_WORDS,
        min_frequency=_RARE,
        special_tokens=[PAD, BEGIN, ANSWER, END, UNKNOWN],
        show_progress=False,
    )
    always = [" ".join([*numerals(), "x"]).replace(" .", " 1.")] * _RARE
    inner.train_from_iterator(chain((text.lower() for text in texts), always), trainer)
    inner.add_tokens([AddedToken(piece, normalized=False) for piece in answer_pieces()])
    inner.add_tokens([AddedToken(phrase, normalized=False, single_word=True) for phrase in phrases()])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token=PAD, bos_token=BEGIN, eos_token=END, unk_token=UNKNOWN
    )


def phrases() -> list[str]:
    """What the vocabularies call a term, in lower case, plurals of things and places included; longest first."""
    found: set[str] = set()
    for name in REPORT_FIELDS:
        known = [word.lower() for words in vocabulary(name).terms.values() for word in words]
        found.update(known)
        if name in {"report_finding", "report_site"}:
            found.update(plural(word) for word in known)
    for table in templates("words").values():
        found.update(word.lower() for words in table.values() for word in words)
    return sorted((phrase for phrase in found if not phrase.isdigit()), key=lambda phrase: (-len(phrase), phrase))


def answer_pieces() -> list[str]:
    """Every chunk that the schema lets an answer contain, longest first where one begins another.

    Each runs up to a place where another one can begin, whichever it is, so that no answer gets stuck: that is why a
    chunk takes the brackets before a finding, or after a sequence, along.
    """
    properties = json_schema()["properties"]
    finding = properties["f"]["items"]["properties"]
    pieces = ['{"q":[', '],"f":[', "]}", "}]}", "}}]}", ',"n":1', ',"z":"', 'mm"', 'cm"']
    for name in properties["q"]["items"]["enum"]:
        pieces += [f'"{name}",', f'"{name}"],"f":[', f'"{name}"],"w":[']
        for signal in finding["o"]["properties"][name]["enum"]:
            pieces += [f',"o":{{"{name}":"{signal}"', f',"{name}":"{signal}"']
    for term in finding["t"]["enum"]:
        pieces += [f'{lead}{{"t":"{term}"' for lead in ("", "},", "}},")]
    for key in "clskhme":
        pieces += [f',"{key}":"{value}"' for value in finding[key]["enum"]]
    return sorted(pieces, key=lambda piece: (-len(piece), piece))


def numerals() -> list[str]:
    """What numbers are written in: up to two digits, or a point and a digit."""
    return [str(n) for n in range(100)] + [f"0{n}" for n in range(10)] + [f".{n}" for n in range(10)]


def prompt(text: str) -> str:
    """What stands before the answer."""
    return f"{BEGIN}{text.lower()}{ANSWER}"
