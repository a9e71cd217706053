"""Signed-in browsers: begun with a token or at the issuer, renewed silently, ended by whoever may, at once.

A session ends eight hours after its last request, seven days after its beginning, with the token that it was begun
with, when the issuer renews it no more, or when an admin ends it. Its role is that of the token, or what the issuer
said last, never what a browser says.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Engine, Row, delete, insert, select, update

from journalclip_inference.auth import Principal, Role, Tokens
from journalclip_inference.errors import Forbidden
from journalclip_inference.oidc import Granted, SignIn
from journalclip_inference.sessions.database import transaction
from journalclip_inference.sessions.tables import REVOKED, SESSION
from journalclip_shared.records import Document

IDLE_S = 8 * 3600.0  # a working day
MOST_S = 7 * 24 * 3600.0
_TOUCHED_S = 600.0  # a used session is written this often, not with every request
_SECRET_BYTES = 32
HOST_COOKIE, PLAIN_COOKIE = "__Host-journalclip", "journalclip_session"


class SessionEntry(Document):
    """A signed-in browser, as lists show it."""

    name: str
    role: Role
    begun: float
    used: float


@dataclass(frozen=True)
class Ended:
    """A session that its own browser ended; ``id_token`` tells its issuer whose it was."""

    id_token: str = ""


class Sessions:
    """Safe to call from many threads; several servers may share one database."""

    def __init__(
        self,
        engine: Engine,
        tokens: Tokens,
        sign_in: SignIn | None = None,
        secure: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``secure``: browsers come by https, whatever the connection to this server is."""
        self._engine, self._tokens, self._sign_in, self._clock = engine, tokens, sign_in, clock
        self.secure = secure
        self._renewing = threading.Lock()

    def cookie(self, scheme: str) -> str:
        """The cookie's name. By https no other host and no plain connection can have set it (RFC 6265bis)."""
        return HOST_COOKIE if self.secure or scheme == "https" else PLAIN_COOKIE

    def begin(self, who: Principal, token: str = "", granted: Granted | None = None) -> str:
        """With a token of ours, or with what the issuer granted; returns the secret for the cookie."""
        secret, now = secrets.token_urlsafe(_SECRET_BYTES), self._clock()
        row = {
            "digest": _digest(secret),
            "name": who.name,
            "role": who.role,
            "identity": who.identity,
            "token": _digest(token) if token and not who.identity else "",
            "begun": now,
            "used": now,
            "until": who.expires,
            "sealed": _seal(secret, granted) if granted is not None else "",
        }
        with transaction(self._engine) as connection:
            connection.execute(
                delete(SESSION).where((SESSION.c.used < now - IDLE_S) | (SESSION.c.begun < now - MOST_S))
            )
            connection.execute(insert(SESSION).values(row))
        return secret

    def principal(self, secret: str) -> Principal:
        """Raises `Forbidden` ``session-ended``, and `TransientError` where the issuer must be asked and is away."""
        row, now = self._row(secret), self._clock()
        if row is None:
            raise _ended()
        over = now - row.used > IDLE_S or now - row.begun > MOST_S or self.revoked(row.name, row.begun)
        who = None if over else self._who(row, secret, now)
        if who is None:
            self._forget(secret)
            raise _ended()
        if now - row.used > _TOUCHED_S:
            self._write(secret, used=now)
        return who

    def end(self, secret: str) -> Ended:
        """Signed out. A secret that nobody knows is as good as ended."""
        row = self._row(secret)
        self._forget(secret)
        return Ended(_unseal(secret, row.sealed).id_token if row is not None else "")

    def revoke(self, name: str) -> int:
        """End all sessions of a person, and the issuer's tokens of before now; returns how many sessions ended."""
        now = self._clock()
        with transaction(self._engine) as connection:
            connection.execute(delete(REVOKED).where(REVOKED.c.name == name))
            connection.execute(insert(REVOKED).values(name=name, before=now))
            return connection.execute(delete(SESSION).where(SESSION.c.name == name)).rowcount

    def revoked(self, name: str, issued: float) -> bool:
        """Whether a sign-in or token of that moment was taken back since."""
        with transaction(self._engine) as connection:
            before = connection.execute(select(REVOKED.c.before).where(REVOKED.c.name == name)).scalar()
        return before is not None and issued <= float(before)

    def entries(self) -> list[SessionEntry]:
        """The newest first."""
        now = self._clock()
        query = select(SESSION).where(SESSION.c.used >= now - IDLE_S).order_by(SESSION.c.begun.desc())
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return [SessionEntry(name=row.name, role=row.role, begun=row.begun, used=row.used) for row in rows]

    def _who(self, row: Row[Any], secret: str, now: float) -> Principal | None:
        if row.token:
            return self._tokens.of_digest(row.token)
        if now < row.until:
            return _principal(row)
        return self._renewed(secret, now)

    def _renewed(self, secret: str, now: float) -> Principal | None:
        """What the issuer says now. One at a time: a refresh token may be used once only."""
        with self._renewing:
            row = self._row(secret)
            if row is None or now < row.until:
                return None if row is None else _principal(row)
            held = _unseal(secret, row.sealed)
            if self._sign_in is None or not held.refresh_token:
                return None
            try:
                granted = self._sign_in.renew(held, row.identity, now)
            except Forbidden:
                again = self._row(secret)  # another server may have renewed it at the same moment
                return _principal(again) if again is not None and now < again.until else None
            name, role = (granted.who.name, granted.who.role) if granted.who else (row.name, row.role)
            self._write(secret, name=name, role=role, until=granted.until, sealed=_seal(secret, granted))
            return Principal(name, role, row.identity)

    def _row(self, secret: str) -> Row[Any] | None:
        with transaction(self._engine) as connection:
            return connection.execute(select(SESSION).where(SESSION.c.digest == _digest(secret))).first()

    def _write(self, secret: str, **values: object) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(SESSION).where(SESSION.c.digest == _digest(secret)).values(**values))

    def _forget(self, secret: str) -> None:
        with transaction(self._engine) as connection:
            connection.execute(delete(SESSION).where(SESSION.c.digest == _digest(secret)))


def _principal(row: Row[Any]) -> Principal:
    return Principal(row.name, cast(Role, row.role), row.identity)


def _ended() -> Forbidden:
    return Forbidden("session-ended", "this sign-in has ended", "Sign in again.")


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _box(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(sha256(b"journalclip sealed " + secret.encode()).digest()))


def _seal(secret: str, granted: Granted) -> str:
    return _box(secret).encrypt(json.dumps([granted.id_token, granted.refresh_token]).encode()).decode()


def _unseal(secret: str, sealed: str) -> Granted:
    try:
        id_token, refresh_token = json.loads(_box(secret).decrypt(sealed.encode())) if sealed else ("", "")
    except (InvalidToken, ValueError):
        id_token, refresh_token = "", ""
    return Granted(id_token, refresh_token)
