"""Secrets that are made once, in the cluster: passwords, keys and a first token that nobody brought.

A chart that draws them while it renders draws others at the next render, which GitOps then rolls out. So a job of the
release makes them, and a key that is there is never changed: neither what an earlier release made nor what a person
put there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from journalclip_shared.errors import PermanentError
from journalclip_training.launcher.kubernetes import Resource

_LETTERS = string.ascii_letters + string.digits
_CLUSTER_ID_CHARS = 22  # 128 bits in base64 without padding; the last character carries two of them
_TOKEN_CHARS = 43


class Key(BaseModel):
    """How one key is made, and the key that held it in the last release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    make: str
    former: str = ""


class Wanted(BaseModel):
    """One secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    keys: dict[str, Key]
    labels: dict[str, str] = {}


class Objects(Protocol):
    """What is needed of a cluster; the launcher's `Kubernetes` is one."""

    def get(self, group: str, plural: str, name: str) -> Resource | None: ...

    def create(self, group: str, plural: str, body: Mapping[str, JsonValue]) -> Resource | None: ...

    def patch(self, group: str, plural: str, name: str, body: Mapping[str, JsonValue]) -> Resource | None: ...


@dataclass(frozen=True)
class Made:
    """What one secret got."""

    name: str
    keys: tuple[str, ...]


def parse(text: str) -> list[Wanted]:
    """Raises `PermanentError` ``wanted-secrets``."""
    try:
        return TypeAdapter(list[Wanted]).validate_json(text)
    except ValidationError as error:
        raise PermanentError("wanted-secrets", f"not a list of secrets: {error.error_count()} errors") from error


def make(objects: Objects, wanted: Sequence[Wanted]) -> list[Made]:
    """Make what is missing. Raises `PermanentError` ``cluster-refused``, ``wanted-secrets``, `TransientError`."""
    return [_one(objects, each) for each in wanted]


def _one(objects: Objects, wanted: Wanted) -> Made:
    found = objects.get("v1", "secrets", wanted.name)
    held = _held(found)
    new = missing(wanted.keys, held)
    data: JsonValue = {name: base64.b64encode(value.encode()).decode() for name, value in new.items()}
    if found is None:
        labels: JsonValue = dict(wanted.labels)
        metadata: JsonValue = {"name": wanted.name, "labels": labels}
        body: Resource = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        if objects.create("v1", "secrets", body) is None:  # another one of this job was first
            return _one(objects, wanted)
    elif new:
        objects.patch("v1", "secrets", wanted.name, {"data": data})
    return Made(wanted.name, tuple(sorted(new)))


def _held(secret: Resource | None) -> dict[str, str]:
    data = (secret or {}).get("data")
    if not isinstance(data, dict):
        return {}
    return {name: base64.b64decode(str(value)).decode() for name, value in data.items()}


def missing(keys: Mapping[str, Key], held: Mapping[str, str]) -> dict[str, str]:
    """A value for each key that is not held. Raises `PermanentError` ``wanted-secrets``."""
    new: dict[str, str] = {}
    # What is made of others comes after those others.
    for name, key in sorted(keys.items(), key=lambda item: item[1].make.startswith(("same:", "format:"))):
        if name not in held:
            new |= _value(name, key, {**held, **new})
    return new


def _value(name: str, key: Key, held: Mapping[str, str]) -> dict[str, str]:
    if key.former and key.former in held:
        return {name: held[key.former]}
    how, _, more = key.make.partition(":")
    match how:
        case "random":
            return {name: _random(int(more))}
        case "text":
            return {name: more}
        case "same":
            return {name: held[more]}
        case "format":  # {KEY} stands for another key's value
            return {name: re.sub(r"\{([\w.-]+)\}", lambda found: held[found[1]], more)}
        case "cluster-id":
            return {name: _random(_CLUSTER_ID_CHARS - 1) + "A"}
        case "hmac":
            return {name: f"hmac:{secrets.token_hex(32)}"}
        case "tokens":  # only the digest is what the service reads
            token = f"jc_{_random(_TOKEN_CHARS)}"
            digest = hashlib.sha256(token.encode()).hexdigest()
            return {name: json.dumps([{"name": "admin", "role": "admin", "sha256": digest}]), more: token}
        case _:
            raise PermanentError("wanted-secrets", f"nobody knows how to make {key.make!r}")


def _random(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))
