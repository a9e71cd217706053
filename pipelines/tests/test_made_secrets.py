"""Secrets made in the cluster: once, whatever was there before, and never changed."""

from __future__ import annotations

import base64
import hashlib
import json
import string
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from journalclip_pipelines.operations.made_secrets import Key, Made, Wanted, make, missing, parse
from journalclip_shared.errors import PermanentError
from journalclip_training.launcher.kubernetes import Resource

WANTED = Wanted(
    name="r-kafka",
    labels={"app": "journalclip"},
    keys={
        "intake": Key(make="random:32"),
        "extraction-articles": Key(make="random:32", former="extraction"),
        "cluster-id": Key(make="cluster-id"),
        "login": Key(make="text:intake"),
    },
)
SIGNING = {"verify": Key(make="same:sign"), "sign": Key(make="hmac")}


class Cluster:
    """Secrets in memory."""

    def __init__(self, **held: Mapping[str, str]) -> None:
        self.secrets: dict[str, Resource] = {name: secret(data) for name, data in held.items()}
        self.calls: list[str] = []

    def get(self, group: str, plural: str, name: str) -> Resource | None:
        assert (group, plural) == ("v1", "secrets")
        return self.secrets.get(name)

    def create(self, _group: str, _plural: str, body: Mapping[str, JsonValue]) -> Resource | None:
        self.calls.append("create")
        metadata = body["metadata"]
        assert isinstance(metadata, dict)
        return self.secrets.setdefault(str(metadata["name"]), dict(body))

    def patch(self, _group: str, _plural: str, name: str, body: Mapping[str, JsonValue]) -> Resource | None:
        self.calls.append("patch")
        held, new = self.secrets[name]["data"], body["data"]
        assert isinstance(held, dict)
        assert isinstance(new, dict)
        held.update(new)
        return self.secrets[name]

    def values(self, name: str) -> dict[str, str]:
        data = self.secrets[name]["data"]
        assert isinstance(data, dict)
        return {key: base64.b64decode(str(value)).decode() for key, value in data.items()}


def secret(data: Mapping[str, str]) -> Resource:
    return {"data": {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}}


def test_a_second_run_changes_nothing() -> None:
    cluster = Cluster()
    assert make(cluster, [WANTED]) == [Made("r-kafka", tuple(sorted(WANTED.keys)))]
    first = cluster.values("r-kafka")
    assert make(cluster, [WANTED]) == [Made("r-kafka", ())]
    assert cluster.values("r-kafka") == first
    assert cluster.calls == ["create"]
    assert first["login"] == "intake"
    assert len(first["intake"]) == 32
    assert len(base64.urlsafe_b64decode(first["cluster-id"] + "==")) == 16


def test_a_key_that_a_newer_release_needs_is_added_and_a_renamed_login_keeps_its_password() -> None:
    cluster = Cluster(**{"r-kafka": {"extraction": "old", "intake": "kept"}})
    make(cluster, [WANTED])
    found = cluster.values("r-kafka")
    assert (found["extraction-articles"], found["intake"], found["extraction"]) == ("old", "kept", "old")
    assert cluster.calls == ["patch"]


@given(st.sets(st.sampled_from(sorted(WANTED.keys))))
def test_what_is_held_is_never_made_again(held: set[str]) -> None:
    assert set(missing(WANTED.keys, dict.fromkeys(held, "x"))) == set(WANTED.keys) - held


def test_both_sides_of_a_shared_key_are_the_same_also_where_one_was_there() -> None:
    new = missing(SIGNING, {})
    assert new["sign"] == new["verify"]
    assert new["sign"].startswith("hmac:")
    assert set(new["sign"].removeprefix("hmac:")) <= set(string.hexdigits)
    assert missing(SIGNING, {"sign": "hmac:1"}) == {"verify": "hmac:1"}


def test_the_first_token_is_kept_as_its_digest() -> None:
    new = missing({"tokens.json": Key(make="tokens:admin-token")}, {})
    (entry,) = json.loads(new["tokens.json"])
    assert entry["sha256"] == hashlib.sha256(new["admin-token"].encode()).hexdigest()
    assert (entry["name"], entry["role"]) == ("admin", "admin")


@pytest.mark.parametrize("text", ["{", '[{"name": "n"}]', '[{"name": "n", "keys": {"k": {"how": "x"}}}]'])
def test_what_the_chart_never_writes_is_refused(text: str) -> None:
    with pytest.raises(PermanentError) as refused:
        parse(text)
    assert refused.value.code == "wanted-secrets"


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(PermanentError, match="magic"):
        missing({"k": Key(make="magic")}, {})
