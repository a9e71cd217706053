"""Signatures of model manifests: who may make candidates is a key, not a network position.

A digest proves that bytes did not change since someone wrote the digest down; only a signature says who wrote it. What
is signed is the manifest's SHA-256, which covers every file's digest. Keys are text in settings:
``hmac:<64 hexadecimal digits>`` (one secret on both sides), or ``ed25519:<hex seed>`` for the signer and
``ed25519-public:<hex key>`` for those who only verify. A signature is ``<scheme>:<hex>``.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol

from journalclip_shared.artifacts import ArtifactRef
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


def read_signer(text: str) -> Signer | None:
    """The key of a setting; None where it is empty. Raises `KeyUnusable`."""
    if not text:
        return None
    scheme, key = _parse(text)
    if scheme == "hmac":
        return HmacKey(key)
    if scheme == "ed25519":
        return Ed25519Key(key)
    raise KeyUnusable(f"{scheme!r} cannot sign")


def read_verifier(text: str) -> Verifier | None:
    """As `read_signer`; a public key will do."""
    if not text.startswith("ed25519-public:"):
        return read_signer(text)
    return Ed25519Public(_parse(text)[1])


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
