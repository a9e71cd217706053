"""Who may do what: tokens with roles, OpenID Connect as an option, and readers without a name only on this machine.

Four roles, each may do what those before it may: viewer (read), reviewer (decide), steward (settle disputes, see the
audit log), admin. Only digests of tokens are stored. Anonymous reading needs three things at once: it was switched on,
the caller's address is a loopback address, and the request names a loopback host (so that a page from elsewhere
cannot ask in the reader's name by pointing its own name at this machine).
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol, get_args

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from journalclip_inference.errors import Forbidden
from journalclip_shared.atomic import write_atomically
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records import Document

Role = Literal["viewer", "reviewer", "steward", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
_log = logging.getLogger(__name__)
_TOKEN_BYTES = 32  # 256 bits: not to be guessed
_PORT = re.compile(r":\d+$")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class Principal:
    """Who asks."""

    name: str
    role: Role
    identity: str = field(default="", compare=False)  # issuer and subject, where an issuer says who it is
    issued: float = field(default=0.0, compare=False)  # by the issuer; seconds since 1970
    expires: float = field(default=0.0, compare=False)  # how long the issuer's word holds; 0: not said by one

    @property
    def owner(self) -> str:
        """Whose things are kept: a person of an issuer stays the same under another name."""
        return self.identity or f"token {self.name}"

    def may(self, role: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


class TokenEntry(Document):
    """A token as it is stored."""

    name: str = Field(min_length=1, max_length=100)
    role: Role
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    made: str = Field(
        "", description="UTC, ISO 8601; empty for tokens of older versions.", exclude_if=lambda at: not at
    )
    expires: str = Field(
        "", description="UTC, ISO 8601; empty: never. From then on it is unknown.", exclude_if=lambda at: not at
    )

    @field_validator("expires")
    @classmethod
    def _dated(cls, value: str) -> str:
        if value and datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("a time without its zone")
        return value

    @property
    def token_id(self) -> str:
        """What lists and revocations call it; nothing of the token can be told from it."""
        return f"tok_{self.sha256[:12]}"

    def holds(self, now: datetime) -> bool:
        return not self.expires or now < datetime.fromisoformat(self.expires)


_ENTRIES = TypeAdapter(list[TokenEntry])


class Verifier(Protocol):
    """Turns a bearer token into a principal."""

    def principal(self, token: str) -> Principal | None:
        """None where this verifier does not know the token."""
        ...


class Tokens:
    """Tokens by their digests, as a file has them now: one that is added or revoked counts with the next request."""

    def __init__(self, path: Path | None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Raises `PermanentError` ``tokens-invalid`` where the file is there and cannot be read."""
        self._path, self._clock = path, clock
        self._seen: tuple[int, int] | None = None
        self._entries: dict[str, TokenEntry] = {}
        self._look()

    def principal(self, token: str) -> Principal | None:
        return self.of_digest(sha256_hex(token.encode()))

    def of_digest(self, digest: str) -> Principal | None:
        """As `principal`, by the token's digest: all that a session keeps of it."""
        try:
            self._look()
        except PermanentError as error:
            _log.error("nobody is let in by a token: %s", error)  # what the file revoked is not known
            return None
        entry = self._entries.get(digest)
        return Principal(entry.name, entry.role) if entry is not None and entry.holds(self._clock()) else None

    def _look(self) -> None:
        if self._path is None:
            return
        try:
            found = self._path.stat()
        except OSError:
            self._seen, self._entries = None, {}
            return
        if self._seen != (found.st_mtime_ns, found.st_size):
            self._entries = {entry.sha256: entry for entry in read_tokens(self._path)}
            self._seen = found.st_mtime_ns, found.st_size


def add_token(path: Path, name: str, role: Role, days: float | None = None) -> str:
    """Make a token, store its digest, and return the token: the only time it is seen. ``days``: how long it holds."""
    token, now = f"jc_{secrets.token_urlsafe(_TOKEN_BYTES)}", datetime.now(UTC)
    entry = TokenEntry(
        name=name,
        role=role,
        sha256=sha256_hex(token.encode()),
        made=now.isoformat(timespec="seconds"),
        expires=(now + timedelta(days=days)).isoformat(timespec="seconds") if days is not None else "",
    )
    with _writing:
        _write(path, [*(read_tokens(path) if path.exists() else []), entry])
    return token


def revoke_token(path: Path, token_id: str) -> TokenEntry:
    """Take a token out; it is unknown from the next request on. Raises `PermanentError` ``token-id-unknown``."""
    with _writing:
        entries = read_tokens(path) if path.exists() else []
        gone = next((entry for entry in entries if entry.token_id == token_id), None)
        if gone is None:
            raise PermanentError("token-id-unknown", f"no token {token_id}", "`journalclip tokens list` shows all.")
        _write(path, [entry for entry in entries if entry is not gone])
    return gone


def read_tokens(path: Path) -> list[TokenEntry]:
    """Raises `PermanentError` ``tokens-invalid``."""
    try:
        return _ENTRIES.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        remedy = "Make one with `journalclip tokens add NAME --role reviewer`."
        raise PermanentError("tokens-invalid", f"{path}: {error}", remedy) from error


def _write(path: Path, entries: Sequence[TokenEntry]) -> None:
    """Raises `PermanentError` ``tokens-read-only`` where the file is a mounted secret."""
    try:
        write_atomically(path, json.dumps([entry.model_dump() for entry in entries], indent=1).encode(), 0o600)
    except OSError as error:
        remedy = "Change the secret that this file is mounted from."
        raise PermanentError("tokens-read-only", f"{path} cannot be written: {error}", remedy) from error


_writing = threading.Lock()


@dataclass(frozen=True)
class Authenticator:
    """Decides who a caller is."""

    verifiers: tuple[Verifier, ...]
    anonymous: bool = False
    revoked: Callable[[str, float], bool] = lambda _name, _issued: False  # asked of an issuer's tokens alone

    def principal(self, token: str | None, client: str | None, host: str) -> Principal:
        """Raises `Forbidden` ``sign-in-needed`` or ``token-unknown``."""
        if token:
            found = (principal for verifier in self.verifiers if (principal := verifier.principal(token)) is not None)
            principal = next(found, None)
            if principal is None:
                raise Forbidden("token-unknown", "this token is not known here", "Sign in again.")
            if principal.identity and self.revoked(principal.name, principal.issued):
                raise Forbidden("token-refused", "this token was taken back", "Sign in again.")
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
