"""An issuer's access and ID tokens (JSON Web Tokens) as principals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jwt
from pydantic import TypeAdapter

from journalclip_inference.auth import ROLES, Principal, Role
from journalclip_inference.errors import Forbidden
from journalclip_inference.oidc.issuer import Issuer

# No HMAC: whoever knows a public key could sign with it as the shared secret. No "none".
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_S = 60  # clocks differ
_CLAIMS = TypeAdapter(dict[str, object])
Claims = Mapping[str, object]


class OidcTokens:
    """`Verifier` of one issuer's tokens."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._config = issuer.config

    def principal(self, token: str) -> Principal | None:
        """None for what is no JSON Web Token. Raises as `claims` and `whose`."""
        claims = self.claims(token)
        return None if claims is None else self.whose(claims)

    def claims(self, token: str) -> Claims | None:
        """What the token says, verified; None for what is none.

        Raises `Forbidden` ``token-refused``, and as `Issuer.key`.
        """
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            return None
        key = self._issuer.key(header.get("kid"))
        if key is None:
            raise Forbidden("token-refused", "the issuer publishes no key of this token", "Sign in again.")
        audiences = [name for name in (self._config.audience, self._config.client_id) if name]
        try:
            found = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=audiences,
                issuer=self._config.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Forbidden("token-refused", f"the token is not accepted: {error}", "Sign in again.") from error
        return _CLAIMS.validate_python(found)

    def whose(self, claims: Claims) -> Principal:
        """The person and the highest role that verified claims give. Raises `Forbidden` ``role-missing``."""
        name = str(claims.get(self._config.name_claim) or claims["sub"])
        role = _role(claims, self._config.role_claim)
        if role is None:
            reason = f"the claim {self._config.role_claim} of {name} holds no role of journalclip"
            raise Forbidden("role-missing", reason, f"Ask for one of {', '.join(ROLES)}.")
        issuer, subject = str(claims["iss"]), str(claims["sub"])
        return Principal(name, role, f"{issuer} {subject}", _seconds(claims.get("iat")), _seconds(claims.get("exp")))


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _at(claims: object, path: str) -> object:
    """What lies under a path with dots. Names may have dots of their own (``https://example.org/roles``,
    ``resource_access.my.client.roles``): the longest one that is there is taken."""
    if not isinstance(claims, Mapping):
        return None
    steps = path.split(".")
    for length in range(len(steps), 0, -1):
        name, rest = ".".join(steps[:length]), ".".join(steps[length:])
        if name in claims and (found := _at(claims[name], rest) if rest else claims[name]) is not None:
            return found
    return None


def _role(claims: Claims, path: str) -> Role | None:
    """The highest role under a path of claims: one name, several, or several in one text."""
    found = _at(claims, path)
    names = found.split() if isinstance(found, str) else found if isinstance(found, Sequence) else ()
    return next((role for role in reversed(ROLES) if role in names), None)
