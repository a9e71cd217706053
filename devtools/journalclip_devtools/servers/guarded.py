"""A broker as production has it, on this machine: TLS, SCRAM passwords, and an authorizer that refuses the rest.

Only ``admin`` may do everything; whatever else may be done is a right that `journalclip bootstrap --acls` gives. The
controller's own listener stays plain: nothing but the broker itself speaks on it, over the loopback.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from journalclip_devtools.servers.certificates import Authority
from journalclip_shared.settings import KafkaSettings

ADMIN = "admin"
MECHANISM = "SCRAM-SHA-512"


def guarded(settings: KafkaSettings, folder: Path) -> KafkaSettings:
    """``settings`` for the administrator of the broker in ``folder``."""
    return settings.model_copy(
        update={
            "security": "SASL_SSL",
            "sasl_mechanism": MECHANISM,
            "username": ADMIN,
            "password_file": folder / "admin-password",
            "ca_file": folder / "tls" / "ca.crt",
        }
    )


def properties(folder: Path) -> Mapping[str, str]:
    """What a broker needs besides its addresses; makes its certificate and the administrator's password."""
    password = secrets.token_hex(20)
    private(folder / "admin-password", password)
    authority = Authority(folder / "tls")
    pair = authority.sign("kafka", hosts=["127.0.0.1", "localhost"])
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # Kafka reads no other form
    keystore = folder / "tls" / "kafka.pem"
    private(keystore, (key + pair.certificate.read_bytes() + authority.certificate.read_bytes()).decode())
    login = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return {
        "sasl.enabled.mechanisms": MECHANISM,
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        f"listener.name.sasl_ssl.{MECHANISM.lower()}.sasl.jaas.config": (
            f'{login} required username="{ADMIN}" password="{password}";'
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN};User:ANONYMOUS",  # the latter speaks on the controller's listener alone
    }


def format_arguments(folder: Path) -> Sequence[str]:
    """The administrator stands in the log before the first start, or nobody could ever log in."""
    password = (folder / "admin-password").read_text()
    return ["--add-scram", f"{MECHANISM}=[name={ADMIN},password={password}]"]


def private(path: Path, text: str) -> None:
    """A file that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
