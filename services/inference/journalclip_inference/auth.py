"""Who may do what: tokens with roles, OpenID Connect as an option, and readers without a name only on this machine.

Four roles, each may do what those before it may: viewer (read), reviewer (decide), steward (settle disputes, see the
audit log), admin. Only digests of tokens are stored. Anonymous reading needs three things at once: it was switched on,
the caller's address is a loopback address, and the request names a loopback host (so that a page from elsewhere
cannot ask in the reader's name by pointing its own name at this machine).
"""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

from pydantic import Field, TypeAdapter, ValidationError

from journalclip_inference.errors import Forbidden
from journalclip_shared.atomic import write_atomically
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records import Document

Role = Literal["viewer", "reviewer", "steward", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
_TOKEN_BYTES = 32  # 256 bits: not to be guessed
_PORT = re.compile(r":\d+$")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class Principal:
    """Who asks."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


class TokenEntry(Document):
    """A token as it is stored."""

    name: str = Field(min_length=1, max_length=100)
    role: Role
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


_ENTRIES = TypeAdapter(list[TokenEntry])


class Verifier(Protocol):
    """Turns a bearer token into a principal."""

    def principal(self, token: str) -> Principal | None:
        """None where this verifier does not know the token."""
        ...


class Tokens:
    """Tokens by their digests."""

    def __init__(self, entries: Mapping[str, Principal]) -> None:
        self._entries = dict(entries)

    @classmethod
    def load(cls, path: Path | None) -> Tokens:
        """Raises `PermanentError` ``tokens-invalid``."""
        return cls({entry.sha256: Principal(entry.name, entry.role) for entry in _read(path)} if path else {})

    def principal(self, token: str) -> Principal | None:
        return self._entries.get(sha256_hex(token.encode()))


def add_token(path: Path, name: str, role: Role) -> str:
    """Make a token, store its digest, and return the token: the only time it is seen."""
    token = f"jc_{secrets.token_urlsafe(_TOKEN_BYTES)}"
    entries = [
        *(_read(path) if path.exists() else []),
        TokenEntry(name=name, role=role, sha256=sha256_hex(token.encode())),
    ]
    write_atomically(path, json.dumps([entry.model_dump() for entry in entries], indent=1).encode(), 0o600)
    return token


def _read(path: Path) -> list[TokenEntry]:
    try:
        return _ENTRIES.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        remedy = "Make one with `journalclip tokens add NAME --role reviewer`."
        raise PermanentError("tokens-invalid", f"{path}: {error}", remedy) from error


@dataclass(frozen=True)
class Door:
    """Decides who a caller is."""

    verifiers: tuple[Verifier, ...]
    anonymous: bool = False

    def principal(self, token: str | None, client: str | None, host: str) -> Principal:
        """Raises `Forbidden` ``sign-in-needed`` or ``token-unknown``."""
        if token:
            found = (principal for verifier in self.verifiers if (principal := verifier.principal(token)) is not None)
            principal = next(found, None)
            if principal is None:
                raise Forbidden("token-unknown", "this token is not known here", "Sign in again.")
            return principal
        if self.anonymous and _loopback(client) and _PORT.sub("", host) in _LOOPBACK_NAMES:
            return Principal("anonymous", "viewer")
        raise Forbidden("sign-in-needed", "reading needs a token here", "Send `Authorization: Bearer TOKEN`.")


def require(principal: Principal, role: Role) -> None:
    """Raises `Forbidden` ``role-needed``."""
    if not principal.may(role):
        raise Forbidden("role-needed", f"this takes the role {role}; {principal.name} is {principal.role}", "")


def _loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
