from __future__ import annotations

import pytest

from journalclip_shared.artifacts import manifest_ref
from journalclip_shared.signing import Ed25519Key, KeyUnusable, read_signer, read_verifier

ONE, OTHER = manifest_ref("models", "trained/a", b"{}"), manifest_ref("models", "trained/a", b"[]")
SECRET = "6b" * 32


def test_hmac_signs_and_verifies_only_what_it_signed() -> None:
    key = read_signer(f"hmac:{SECRET}")
    assert key is not None
    signature = key.sign(ONE)
    assert key.verify(ONE, signature)
    assert not key.verify(OTHER, signature)
    stranger = read_verifier(f"hmac:{'6c' * 32}")
    assert stranger is not None
    assert not stranger.verify(ONE, signature)


def test_public_key_verifies_and_cannot_sign() -> None:
    private = read_signer(f"ed25519:{SECRET}")
    assert isinstance(private, Ed25519Key)
    public = read_verifier(private.public)
    assert public is not None
    signature = private.sign(ONE)
    assert public.verify(ONE, signature)
    assert private.verify(ONE, signature)
    assert not public.verify(OTHER, signature)
    for forged in ("", "ed25519:zz", "ed25519:" + "00" * 64, signature.replace("ed25519", "hmac"), "é"):
        assert not public.verify(ONE, forged)
    with pytest.raises(KeyUnusable, match="cannot sign"):
        read_signer(private.public)


@pytest.mark.parametrize("text", ["hmac:xyz", "hmac:6b", "rsa:" + SECRET, "ed25519-public:00"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyUnusable):
        read_verifier(text)


def test_no_key_is_none() -> None:
    assert read_signer("") is None
    assert read_verifier("") is None
