"""Answers by content: the same prompt to the same model is asked once, however often the text comes by.

The key digests everything that could change an answer (model, messages, schema, sampling), so a new prompt or model
never sees an old answer. Only answers that validated are kept. One file an answer, whole or absent.
"""

from __future__ import annotations

from pathlib import Path

from journalclip_shared.atomic import write_atomically
from journalclip_shared.ids import Json, canonical_json, sha256_hex


class AnswerCache:
    """A folder of answers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def key(request: Json) -> str:
        return sha256_hex(canonical_json(request))

    def get(self, key: str) -> str | None:
        path = self._path(key)
        return path.read_text(encoding="utf-8") if path.exists() else None

    def put(self, key: str, answer: str) -> None:
        path = self._path(key)
        write_atomically(path, answer.encode("utf-8"))

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"
