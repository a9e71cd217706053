from __future__ import annotations

import inspect
import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from journalclip import (
    AnswerUnreadable,
    AsyncClient,
    Client,
    ExtraMissing,
    Results,
    SearchAnswer,
    ServerRefused,
    TextsCut,
)
from journalclip.answers import Hit, Served
from journalclip.exchange import wait_s
from journalclip.pictures import encoded, opened
from journalclip_devtools.doubles.clients import KINDS, client_of

SERVED = {"model_id": "mdl_1", "version": "1", "dataset_id": "d", "index_id": "i"}
each_client = pytest.mark.parametrize("kind", KINDS)


def answering(*answers: httpx.Response | httpx.TransportError) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    left, asked = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        first = left.pop(0)
        if isinstance(first, httpx.TransportError):
            raise first
        return first

    return httpx.MockTransport(answer), asked


def busy() -> httpx.Response:
    return httpx.Response(429, json={"code": "overloaded", "reason": "full"}, headers={"Retry-After": "7"})


def embedded(texts: list[str], model_id: str = "mdl_1", cut: tuple[int, ...] = ()) -> httpx.Response:
    served = {**SERVED, "model_id": model_id}
    vectors = [[float(text), 0.0] for text in texts]
    return httpx.Response(200, json={"served": served, "dim": 2, "texts": vectors, "images": [], "cut": list(cut)})


@each_client
def test_a_busy_server_is_waited_for_as_long_as_it_asks(kind: str) -> None:
    waits: list[float] = []
    transport, _ = answering(busy(), httpx.ConnectError("refused"), busy(), httpx.Response(200, json={"status": "ok"}))
    with client_of(kind, transport=transport, waits=waits) as client:
        assert client.health().status == "ok"
    assert waits == [7.0, 1.0, 7.0]


@each_client
def test_waiting_ends(kind: str) -> None:
    waits: list[float] = []
    transport, asked = answering(*[busy() for _ in range(5)], *[httpx.ReadError("broken")] * 5)
    with client_of(kind, transport=transport, waits=waits) as client:
        with pytest.raises(ServerRefused, match="overloaded"):
            client.health()
        with pytest.raises(httpx.ReadError):
            client.health()
    assert (len(asked), len(waits)) == (10, 8)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("900", 30.0), ("", 1.0), ("-5", 0.0), ("nan", 1.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0)],
)
def test_no_header_breaks_the_waiting(header: str, seconds: float) -> None:
    assert wait_s(header) == seconds


@each_client
def test_a_refusal_has_the_servers_words_and_a_proxys_page_only_its_status(kind: str) -> None:
    said = {"code": "query-invalid", "reason": "empty", "remedy": "Give text."}
    pages = [httpx.Response(502, text="a page"), httpx.Response(404, json=["a list"]), httpx.Response(500, json={})]
    transport, _ = answering(httpx.Response(422, json=said), *pages)
    with client_of(kind, transport=transport) as client:
        with pytest.raises(ServerRefused) as refused:
            client.search("")
        again = pickle.loads(pickle.dumps(refused.value))
        assert (again.status, again.code, again.remedy) == (422, "query-invalid", "Give text.")
        for page in pages:
            with pytest.raises(ServerRefused, match=f"http: HTTP {page.status_code}"):
                client.search("x")


@each_client
def test_a_server_that_is_not_ready_says_why_and_a_foreign_page_is_no_answer(kind: str) -> None:
    said = {"status": "not-ready", "problem": "no champion yet"}
    transport, asked = answering(
        *[httpx.Response(503, json=said) for _ in range(5)], httpx.Response(200, text="a page")
    )
    with client_of(kind, transport=transport) as client:
        with pytest.raises(ServerRefused, match="no champion yet"):
            client.health(empty=True)
        with pytest.raises(AnswerUnreadable, match="no Health"):
            client.health()
    assert [str(request.url) for request in asked[-2:]] == ["http://test/readyz?empty=ok", "http://test/readyz"]


@each_client
def test_texts_of_two_models_are_refused(kind: str) -> None:
    transport, _ = answering(embedded(["1"] * 256), embedded(["2"], "mdl_2"))
    with client_of(kind, transport=transport) as client, pytest.raises(ServerRefused, match="model-changed"):
        client.embed_texts(["x"] * 257)


@each_client
def test_texts_that_the_model_did_not_read_to_the_end_are_named(kind: str) -> None:
    transport, asked = answering(embedded(["1"] * 256, cut=(3,)), embedded(["2"], cut=(0,)))
    with client_of(kind, transport=transport) as client, pytest.warns(TextsCut, match="of 2 texts, numbers 3, 256$"):
        assert client.embed_texts(["x"] * 257).shape == (257, 2)
    assert [len(json.loads(request.content)["texts"]) for request in asked] == [256, 1]


@each_client
def test_ids_are_one_segment_of_the_servers_own_address(kind: str) -> None:
    transport, asked = answering(httpx.Response(200, json={}), httpx.Response(200, json={}))
    with client_of(kind, "http://test/below", "jc_secret", transport=transport) as client:
        client.explain("../v1/x?y")
    assert asked[0].url.raw_path == b"/below/v1/explain/..%2Fv1%2Fx%3Fy"
    assert asked[0].headers["authorization"] == "Bearer jc_secret"


def test_pictures_travel_as_the_files_they_are(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 4), "red")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    path = tmp_path / "x.png"
    path.write_bytes(buffer.getvalue())
    assert encoded(path) == encoded(buffer.getvalue()) == encoded(image)


def test_both_clients_have_the_same_methods() -> None:
    def methods(client: type) -> dict[str, inspect.Signature]:
        public = {name: each for name, each in vars(client).items() if not name.startswith("_")}
        return {name: inspect.signature(each) for name, each in public.items()}

    assert methods(Client) == methods(AsyncClient)
    coroutines = {name for name in methods(AsyncClient) if inspect.iscoroutinefunction(getattr(AsyncClient, name))}
    assert coroutines == methods(AsyncClient).keys()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = SearchAnswer(served=Served(**SERVED), pairs=0, mode="best", facets={}, hits=())
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ExtraMissing, match=r"journalclip-client\[frames\]"):
        Results(answer).frame()
    with pytest.raises(ExtraMissing, match=r"journalclip-client\[pictures\]"):
        opened(b"")


def test_fields_of_a_newer_server_are_left_out() -> None:
    assert Served.model_validate({**SERVED, "newer": 1}) == Served(**SERVED)
    assert "record" not in Hit.model_fields


def test_importing_it_loads_nothing_of_the_server_and_no_extra() -> None:
    said = "import sys, journalclip; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = set(
        subprocess.run([sys.executable, "-c", said], check=True, capture_output=True, text=True).stdout.split()
    )
    assert {"journalclip", "httpx", "numpy", "pydantic"} <= loaded
    heavy = {"torch", "ray", "faiss", "mlflow", "fastapi", "pyarrow", "pandas", "PIL"}
    assert not {name for name in loaded if name in heavy or name.startswith("journalclip_")}
