"""Signatures of model manifests: who may make candidates is a key, not a network position.

A digest proves that bytes did not change since someone wrote the digest down; only a signature says who wrote it. What
is signed is the manifest's SHA-256, which covers every file's digest. A key is a line of text in a file that settings
name: ``hmac:<64 hexadecimal digits>`` (one secret on both sides), or ``ed25519:<hex seed>`` for the signer and
``ed25519-public:<hex key>`` for those who only verify; they may trust several, one a line, so that a key can be changed
while what the old one signed still verifies. A signature is ``<scheme>:<hex>``.

A working folder that holds its own store makes its own pair of keys (`local_keys`). Whoever can write there can sign:
locally the signature guards against mistakes and foreign files, in a cluster, where only training holds the signing
key, against everyone else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.atomic import write_once
from journalclip_shared.errors import PermanentError

SIGNATURE_TAG = "journalclip.signature"  # where a registered version carries it
_CONTEXT = b"journalclip model manifest v1\n"  # a signature of something else can never pass for one of these
_KEY_BYTES = 32


class KeyUnusable(PermanentError):
    """The signing or verifying key in the settings is not one."""

    def __init__(self, reason: str) -> None:
        super().__init__("signing-key-unusable", reason, "Give hmac:<hex>, ed25519:<hex> or ed25519-public:<hex>.")


class Verifier(Protocol):
    """Checks signatures."""

    def verify(self, manifest: ArtifactRef, signature: str) -> bool: ...


class Signer(Verifier, Protocol):
    """Makes them as well."""

    def sign(self, manifest: ArtifactRef) -> str: ...


class HmacKey:
    """One secret that signs and verifies."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, manifest: ArtifactRef) -> str:
        return "hmac:" + hmac.new(self._key, _message(manifest), hashlib.sha256).hexdigest()

    def verify(self, manifest: ArtifactRef, signature: str) -> bool:
        return hmac.compare_digest(self.sign(manifest).encode(), signature.encode())


class Ed25519Public:
    """Verifies only: what promotion and serving hold."""

    def __init__(self, key: bytes) -> None:
        # Only those who use this scheme need the library.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        self._key = Ed25519PublicKey.from_public_bytes(key)

    def verify(self, manifest: ArtifactRef, signature: str) -> bool:
        from cryptography.exceptions import InvalidSignature

        scheme, _, digits = signature.partition(":")
        try:
            self._key.verify(bytes.fromhex(digits), _message(manifest))
        except (InvalidSignature, ValueError):
            return False
        return scheme == "ed25519"


class Ed25519Key(Ed25519Public):
    """Signs: what training holds."""

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        super().__init__(self._private.public_key().public_bytes_raw())

    @property
    def public(self) -> str:
        """The text form of the key that others verify with."""
        return "ed25519-public:" + self._private.public_key().public_bytes_raw().hex()

    def sign(self, manifest: ArtifactRef) -> str:
        return "ed25519:" + self._private.sign(_message(manifest)).hex()


@dataclass(frozen=True)
class AnyOf:
    """Trusts each of several keys."""

    keys: Sequence[Verifier]

    def verify(self, manifest: ArtifactRef, signature: str) -> bool:
        return any(key.verify(manifest, signature) for key in self.keys)


@dataclass(frozen=True)
class LocalKeys:
    """The files of a working folder's own pair."""

    signing: Path
    verify: Path


def local_keys(folder: Path) -> LocalKeys:
    """The pair in ``folder``, made at the first call; any number of processes end up with the same one."""
    keys = LocalKeys(folder / "signing.key", folder / "verify.key")
    if not keys.signing.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_once(keys.signing, f"ed25519:{secrets.token_hex(_KEY_BYTES)}\n".encode())
    if not keys.verify.exists():
        signer = read_signer(keys.signing.read_text())
        assert isinstance(signer, Ed25519Key), "what local_keys wrote is an ed25519 key"
        write_once(keys.verify, f"{signer.public}\n".encode())
    return keys


def load_signer(file: Path | None, own: Path | None) -> Signer | None:
    """The key in ``file``, or that of the folder ``own`` of a working folder; None without either.

    Raises `KeyUnusable`.
    """
    if file is None and own is not None:
        file = local_keys(own).signing
    return None if file is None else read_signer(_text(file))


def load_verifier(file: Path | None, own: Path | None) -> Verifier | None:
    """As `load_signer`, for those who check."""
    if file is None and own is not None:
        file = local_keys(own).verify
    return None if file is None else read_verifier(_text(file))


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise KeyUnusable(f"{file} cannot be read: {error.strerror}") from error


def read_signer(text: str) -> Signer | None:
    """The key of a file; None where it is empty. Raises `KeyUnusable`."""
    if not (text := text.strip()):
        return None
    scheme, key = _parse(text)
    if scheme == "hmac":
        return HmacKey(key)
    if scheme == "ed25519":
        return Ed25519Key(key)
    raise KeyUnusable(f"{scheme!r} cannot sign")


def read_verifier(text: str) -> Verifier | None:
    """The keys of a file, one a line, lines with ``#`` left out; None where there is none. Raises `KeyUnusable`."""
    lines = [line.strip() for line in text.splitlines()]
    found = [_verifier(line) for line in lines if line and not line.startswith("#")]
    return AnyOf(found) if len(found) > 1 else (found[0] if found else None)


def _verifier(line: str) -> Verifier:
    scheme, key = _parse(line)
    if scheme == "ed25519-public":
        return Ed25519Public(key)
    signer = read_signer(line)
    assert signer is not None, "a line that parses is not empty"
    return signer


def _parse(text: str) -> tuple[str, bytes]:
    scheme, _, digits = text.partition(":")
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        raise KeyUnusable("the key is not hexadecimal") from None
    if len(key) != _KEY_BYTES:
        raise KeyUnusable(f"the key has {len(key)} bytes and not {_KEY_BYTES}")
    return scheme, key


def _message(manifest: ArtifactRef) -> bytes:
    return _CONTEXT + manifest.sha256.encode()
