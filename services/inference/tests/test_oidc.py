"""An issuer of our own, answered for in this process: which of its tokens count, and the way to it and back."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from journalclip_devtools.doubles.collection import World
from journalclip_devtools.doubles.site import Site, make_site
from journalclip_inference.api.app import create_app
from journalclip_inference.auth import ROLES, Principal, Tokens
from journalclip_inference.errors import Forbidden
from journalclip_inference.oidc import Errand, Issuer, OidcConfig, OidcTokens, SignIn
from journalclip_inference.sessions import Sessions, open_database
from journalclip_shared.catalogue.engine import sqlite_url
from journalclip_shared.errors import PermanentError, TransientError

HOST = "https://login.example"
KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("one", "two")}
PEM = KEYS["one"].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclass
class Fake:
    """An issuer: what it publishes, and how often it was asked."""

    published: list[str] = field(default_factory=lambda: ["one"])
    calls_itself: str = HOST
    away: bool = False
    asked: list[str] = field(default_factory=list)
    redeemed: list[dict[str, list[str]]] = field(default_factory=list)
    id_token: str = ""
    refresh_token: str = ""
    refuses: bool = False
    methods: tuple[str, ...] | None = None
    signs_out: str = ""
    authorization: list[str] = field(default_factory=list)

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.away:
            raise httpx.ConnectError("nobody is there", request=request)
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(200, json=self._discovery())
        if request.url.path == "/keys":
            return httpx.Response(200, json={"keys": [_public(name) for name in self.published]})
        self.redeemed.append(parse_qs(request.content.decode()))
        self.authorization.append(request.headers.get("authorization", ""))
        if self.refuses:
            return httpx.Response(400, json={"error": "invalid_grant"})
        given = {"id_token": self.id_token, "refresh_token": self.refresh_token, "token_type": "Bearer"}
        return httpx.Response(200, json={name: value for name, value in given.items() if value})

    def _discovery(self) -> dict[str, object]:
        methods = {"token_endpoint_auth_methods_supported": self.methods} if self.methods else {}
        return {
            **methods,
            **({"end_session_endpoint": self.signs_out} if self.signs_out else {}),
            "issuer": self.calls_itself,
            "jwks_uri": f"{HOST}/keys",
            "authorization_endpoint": f"{HOST}/authorize",
            "token_endpoint": f"{HOST}/token",
            "scopes_supported": ["openid"],
        }


def _public(name: str) -> dict[str, object]:
    numbers = jwt.algorithms.ECAlgorithm.to_jwk(KEYS[name].public_key(), as_dict=True)
    return {**numbers, "kid": name, "use": "sig", "alg": "ES256"}


def token_of(**claims: object) -> str:
    return signed(claims)


def signed(claims: Mapping[str, object], by: str = "one", kid: str | None = None) -> str:
    """A good token but for these claims; None leaves one out."""
    body = {"iss": HOST, "aud": "journalclip", "sub": "u-17", "exp": time.time() + 600, "journalclip_role": "reviewer"}
    wanted = {name: value for name, value in {**body, **claims}.items() if value is not None}
    return jwt.encode(wanted, KEYS[by], algorithm="ES256", headers={"kid": kid or by})


def tokens_of(fake: Fake, **changes: str) -> OidcTokens:
    return OidcTokens(Issuer(OidcConfig(HOST, "journalclip", "page", **changes), fake.client()))


def test_a_token_of_the_issuer_is_a_person_with_a_role() -> None:
    tokens = tokens_of(Fake())
    assert tokens.principal(token_of()) == Principal("u-17", "reviewer")
    assert tokens.principal(token_of(preferred_username="ada")) == Principal("ada", "reviewer")
    assert tokens.principal(token_of(aud=["other", "page"])) == Principal("u-17", "reviewer")
    assert tokens.principal("jc_of-our-own") is None  # left to the other verifier


@pytest.mark.parametrize(
    "forged",
    [
        token_of(iss="https://elsewhere.example"),
        token_of(aud="another-service"),
        token_of(aud=None),
        token_of(exp=time.time() - 3600),
        token_of(exp=None),
        token_of(sub=None),
        token_of(nbf=time.time() + 3600),
        signed({}, "two", "one"),
        signed({}, "two"),
        jwt.encode({"iss": HOST, "aud": "journalclip", "sub": "u", "exp": 9e9}, "", algorithm="none"),
    ],
    ids=[
        "issuer",
        "audience",
        "no-audience",
        "expired",
        "endless",
        "nobody",
        "early",
        "other-key",
        "unknown-key",
        "none",
    ],
)
def test_what_the_issuer_did_not_say_to_us_now_is_refused(forged: str) -> None:
    with pytest.raises(Forbidden) as refused:
        tokens_of(Fake()).principal(forged)
    assert refused.value.code == "token-refused"


def test_a_public_key_is_no_shared_secret() -> None:
    header = {"alg": "HS256", "kid": "one"}
    body = jwt.decode(token_of(), options={"verify_signature": False})
    parts = b".".join(jwt.utils.base64url_encode(json.dumps(part).encode()) for part in (header, body))
    signature = jwt.utils.base64url_encode(jwt.algorithms.HMACAlgorithm("sha256").sign(parts, PEM))  # type: ignore[arg-type]
    with pytest.raises(Forbidden, match="not accepted"):
        tokens_of(Fake()).principal(f"{parts.decode()}.{signature.decode()}")


@given(place=st.integers(0, 10_000), char=st.characters(codec="ascii"))
def test_a_changed_token_is_never_a_person(place: int, char: str) -> None:
    whole = token_of()
    place %= len(whole)
    changed = whole[:place] + char + whole[place + 1 :]
    try:
        found = tokens_of(Fake()).principal(changed)
    except Forbidden:
        return
    # The last character of a part may hold bits that no byte has: such a token says the very same.
    assert found is None or found == Principal("u-17", "reviewer")
    if found is not None:
        assert _parts(changed) == _parts(whole)


def _parts(token: str) -> list[bytes]:
    return [jwt.utils.base64url_decode(part) for part in token.split(".")]


@pytest.mark.parametrize(
    ("claim", "role"),
    [
        ({"realm_access": {"roles": ["offline", "viewer", "steward"]}}, "steward"),
        ({"realm_access": {"roles": "viewer admin"}}, "admin"),
        ({"realm_access": {"roles": ["root"]}}, None),
        ({"realm_access": "admin"}, None),
        ({}, None),
    ],
)
def test_the_highest_role_under_the_claims_path_counts(claim: dict[str, object], role: str | None) -> None:
    tokens = tokens_of(Fake(), role_claim="realm_access.roles")
    if role is None:
        with pytest.raises(Forbidden) as refused:
            tokens.principal(token_of(**claim))
        assert refused.value.code == "role-missing"
    else:
        found = tokens.principal(token_of(**claim))
        assert found is not None
        assert found.role in ROLES
        assert found.role == role


def test_new_keys_are_found_and_strangers_do_not_make_us_hammer_the_issuer() -> None:
    fake, now = Fake(), [0.0]
    tokens = OidcTokens(Issuer(OidcConfig(HOST, "journalclip"), fake.client(), lambda: now[0]))
    tokens.principal(token_of())
    for _ in range(5):
        with pytest.raises(Forbidden):
            tokens.principal(signed({}, "two"))
    assert fake.asked.count("/keys") == 1
    fake.published, now[0] = ["two"], 31.0
    assert tokens.principal(signed({}, "two")) is not None
    assert fake.asked.count("/keys") == 2


def test_an_issuer_that_is_away_is_no_refusal() -> None:
    fake, now = Fake(away=True), [0.0]
    tokens = OidcTokens(Issuer(OidcConfig(HOST, "journalclip"), fake.client(), lambda: now[0]))
    for _ in range(2):
        with pytest.raises(TransientError):
            tokens.principal(token_of())
    assert len(fake.asked) == 1
    fake.away, now[0] = False, 31.0
    assert tokens.principal(token_of()) is not None


def test_an_issuer_that_is_not_who_we_think_is_said() -> None:
    with pytest.raises(PermanentError, match="calls itself"):
        tokens_of(Fake(calls_itself="https://other.example")).principal(token_of())
    with pytest.raises(PermanentError, match="https"):
        OidcConfig("http://login.example", "journalclip")
    assert OidcConfig("http://127.0.0.1:9000", "journalclip").issuer


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/\\evil.example", "review"])
def test_nobody_is_sent_to_another_site_after_signing_in(then: str) -> None:
    assert Errand.fresh(then).then == "/"
    assert Errand.read(str(Errand.fresh("/figures/fig.a?q=x y"))).then == "/figures/fig.a?q=x y"


@pytest.fixture
def at_issuer(served_world: World, tmp_path: Path) -> tuple[Site, Fake]:
    fake = Fake()
    site = make_site(served_world, tmp_path, oidc_issuer=HOST, oidc_client_id="page")
    assert site.service.reloader.check()
    issuer = Issuer(OidcConfig(HOST, "journalclip", "page"), fake.client())
    serving = site.service.app.state.serving
    own, sign_in = serving.door.verifiers[0], SignIn(issuer)
    assert isinstance(own, Tokens)
    sessions = Sessions(open_database(sqlite_url(tmp_path / "issuer.db")), own, sign_in)
    door = type(serving.door)((own, OidcTokens(issuer)), anonymous=True, revoked=sessions.revoked)
    parts = replace(serving, door=door, sign_in=sign_in, sessions=sessions)
    return replace(site, service=replace(site.service, app=create_app(parts, 20_000_000))), fake


def come_back(client: TestClient, fake: Fake, state: str | None = None, **claims: object) -> Mapping[str, str]:
    """Sent to the issuer, signed in there, and back: the headers that this ends with."""
    there = client.get("/v1/login/issuer", params={"then": "/review?a=1"}, follow_redirects=False)
    asked = {name: value[0] for name, value in parse_qs(urlsplit(there.headers["location"]).query).items()}
    assert (asked["code_challenge_method"], asked["client_id"], asked["response_type"]) == ("S256", "page", "code")
    fake.id_token = token_of(**{"aud": "page", "nonce": asked["nonce"], "preferred_username": "ada", **claims})
    back = {"code": "c-1", "state": asked["state"] if state is None else state}
    answer = client.get(urlsplit(asked["redirect_uri"]).path, params=back, follow_redirects=False)
    if fake.redeemed:
        (verifier,) = fake.redeemed[-1]["code_verifier"]
        assert Errand("", "", verifier).challenge == asked["code_challenge"]
    assert answer.status_code == 303
    return answer.headers


def test_one_signs_in_at_the_issuer_and_is_back_where_one_was(at_issuer: tuple[Site, Fake]) -> None:
    site, fake = at_issuer
    client = site.client()
    assert client.get("/v1/login").json() == {"issuer": "login.example"}
    headers = come_back(client, fake)
    assert headers["location"] == "/review?a=1"
    assert "samesite=strict" in headers["set-cookie"].lower()
    assert client.get("/v1/me").json() == {"name": "ada", "role": "reviewer"}
    assert client.get("/v1/review/queue").status_code == 200
    client.post("/v1/logout")
    assert client.get("/v1/me").json()["name"] == "anonymous"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "of-another"}, "token-refused"),
        ({"nonce": "of-another"}, "token-refused"),
        ({"journalclip_role": "guest"}, "role-missing"),
    ],
)
def test_a_sign_in_that_fails_leaves_no_token(at_issuer: tuple[Site, Fake], changes: dict[str, str], code: str) -> None:
    site, fake = at_issuer
    client = site.client()
    assert come_back(client, fake, **changes)["location"] == f"/#sign-in={code}"
    assert client.get("/v1/me").json()["name"] == "anonymous"
    refused = client.get("/v1/login/callback", params={"error": "access_denied"}, follow_redirects=False)
    assert refused.headers["location"] == "/#sign-in=sign-in-refused"


def test_a_bearer_token_of_the_issuer_opens_the_api_and_its_absence_is_told(at_issuer: tuple[Site, Fake]) -> None:
    site, fake = at_issuer
    bearer = {"authorization": f"Bearer {token_of()}"}
    assert site.client().get("/v1/me", headers=bearer).json() == {"name": "u-17", "role": "reviewer"}
    late = site.client().get("/v1/me", headers={"authorization": f"Bearer {token_of(exp=1)}"})
    assert (late.status_code, late.json()["code"]) == (401, "token-refused")
    assert site.client("admin").get("/v1/me").json()["role"] == "admin"  # a token of our own goes on counting
    assert fake.asked.count("/keys") == 1


def test_a_session_is_renewed_silently_with_the_role_of_now(at_issuer: tuple[Site, Fake]) -> None:
    site, fake = at_issuer
    client = site.client()
    fake.refresh_token = "r-1"
    assert "journalclip_session" in come_back(client, fake, exp=time.time() - 30)["set-cookie"]  # within the leeway
    fake.id_token, fake.refresh_token = token_of(aud="page", journalclip_role="steward", exp=time.time() - 30), "r-2"
    assert client.get("/v1/me").json()["role"] == "steward"
    assert fake.redeemed[-1]["refresh_token"] == ["r-1"]
    fake.id_token = ""  # need not be given again: the access token's lifetime counts
    assert client.get("/v1/me").json()["role"] == "steward"
    asked = len(fake.redeemed)
    assert client.get("/v1/me").status_code == 200
    assert (len(fake.redeemed), fake.redeemed[-1]["refresh_token"]) == (asked, ["r-2"])


@pytest.mark.parametrize("changes", [{"refuses": True}, {"id_token": token_of(aud="page", sub="u-18")}])
def test_what_the_issuer_does_not_renew_is_over_and_the_cookie_is_taken_away(
    at_issuer: tuple[Site, Fake], changes: dict[str, object]
) -> None:
    site, fake = at_issuer
    client = site.client()
    fake.refresh_token = "r-1"
    come_back(client, fake, exp=time.time() - 30)
    for name, value in changes.items():
        setattr(fake, name, value)
    over = client.get("/v1/me")
    assert (over.status_code, over.json()["code"]) == (401, "session-ended")
    assert 'journalclip_session=""' in over.headers["set-cookie"]
    assert client.get("/v1/me").json()["name"] == "anonymous"


def test_signing_out_ends_the_session_here_and_says_where_it_ends_at_the_issuer(at_issuer: tuple[Site, Fake]) -> None:
    site, fake = at_issuer
    fake.signs_out = f"{HOST}/logout"
    client = site.client()
    come_back(client, fake)
    secret = client.cookies["journalclip_session"]
    there = urlsplit(client.post("/v1/logout").json()["issuer"])
    asked = {name: value[0] for name, value in parse_qs(there.query).items()}
    assert (there.path, asked["id_token_hint"]) == ("/logout", fake.id_token)
    assert asked["post_logout_redirect_uri"] == "http://127.0.0.1/"
    kept = site.client()
    kept.cookies.set("journalclip_session", secret)
    assert kept.get("/v1/me").status_code == 401, "a cookie that somebody copied is of no use"


def test_whose_sign_ins_are_ended_is_out_with_the_next_request_and_so_is_the_issuers_token(
    at_issuer: tuple[Site, Fake],
) -> None:
    site, fake = at_issuer
    client, admin = site.client(), site.client("admin")
    come_back(client, fake, iat=time.time())
    bearer = {"authorization": f"Bearer {token_of(preferred_username='ada', iat=time.time())}"}
    assert site.client().get("/v1/me", headers=bearer).status_code == 200
    assert [each["name"] for each in admin.get("/v1/operations/sessions").json()] == ["ada"]
    assert admin.post("/v1/operations/sessions/end", json={"name": "ada"}).json() == {"ended": 1}
    assert client.get("/v1/me").status_code == 401
    late = site.client().get("/v1/me", headers=bearer)
    assert (late.status_code, late.json()["code"]) == (401, "token-refused")
    again = {"authorization": f"Bearer {token_of(preferred_username='ada', iat=time.time() + 5)}"}
    assert site.client().get("/v1/me", headers=again).status_code == 200, "who signs in again is let in"
    assert site.client("steward").post("/v1/operations/sessions/end", json={"name": "ada"}).status_code == 403


@pytest.mark.parametrize(
    ("methods", "basic"),
    [(None, True), (("client_secret_basic",), True), (("client_secret_basic", "client_secret_post"), False)],
)
def test_the_client_names_itself_as_the_issuer_wants(methods: tuple[str, ...] | None, basic: bool) -> None:
    fake = Fake(methods=methods, id_token="x")
    issuer = Issuer(OidcConfig(HOST, "journalclip", "my.page", "s:ecret"), fake.client())
    issuer.redeem("c-1", "v-1", "http://127.0.0.1/back")
    assert (fake.authorization[-1].startswith("Basic "), "client_secret" in fake.redeemed[-1]) == (basic, not basic)
    if basic:
        assert base64.b64decode(fake.authorization[-1].removeprefix("Basic ")) == b"my.page:s%3Aecret"


@pytest.mark.parametrize(
    ("path", "claim"),
    [
        ("https://example.org/roles", {"https://example.org/roles": ["reviewer"]}),
        ("resource_access.my.page.roles", {"resource_access": {"my.page": {"roles": ["reviewer"]}}}),
        ("a.b", {"a": {"b": "reviewer"}, "a.c": "admin"}),
    ],
)
def test_names_of_claims_and_clients_may_have_dots(path: str, claim: dict[str, object]) -> None:
    found = tokens_of(Fake(), role_claim=path).principal(token_of(journalclip_role=None, **claim))
    assert found == Principal("u-17", "reviewer")


def test_without_an_issuer_none_is_offered(site: Site) -> None:
    assert site.client().get("/v1/login").json() == {"issuer": None}
    assert site.client().get("/v1/login/issuer").status_code == 404
