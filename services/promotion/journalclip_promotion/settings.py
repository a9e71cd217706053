"""The promotion service's knobs, each an environment variable ``JOURNALCLIP_...`` (see the README's table)."""

from __future__ import annotations

from pydantic import Field, SecretStr

from journalclip_shared.settings import Settings


class PromotionSettings(Settings):
    """What `Settings` says, and what is asked of a candidate."""

    gates: str = Field("default", description="`default`, `local`, or the path of a YAML file.")
    verify_key: SecretStr = Field(SecretStr(""), description="`hmac:...` or `ed25519-public:...`; empty: unsigned.")
    device: str = Field("cpu", description="Where candidates are measured.")
    lock: str = Field("file", description="`file` in the work folder, or `registry` for promoters on many machines.")
    reconcile_s: float = Field(60, gt=0, description="Seconds between two looks for gaps.")
