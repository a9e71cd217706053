from __future__ import annotations

import io
import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from journalclip import Client, ServerRefused
from journalclip_devtools.doubles.live import live_server
from journalclip_devtools.doubles.site import Site
from journalclip_inference.client import encoded


def test_a_notebook_gets_frames_pictures_and_arrays(site: Site) -> None:
    with live_server(site.service.app) as address, Client(address, site.tokens["viewer"]) as client:
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
        served = client.health().served
        assert served is not None
        assert served.model_id == found.answer.served.model_id
        with pytest.raises(ServerRefused) as refused:
            client.figure("fig_unknown")
    assert (refused.value.status, refused.value.code) == (404, "not-found")


def test_a_busy_server_is_waited_for_as_long_as_it_asks(tmp_path: Path) -> None:
    busy = httpx.Response(429, json={"code": "overloaded", "reason": "full"}, headers={"Retry-After": "7"})
    bare = httpx.Response(502, text="a proxy's own page")
    ready = httpx.Response(200, json={"status": "ok"})

    def client_for(*answers: httpx.Response) -> tuple[Client, list[float]]:
        waits: list[float] = []
        left = list(answers)
        transport = httpx.MockTransport(lambda _request: left.pop(0))
        return Client("http://test", transport=transport, sleep=waits.append), waits

    client, waits = client_for(busy, busy, ready)
    assert client.health().status == "ok"
    assert waits == [7.0, 7.0]
    client, waits = client_for(*[busy] * 5)
    with pytest.raises(ServerRefused, match="overloaded"):
        client.health()
    assert len(waits) == 4
    client, _ = client_for(bare)
    with pytest.raises(ServerRefused, match="HTTP 502"):
        client.health()


def test_ten_thousand_texts_travel_in_batches_through_a_429_and_a_broken_connection() -> None:
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["texts"]
        asked.append(len(texts))
        if len(asked) == 3:
            return httpx.Response(429, json={"code": "overloaded", "reason": "full"}, headers={"Retry-After": "1"})
        if len(asked) == 5:
            raise httpx.ReadError("broken")
        served = {
            "model_id": "mdl_2" if texts[0] == "new" else "mdl_1",
            "version": "1",
            "dataset_id": "d",
            "index_id": "i",
        }
        vectors = [[float(text), 0.0] if text != "new" else [0.0, 0.0] for text in texts]
        return httpx.Response(200, json={"served": served, "dim": 2, "texts": vectors, "images": []})

    waits: list[float] = []
    client = Client("http://test", transport=httpx.MockTransport(answer), sleep=waits.append)
    found = client.embed_texts([str(n) for n in range(10_000)])
    assert found[:, 0].tolist() == list(range(10_000))
    assert (len(asked), max(asked), len(waits)) == (42, 256, 2)
    with pytest.raises(ServerRefused, match="model-changed"):
        client.embed_texts([*map(str, range(256)), "new"])


def test_pictures_travel_as_the_files_they_are(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 4), "red")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    path = tmp_path / "x.png"
    path.write_bytes(buffer.getvalue())
    assert encoded(path) == encoded(buffer.getvalue()) == encoded(image)
