"""The issuer: who it is by the settings, its own documents, and the keys that it publishes.

Documents are fetched when they are first needed and kept. Keys are believed for an hour; a token with an unknown key id
makes us look again at once, since issuers change keys, but not more often than every half minute, since anybody can
send such a token.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import quote_plus, urlsplit

import httpx
import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from journalclip_inference.errors import Forbidden
from journalclip_shared.errors import PermanentError, TransientError

_KEYS_S = 3600.0
_AGAIN_S = 30.0
_TIMEOUT_S = 10.0


class Foreign(BaseModel):
    """Base of what others write: only what is needed is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Discovery(Foreign):
    """The issuer's ``.well-known/openid-configuration``."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    end_session_endpoint: str = ""
    # As the standard has it where nothing is said (OpenID Connect Discovery 1.0, section 3).
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Redeemed(Foreign):
    """The token endpoint's answer. One to a refresh token need not hold an ID token."""

    id_token: str = ""
    refresh_token: str = ""
    expires_in: float = Field(300.0, description="Of the access token, in seconds.")


F = TypeVar("F", bound=Foreign)


@dataclass(frozen=True)
class OidcConfig:
    """One issuer as the settings have it. Raises `PermanentError` ``issuer-invalid`` where it could be overheard.

    ``role_claim`` may be a path with dots, as in ``realm_access.roles``.
    """

    issuer: str
    audience: str
    client_id: str = ""
    client_secret: str = ""
    role_claim: str = "journalclip_role"
    name_claim: str = "preferred_username"

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and not _loopback(parts.hostname or ""):
            raise _invalid(f"{self.issuer!r} is not an https address")


class Issuer:
    """Safe to call from many threads."""

    def __init__(
        self, config: OidcConfig, http: httpx.Client | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.config = config
        self._http = http or httpx.Client(timeout=_TIMEOUT_S)
        self._clock = clock
        self._lock = threading.Lock()
        self._discovery: Discovery | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")

    def discovery(self) -> Discovery:
        """Raises `TransientError` where the issuer is away, `PermanentError` ``issuer-invalid``."""
        if self._discovery is None:
            found = _read(Discovery, self._get(f"{self.config.issuer.rstrip('/')}/.well-known/openid-configuration"))
            if found.issuer != self.config.issuer:
                raise _invalid(f"it calls itself {found.issuer!r}, the settings call it {self.config.issuer!r}")
            self._discovery = found
        return self._discovery

    def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """The published key of that id; a token without an id gets the only key there is. Raises as `discovery`."""
        with self._lock:
            now = self._clock()
            stale = now - self._fetched > _KEYS_S
            if stale or self._chosen(key_id) is None:
                if now - self._tried > _AGAIN_S:
                    self._tried = now
                    self._fetch_keys()
                elif stale:
                    raise TransientError("the issuer of tokens did not answer a moment ago")
            return self._chosen(key_id)

    def redeem(self, code: str, verifier: str, redirect: str) -> Redeemed:
        """What an authorization code stands for, an ID token at least. Raises `Forbidden`, and as `discovery`."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        found = self._token(form)
        if not found.id_token:
            raise _invalid("its answer holds no ID token")
        return found

    def refresh(self, refresh_token: str) -> Redeemed:
        """What the issuer says now of a person who signed in before. Raises as `redeem`."""
        return self._token({"grant_type": "refresh_token", "refresh_token": refresh_token, "scope": "openid"})

    def _token(self, form: dict[str, str]) -> Redeemed:
        found = self.discovery()
        auth = httpx.Auth()  # adds nothing
        form = {**form, "client_id": self.config.client_id}
        if self.config.client_secret and "client_secret_post" in found.token_endpoint_auth_methods_supported:
            form["client_secret"] = self.config.client_secret
        elif self.config.client_secret:  # RFC 6749, section 2.3.1: both are form-encoded first
            auth = httpx.BasicAuth(quote_plus(self.config.client_id), quote_plus(self.config.client_secret))
        try:
            answer = self._http.post(found.token_endpoint, data=form, auth=auth)
        except httpx.HTTPError as error:
            raise _away(error) from error
        if answer.is_server_error:
            raise TransientError(f"the issuer of tokens answers {answer.status_code}")
        if not answer.is_success:
            raise Forbidden("token-refused", "the issuer did not accept this sign-in", "Sign in again.")
        return _read(Redeemed, answer.content)

    def _fetch_keys(self) -> None:
        raw = self._get(self.discovery().jwks_uri)
        try:
            found = jwt.PyJWKSet.from_json(raw.decode())
        except (jwt.PyJWTError, ValueError) as error:
            raise _invalid(f"its keys cannot be read: {error}") from error
        # A key without an id is found under the empty one.
        self._keys = {key.key_id or "": key for key in found.keys if key.public_key_use in (None, "sig")}
        self._fetched = self._clock()

    def _chosen(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id or "")

    def _get(self, address: str) -> bytes:
        try:
            return self._http.get(address).raise_for_status().content
        except httpx.HTTPError as error:
            raise _away(error) from error


def _read(kind: type[F], raw: bytes) -> F:
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise _invalid(f"its answer cannot be read: {error}") from error


def _away(error: httpx.HTTPError) -> TransientError:
    return TransientError(f"the issuer of tokens does not answer: {error}")


def _invalid(reason: str) -> PermanentError:
    return PermanentError("issuer-invalid", f"the issuer of tokens: {reason}", "Look at JOURNALCLIP_OIDC_ISSUER.")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
