"""OpenID Connect: the tokens of one issuer as principals, and signing in at that issuer from the page.

A token counts only where all of this holds: it is signed by a key that the issuer publishes, with an asymmetric
algorithm; it names this issuer and an audience that is ours; it has not expired; and one of its claims holds a role of
ours. What is not such a token at all is left to other verifiers; what is one and fails is refused with the reason.
"""

from journalclip_inference.oidc.issuer import Issuer, OidcConfig
from journalclip_inference.oidc.sign_in import Errand, Granted, SignIn
from journalclip_inference.oidc.tokens import OidcTokens

__all__ = ["Errand", "Granted", "Issuer", "OidcConfig", "OidcTokens", "SignIn"]
