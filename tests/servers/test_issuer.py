"""Signing in at a real OpenID Connect issuer, with 120 groups, renewed silently, and out again at both."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from journalclip_devtools.doubles.collection import small_world
from journalclip_devtools.doubles.live import live_server
from journalclip_devtools.doubles.site import make_site
from journalclip_devtools.servers import oidc
from journalclip_devtools.servers.process import free_port
from journalclip_shared.artifacts.local import LocalArtifacts

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]
_PATIENCE_S = 60.0


@dataclass
class SignedUp:
    """A server of ours, and the issuer that it trusts."""

    address: str
    issuer: oidc.RunningIssuer


@pytest.fixture
def both(tmp_path: Path, cache: Path) -> Iterator[SignedUp]:
    if (said := oidc.missing()) is not None:
        pytest.skip(said)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    issuer = oidc.start(tmp_path / "issuer", cache, address)
    secret = tmp_path / "secret"
    secret.write_text(oidc.CLIENT_SECRET)
    world = small_world(LocalArtifacts(tmp_path / "artifacts"), articles=2)
    site = make_site(
        world, tmp_path, anonymous=False, oidc_issuer=issuer.address, oidc_client_id=oidc.CLIENT_ID,
        oidc_client_secret_file=secret, oidc_role_claim=oidc.ROLE_CLAIM, public_url=address,
    )  # fmt: skip
    try:
        with live_server(site.service.app, port):
            yield SignedUp(address, issuer)
    finally:
        issuer.server.stop()


def submitted(client: httpx.Client, page: httpx.Response, **fields: str) -> httpx.Response:
    """The page's form with its hidden fields, and these."""
    action = re.search(r'<form[^>]* action="([^"]+)"', page.text)
    assert action is not None, page.text[:2_000]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    return client.post(urljoin(str(page.url), action.group(1)), data={**hidden, **fields})


def test_a_person_with_120_groups_signs_in_is_renewed_and_signs_out_at_both(both: SignedUp) -> None:
    both.issuer.roles({"ada": ["viewer", "reviewer"]})
    with httpx.Client(follow_redirects=True, timeout=_PATIENCE_S) as browser:
        assert browser.get(f"{both.address}/v1/me").status_code == 401
        login = browser.get(f"{both.address}/v1/login/issuer", params={"then": "/api"})
        consent = submitted(browser, login, login="ada", password="any")
        back = submitted(browser, consent)
        assert str(back.url) == f"{both.address}/api"
        me = browser.get(f"{both.address}/v1/me")
        assert me.json() == {"name": "ada", "role": "reviewer"}
        sent = me.request.headers["cookie"]
        ours = next(each for each in sent.split("; ") if each.startswith("journalclip_session="))
        assert len(ours) < 100, "whatever the issuer says of 120 groups"
        both.issuer.roles({"ada": ["steward"]})
        deadline = time.monotonic() + _PATIENCE_S
        while browser.get(f"{both.address}/v1/me").json().get("role") != "steward":
            assert time.monotonic() < deadline, "the role of now never came"
            time.sleep(0.5)
        there = browser.post(f"{both.address}/v1/logout").json()["issuer"]
        out = submitted(browser, browser.get(there), logout="yes")
        assert str(out.url) == f"{both.address}/"
        assert browser.get(f"{both.address}/v1/me").status_code == 401
        again = browser.get(f"{both.address}/v1/login/issuer")
        assert 'name="password"' in again.text, "the issuer asks who it is once more"


def test_a_person_without_a_role_is_told_so(both: SignedUp) -> None:
    with httpx.Client(follow_redirects=True, timeout=_PATIENCE_S) as browser:
        login = browser.get(f"{both.address}/v1/login/issuer")
        submitted(browser, submitted(browser, login, login="guest", password="any"))
        assert browser.get(f"{both.address}/v1/me").json()["code"] == "sign-in-needed"
