"""The client package against the real service: one suite for both clients, and every promised field in its OpenAPI."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from journalclip import Figure, Health, Me, SearchAnswer, ServerRefused
from journalclip.answers import ClassifyAnswer, EmbedAnswer, Problem
from journalclip_devtools.doubles.clients import KINDS, client_of
from journalclip_devtools.doubles.live import live_server
from journalclip_devtools.doubles.site import Site

Schema = dict[str, Any]
# What the client reads, and where the service describes it.
READ: dict[type[BaseModel], tuple[str, str, str]] = {
    SearchAnswer: ("/v1/search", "post", "200"),
    EmbedAnswer: ("/v1/embed", "post", "200"),
    ClassifyAnswer: ("/v1/classify", "post", "200"),
    Figure: ("/v1/figures/{figure_id}", "get", "200"),
    Health: ("/readyz", "get", "503"),
    Me: ("/v1/me", "get", "200"),
    Problem: ("/v1/search", "post", "422"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_gets_frames_pictures_and_arrays(site: Site, kind: str) -> None:
    with live_server(site.service.app) as address, client_of(kind, address, site.tokens["viewer"]) as client:
        found = client.search("axial CT", k=5, filters={"modality": ["CT", "MRI"]})
        frame = found.frame()
        assert 2 <= len(frame) == len(found) <= 5
        assert frame["score"].is_monotonic_decreasing
        assert set(frame["modality"]) <= {"CT", "MRI"}
        picture = client.picture(found[0])
        assert client.search(image=picture, k=1)[0].score > 0.99
        assert client.search(like=found[0].pair_id, k=2)[0].pair_id != found[0].pair_id
        texts = client.embed_texts(["a", "b"])
        assert texts.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
        assert client.embed_images([picture]).shape == (1, texts.shape[1])
        assert sum(client.classify(picture, ["glioma", "infarct"]).values()) == pytest.approx(1, abs=1e-5)
        assert client.figure(found[0].figure_id).figure_id == found[0].figure_id
        assert client.explain(found[0].pair_id)["id"] == found[0].pair_id
        assert client.me().role == "viewer"
        served = client.health().served
        assert served is not None
        assert served.model_id == found.answer.served.model_id
        with pytest.raises(ServerRefused) as refused:
            client.figure("fig_unknown")
    assert (refused.value.status, refused.value.code) == (404, "not-found")


class Faulty:
    """The service with two faults: the third request is refused as one too many, the fifth's connection breaks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        self.requests += 1
        if self.requests == 3:
            busy = JSONResponse({"code": "overloaded", "reason": "full"}, 429, {"Retry-After": "2"})
            return await busy(scope, receive, send)
        if self.requests == 5:  # a beginning, and no end: the server closes the connection
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
            return await send({"type": "http.response.body", "body": b"{", "more_body": True})
        return await self.app(scope, receive, send)


@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_texts_travel_through_a_429_and_a_broken_connection(site: Site, kind: str) -> None:
    texts = [f"figure {number}" for number in range(10_000)]
    waits: list[float] = []
    faulty = Faulty(site.service.app)
    with live_server(faulty) as address, client_of(kind, address, site.tokens["viewer"], waits=waits) as client:
        found = client.embed_texts(texts)
        assert (faulty.requests, waits) == (42, [2.0, 1.0])  # 40 batches of 256 at most, two of them sent twice
        some = [0, 255, 256, 1_000, 9_999]
        np.testing.assert_allclose(found[some], client.embed_texts([texts[each] for each in some]), atol=1e-5)
    assert found.shape[0] == 10_000


@pytest.mark.parametrize("read", READ)
def test_every_field_that_the_client_reads_is_promised_by_the_service(site: Site, read: type[BaseModel]) -> None:
    document: Schema = site.service.app.openapi()
    assert list(drift(read.model_json_schema(), described(document, read), document)) == []


def test_drift_is_found(site: Site) -> None:
    document: Schema = copy.deepcopy(site.service.app.openapi())
    hit = document["components"]["schemas"]["HitView"]
    del hit["properties"]["caption"]
    hit["properties"]["page"] = {"type": "string"}
    hit["properties"]["reasons"]["items"] = {"type": "string"}
    hit["required"].remove("label")
    found = set(drift(SearchAnswer.model_json_schema(), described(document, SearchAnswer), document))
    assert found == {
        "hits[].caption: not there",
        "hits[].page: string is not read",
        "hits[].reasons[]: string is not read",
        "hits[].label: may be left out",
    }


def described(document: Schema, read: type[BaseModel]) -> Schema:
    path, method, status = READ[read]
    content: Schema = document["paths"][path][method]["responses"][status]["content"]
    schema: Schema = next(iter(content.values()))["schema"]
    return schema


def drift(read: Schema, said: Schema, document: Schema, where: str = "", root: Schema | None = None) -> Iterator[str]:
    """Where what the service says does not fit what the client reads: name, JSON type, and what may be left out."""
    root = root or read
    ours = {each["type"]: each for each in alternatives(read, root) if "type" in each}
    for theirs in alternatives(said, document):
        kind = theirs.get("type", "anything")
        mine = ours.get(kind) or (ours.get("number") if kind == "integer" else None)
        if mine is None:
            yield f"{where}: {kind} is not read"
            continue
        if kind == "array":
            yield from drift(items(mine), items(theirs), document, f"{where}[]", root)
        if kind != "object":
            continue
        if isinstance(mine.get("additionalProperties"), dict):
            inner = theirs.get("additionalProperties", {})
            yield from drift(mine["additionalProperties"], inner, document, f"{where}{{}}", root)
        for name, field in mine.get("properties", {}).items():
            path = f"{where}.{name}".lstrip(".")
            if name not in theirs.get("properties", {}):
                yield f"{path}: not there"
                continue
            if name in mine.get("required", []) and name not in theirs.get("required", []):
                yield f"{path}: may be left out"
            yield from drift(field, theirs["properties"][name], document, path, root)


def items(array: Schema) -> Schema:
    """One schema of all items; a tuple's items are of one type here."""
    return array["items"] if "items" in array else {"anyOf": array["prefixItems"]}


def alternatives(schema: Schema, document: Schema) -> Iterator[Schema]:
    if "$ref" in schema:
        target = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        yield from alternatives(target, document)
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from alternatives(each, document)
    else:
        yield schema
