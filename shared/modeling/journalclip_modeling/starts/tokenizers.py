"""The tokenizer of a source: its own files, or CLIP's published byte-pair table, which open_clip folders leave out."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

from transformers import AutoTokenizer, CLIPTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import bytes_to_unicode

from journalclip_modeling.starts.errors import StartUnusable

_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model")
_TABLE = "bpe_simple_vocab_16e6.txt.gz"
_MERGES = 49152 - 256 - 2  # as many of the table's lines as CLIP uses
_REMEDY = "Give --tokenizer: a folder with tokenizer.json, or CLIP's bpe_simple_vocab_16e6.txt.gz."


def tokenizer_of(folder: Path, given: Path | None, vocabulary: int, context: int) -> PreTrainedTokenizerBase:
    """``given`` first (a folder or CLIP's table), the source's own next, CLIP's table last. Raises `StartUnusable`."""
    place = given or folder
    if place.is_file():
        found = clip_tokenizer(place)
    elif any((place / name).is_file() for name in _FILES):
        found = _of_folder(place)
    else:
        found = clip_tokenizer(_installed_table(folder))
    if len(found) > vocabulary:
        raise StartUnusable(
            str(folder), f"its tokenizer has {len(found)} words and its text tower {vocabulary}", _REMEDY
        )
    if found.pad_token_id is None:
        found.pad_token = found.eos_token
    found.model_max_length = context
    return found


def clip_tokenizer(table: Path) -> PreTrainedTokenizerBase:
    """CLIP's tokenizer from its published table of merges (gzip, one merge a line below a heading)."""
    lines = gzip.decompress(table.read_bytes()).decode().split("\n")[1 : _MERGES + 1]
    merges = [tuple(line.split()) for line in lines]
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(merge) for merge in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=merges)


def _of_folder(folder: Path) -> PreTrainedTokenizerBase:
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError):  # a folder without a config.json says no class
        try:
            return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise StartUnusable(str(folder), f"its tokenizer does not load: {error}", _REMEDY) from error


def _installed_table(source: Path) -> Path:
    spec = importlib.util.find_spec("open_clip")
    table = Path(spec.origin).with_name(_TABLE) if spec is not None and spec.origin else Path()
    if not table.is_file():
        raise StartUnusable(str(source), "it holds no tokenizer", _REMEDY)
    return table
