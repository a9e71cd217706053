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

    def finish(self, errand: Errand, state: str, code: str, redirect: str) -> tuple[str, Principal]:
        """The ID token to keep, and whose it is. Raises `Forbidden`, and as `Issuer.discovery`."""
        if not state or not secrets.compare_digest(errand.state.encode(), state.encode()):
            raise Forbidden("token-refused", "this sign-in was not begun in this browser", "Sign in again.")
        token = self._issuer.redeem(code, errand.verifier, redirect)
        claims = self._tokens.claims(token)
        if claims is None or claims.get("nonce") != errand.nonce:
            raise Forbidden("token-refused", "the issuer's answer is not for this sign-in", "Sign in again.")
        return token, self._tokens.whose(claims)
