"""Report text that lies encrypted, in a bucket of its own, until it is deleted.

Two places, each with its own key: ``reports`` holds a text until its record is stored; ``vault`` holds a copy for
structuring anew, where somebody chose so. AES-SIV (RFC 5297) is deterministic: the same text of the same version of a
study gives the same object, so that a submit can be repeated. What the text belongs to is authenticated with it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from journalclip_shared.artifacts import ArtifactMissing, ArtifactRef, ArtifactStore
from journalclip_shared.atomic import write_once
from journalclip_shared.errors import ConfigurationError, PermanentError

REPORTS_KEY, VAULT_KEY = "reports.key", "vault.key"  # in a working folder
KEY_BYTES = 64  # two AES-256 keys
_MEDIA = "application/octet-stream"
_GONE = "Submit the study again, or keep texts from now on: `journalclip studies submit PATH --vault`."


@dataclass(frozen=True)
class SealedTexts:
    """One bucket and its key. Raises `ConfigurationError` ``report-key-invalid`` for a key of another length."""

    store: ArtifactStore
    key: bytes
    bucket: Literal["reports", "vault"] = "reports"

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise ConfigurationError(
                "report-key-invalid", f"the key of {self.bucket} has {len(self.key)} bytes, not {KEY_BYTES}",
                "Give the file that the intake of studies uses.",
            )  # fmt: skip

    def seal(self, text: str, owner: str) -> ArtifactRef:
        """Store the text; ``owner`` (study and version) is asked for again when it is opened."""
        return self.store.put(self.bucket, AESSIV(self.key).encrypt(text.encode(), [owner.encode()]), _MEDIA)

    def open(self, ref: ArtifactRef, owner: str) -> str:
        """Raises `ArtifactMissing`, and `ConfigurationError` ``report-key-wrong`` where this key did not seal it."""
        data = self.store.get(ref)
        try:
            return AESSIV(self.key).decrypt(data, [owner.encode()]).decode()
        except InvalidTag:
            raise ConfigurationError(
                "report-key-wrong", f"{ref.uri} was sealed with another key", "Use the key of the intake of studies."
            ) from None

    def erase(self, ref: ArtifactRef) -> None:
        """Delete the text; nothing happens where it is gone already."""
        self.store.erase(ref)


@dataclass(frozen=True)
class ReportTexts:
    """The reports on their way to records and, where somebody chose to keep them, the vault."""

    reports: SealedTexts
    vault: SealedTexts | None = None

    def read(self, reports: ArtifactRef, vault: ArtifactRef | None, owner: str) -> str:
        """Raises `PermanentError` ``report-text-gone`` where neither place has it; the text is never quoted."""
        try:
            return self.reports.open(reports, owner)
        except ArtifactMissing:
            if self.vault is not None and vault is not None:
                try:
                    return self.vault.open(vault, owner)
                except ArtifactMissing:
                    pass
        raise PermanentError(
            "report-text-gone", f"the text {reports.uri} was deleted when its first record was stored", _GONE
        )


def read_report_key(path: Path) -> bytes:
    """A key, made at first use with mode 0600."""
    if not path.exists():
        write_once(path, secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()


def key_of_file(path: Path, name: str) -> bytes:
    """A service's key. Raises `ConfigurationError` ``secret-missing``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError("secret-missing", f"{name}: {error.strerror}", f"Mount the file of {name}.") from error


def local_texts(store: ArtifactStore, folder: Path, vault: bool = False) -> ReportTexts:
    """With the keys of a working folder. A vault that it has once stays readable; ``vault`` makes one."""
    reports = SealedTexts(store, read_report_key(folder / REPORTS_KEY))
    kept = folder / VAULT_KEY
    return ReportTexts(reports, SealedTexts(store, read_report_key(kept), "vault") if vault or kept.exists() else None)
