from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from journalclip_shared.artifacts import manifest_ref
from journalclip_shared.settings import Settings
from journalclip_shared.signing import (
    Ed25519Key,
    HmacKey,
    KeyUnusable,
    load_signer,
    load_verifier,
    local_keys,
    read_signer,
    read_verifier,
)

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


def test_several_keys_are_trusted_so_that_one_can_be_changed() -> None:
    old, new = read_signer(f"hmac:{SECRET}"), read_signer(f"ed25519:{SECRET}\n")
    assert isinstance(new, Ed25519Key)
    assert old is not None
    both = read_verifier(f"# before spring\nhmac:{SECRET}\n\n{new.public}\n")
    assert both is not None
    assert both.verify(ONE, old.sign(ONE))
    assert both.verify(ONE, new.sign(ONE))
    assert not both.verify(OTHER, new.sign(ONE))
    assert not both.verify(ONE, "")


def test_folder_makes_its_own_pair_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(local_keys, [tmp_path / "keys"] * 16))
    assert len(set(made)) == 1
    signer, verifier = read_signer(made[0].signing.read_text()), read_verifier(made[0].verify.read_text())
    assert signer is not None
    assert verifier is not None
    assert verifier.verify(ONE, signer.sign(ONE))
    assert made[0].signing.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["signing.key", "verify.key"]


def test_settings_name_the_keys_or_the_folder_has_its_own(tmp_path: Path) -> None:
    own = Settings(workdir=tmp_path).own_keys
    signer, verifier = load_signer(None, own), load_verifier(None, own)
    assert signer is not None
    assert verifier is not None
    assert verifier.verify(ONE, signer.sign(ONE))
    shared = Settings(workdir=tmp_path, artifacts="s3").own_keys
    assert (load_signer(None, shared), load_verifier(None, shared)) == (None, None)
    (tmp_path / "given").write_text(f"hmac:{SECRET}\n")
    assert isinstance(load_signer(tmp_path / "given", own), HmacKey)
    with pytest.raises(KeyUnusable, match="cannot be read"):
        load_verifier(tmp_path / "none", own)
