"""The pages for those who run it: who may do what, changes one at a time, and tokens that count at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from journalclip_devtools.doubles.collection import World
from journalclip_devtools.doubles.operations import CannedOperations
from journalclip_devtools.doubles.site import Site, make_site
from journalclip_inference.auth import Principal, Tokens, add_token, read_tokens, revoke_token
from journalclip_inference.operations import Change, OneAtATime
from journalclip_shared.errors import PermanentError


@pytest.fixture
def operated(served_world: World, tmp_path: Path) -> Site:
    return make_site(served_world, tmp_path, operations=CannedOperations())


def settled(client: TestClient) -> Change:
    while True:
        found = Change.model_validate(client.get("/v1/operations/change").json())
        if found.state != "running":
            return found


def test_stewards_look_and_admins_change(operated: Site) -> None:
    asked: Sequence[tuple[str, str, dict[str, object] | None, str]] = (
        ("GET", "models", None, "steward"),
        ("GET", "models/articles/2", None, "steward"),
        ("GET", "sources", None, "steward"),
        ("GET", "datasets", None, "steward"),
        ("GET", "change", None, "steward"),
        ("GET", "tokens", None, "admin"),
        ("POST", "models/promote", {"kind": "articles", "version": "2", "why": "read by the editors"}, "admin"),
        ("POST", "models/rollback", {"kind": "articles", "why": "misses haematomas"}, "admin"),
        ("POST", "sources/replay", {"source_id": "sub_1"}, "admin"),
        ("POST", "sources/withdraw", {"subject": "10.1/x", "reason": "retraction"}, "steward"),
        ("POST", "tokens", {"name": "ada", "role": "viewer"}, "admin"),
        ("DELETE", "tokens/tok_none", None, "admin"),
    )
    order = ["viewer", "reviewer", "steward", "admin"]
    for method, path, body, least in asked:
        for role in order:
            client = operated.client(role)
            status = client.request(method, f"/v1/operations/{path}", json=body).status_code
            if order.index(role) < order.index(least):
                assert status == 403, (method, path, role)
            else:
                assert status in (200, 201, 202, 404), (method, path, role, status)
                if method == "POST":
                    settled(operated.client("admin"))


def test_a_change_names_who_and_why_and_what_came_of_it(operated: Site) -> None:
    admin = operated.client("admin")
    body = {"kind": "articles", "version": "2", "why": "read by the editors"}
    assert admin.post("/v1/operations/models/promote", json=body).json()["state"] == "running"
    assert settled(admin).said == "version 2 promoted for admin-1: read by the editors"
    assert admin.post("/v1/operations/models/promote", json={**body, "why": ""}).status_code == 422  # no reason
    admin.post("/v1/operations/models/rollback", json={"kind": "articles", "to": "9", "why": "an older one"})
    refused = settled(admin)
    assert (refused.state, refused.code) == ("refused", "no-such-version")
    assert "Choose another" in refused.said


def test_one_change_runs_at_a_time_and_a_bug_in_one_is_told() -> None:
    changes, go = OneAtATime(), threading.Event()

    def slow() -> str:
        go.wait()
        raise ZeroDivisionError("a bug")

    changes.start("a promotion", "ada", slow)
    with pytest.raises(PermanentError, match="by ada is under way"):
        changes.start("another", "ben", lambda: "")
    go.set()
    while (last := changes.last) is None or last.state == "running":
        pass
    assert (last.state, last.said) == ("refused", "ZeroDivisionError: a bug")
    assert changes.start("a third", "ben", lambda: "done").state == "running"


def test_without_operations_the_pages_say_where_to_go(site: Site) -> None:
    answer = site.client("steward").get("/v1/operations/models")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-operated-here")


def test_tokens_are_added_listed_and_revoked_at_once(operated: Site) -> None:
    admin = operated.client("admin")
    token = admin.post("/v1/operations/tokens", json={"name": "ada", "role": "viewer", "days": 1}).json()["token"]
    asked = {"authorization": f"Bearer {token}"}
    stranger = TestClient(operated.service.app, client=("10.0.0.9", 1))
    assert stranger.get("/v1/me", headers=asked).json() == {"name": "ada", "role": "viewer"}
    listed = next(each for each in admin.get("/v1/operations/tokens").json() if each["name"] == "ada")
    assert listed["expires"] > listed["made"]
    assert token not in json.dumps(listed)
    assert admin.delete(f"/v1/operations/tokens/{listed['token_id']}").status_code == 204
    assert stranger.get("/v1/me", headers=asked).status_code == 401
    assert admin.delete(f"/v1/operations/tokens/{listed['token_id']}").status_code == 404


def test_a_token_is_unknown_from_its_last_moment_on(tmp_path: Path) -> None:
    path, now = tmp_path / "tokens.json", datetime.now(UTC)
    token, lasting = add_token(path, "ada", "viewer", days=1), add_token(path, "ben", "steward")
    known = Tokens(path, lambda: now)
    assert known.principal(token) == Principal("ada", "viewer")
    now += timedelta(days=1, seconds=1)
    assert known.principal(token) is None
    assert known.principal(lasting) == Principal("ben", "steward")
    revoke_token(path, read_tokens(path)[1].token_id)
    assert known.principal(lasting) is None


def test_tokens_of_older_versions_hold_and_a_missing_file_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    known = Tokens(path)
    assert known.principal("jc_x") is None
    token = add_token(path, "ada", "viewer")
    entry = read_tokens(path)[0]
    path.write_text(json.dumps([{"name": "ada", "role": "viewer", "sha256": entry.sha256}]))
    assert known.principal(token) == Principal("ada", "viewer")
    path.write_text("[{")  # cut off: what it revoked cannot be known
    assert known.principal(token) is None
    with pytest.raises(PermanentError):
        Tokens(path)
    path.unlink()
    assert known.principal(token) is None
