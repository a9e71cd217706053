"""From the page to the issuer and back: the authorization code flow with PKCE (RFC 7636).

The browser keeps the errand while it is away. What comes back counts only in the browser that was sent, and only with a
token that was made for this very errand.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlencode, urlsplit

from journalclip_inference.auth import Principal
from journalclip_inference.errors import Forbidden
from journalclip_inference.oidc.issuer import Issuer
from journalclip_inference.oidc.tokens import OidcTokens

_LONGEST_HINT = 6_000  # servers cut off addresses of 8 kB; without the hint the issuer asks the person


@dataclass(frozen=True)
class Errand:
    """What a browser that was sent to the issuer must still have when it comes back."""

    state: str
    nonce: str
    verifier: str
    then: str = "/"

    @classmethod
    def fresh(cls, then: str) -> Errand:
        """``then``: the page to come back to; another site's is not."""
        ours = then.startswith("/") and not then.startswith(("//", "/\\"))
        state, nonce, verifier = (secrets.token_urlsafe(size) for size in (24, 24, 48))
        return cls(state, nonce, verifier, then if ours else "/")

    @classmethod
    def read(cls, kept: str) -> Errand:
        """The inverse of `str`. Raises `Forbidden` where it is none of ours."""
        parts = kept.split(".", 3)
        if len(parts) != 4:
            raise Forbidden("token-refused", "this sign-in was not begun in this browser", "Sign in again.")
        state, nonce, verifier, then = parts
        return cls(state, nonce, verifier, unquote(then))

    def __str__(self) -> str:
        return f"{self.state}.{self.nonce}.{self.verifier}.{quote(self.then)}"

    @property
    def challenge(self) -> str:
        """S256 of the verifier (RFC 7636, section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True)
class Granted:
    """What the issuer gave for a session, and what it says of the person."""

    id_token: str = ""
    refresh_token: str = ""
    who: Principal | None = None
    until: float = 0.0


class SignIn:
    """Signing in at one issuer."""

    def __init__(self, issuer: Issuer, public_url: str = "") -> None:
        """``public_url``: where browsers find this server, if not where its requests say."""
        self._issuer = issuer
        self._tokens = OidcTokens(issuer)
        self.public_url = public_url.rstrip("/")

    @property
    def host(self) -> str:
        """The issuer's, for the button."""
        return urlsplit(self._issuer.config.issuer).netloc

    def start(self, errand: Errand, redirect: str) -> str:
        """Where to send the browser. Raises as `Issuer.discovery`."""
        asked = {
            "response_type": "code",
            "client_id": self._issuer.config.client_id,
            "redirect_uri": redirect,
            "scope": "openid profile email",
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": errand.challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._issuer.discovery().authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def finish(self, errand: Errand, state: str, code: str, redirect: str) -> Granted:
        """The tokens to keep, and whose they are. Raises `Forbidden`, and as `Issuer.discovery`."""
        if not state or not secrets.compare_digest(errand.state.encode(), state.encode()):
            raise Forbidden("token-refused", "this sign-in was not begun in this browser", "Sign in again.")
        redeemed = self._issuer.redeem(code, errand.verifier, redirect)
        claims = self._tokens.claims(redeemed.id_token)
        if claims is None or claims.get("nonce") != errand.nonce:
            raise Forbidden("token-refused", "the issuer's answer is not for this sign-in", "Sign in again.")
        who = self._tokens.whose(claims)
        return Granted(redeemed.id_token, redeemed.refresh_token, who, who.expires)

    def renew(self, held: Granted, identity: str, now: float) -> Granted:
        """By the refresh token: the role as it is now. Raises `Forbidden` where the issuer says no, or another name;
        and as `Issuer.discovery`."""
        redeemed = self._issuer.refresh(held.refresh_token)
        refresh_token = redeemed.refresh_token or held.refresh_token
        if not redeemed.id_token:  # it need not be given again (OpenID Connect Core 1.0, section 12.2)
            return Granted(held.id_token, refresh_token, None, now + redeemed.expires_in)
        who = self._tokens.principal(redeemed.id_token)
        if who is None or who.identity != identity:
            raise Forbidden("token-refused", "the issuer's answer is about somebody else", "Sign in again.")
        return Granted(redeemed.id_token, refresh_token, who, who.expires)

    def sign_out(self, id_token: str, back: str) -> str | None:
        """Where a browser ends its session at the issuer too (OpenID Connect RP-Initiated Logout 1.0); None where the
        issuer has no such place. Raises as `Issuer.discovery`."""
        endpoint = self._issuer.discovery().end_session_endpoint
        if not endpoint:
            return None
        asked = {"client_id": self._issuer.config.client_id, "post_logout_redirect_uri": back}
        if id_token and len(id_token) <= _LONGEST_HINT:
            asked["id_token_hint"] = id_token
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"
