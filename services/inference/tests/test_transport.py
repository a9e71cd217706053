"""What HTTP asks of answers, who may ask how often, and that nobody's body is read before that is known."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from starlette.types import Message

from journalclip_devtools.doubles.collection import World
from journalclip_devtools.doubles.site import Site, make_site
from journalclip_inference.api.callers import Pace
from journalclip_inference.images import ImageLimits, PixelBudget, opened


async def send_endlessly(site: Site, headers: list[tuple[bytes, bytes]]) -> tuple[list[Message], int]:
    """A request whose body would never end; what was answered, and how many bytes were taken."""
    taken, answers = 0, list[Message]()

    async def receive() -> Message:
        nonlocal taken
        taken += 1 << 20
        return {"type": "http.request", "body": b"x" * (1 << 20), "more_body": taken < 120 << 20}

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/search", "raw_path": b"/v1/search",
        "query_string": b"", "root_path": "", "scheme": "http", "client": ("10.0.0.7", 1), "server": ("x", 80),
        "headers": [(b"host", b"x"), (b"content-type", b"application/json"), *headers],
    }  # fmt: skip
    await site.service.app(scope, receive, send)
    return answers, taken


def test_without_a_token_no_byte_of_the_body_is_read(site: Site) -> None:
    for headers in ([], [(b"authorization", b"Bearer nobody")], [(b"content-length", b"125829120")]):
        answers, taken = asyncio.run(send_endlessly(site, headers))
        assert answers[0]["status"] == 401
        assert taken == 0
    answers, taken = asyncio.run(send_endlessly(site, [(b"authorization", f"Bearer {site.tokens['viewer']}".encode())]))
    assert answers[0]["status"] == 413
    assert taken < 40 << 20


def test_refusals_are_problem_documents(site: Site) -> None:
    answer = site.client(address="10.0.0.7").post("/v1/search", json={"text": "x"})
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert (found["status"], found["code"], found["type"]) == (401, "sign-in-needed", "urn:journalclip:sign-in-needed")
    assert found["detail"] == found["reason"]
    assert answer.headers["www-authenticate"] == "Bearer"


def test_callers_have_a_pace_and_unknown_tokens_as_well(served_world: World, tmp_path: Path) -> None:
    site = make_site(served_world, tmp_path, requests_a_minute=3, unknown_tokens_a_minute=2)
    assert site.service.reloader.check()
    viewer, other = site.client("viewer", address="10.0.0.7"), site.client("reviewer", address="10.0.0.7")
    assert [viewer.get("/v1/me").status_code for _ in range(4)] == [200, 200, 200, 429]
    slow = viewer.get("/v1/me")
    assert slow.json()["code"] == "too-many-requests"
    assert 0 < int(slow.headers["retry-after"]) <= 21
    assert other.get("/v1/me").status_code == 200, "one caller's pace is not another's"
    stranger = site.client(address="10.0.0.9")
    codes = [stranger.get("/v1/me", headers={"authorization": "Bearer guess"}).status_code for _ in range(3)]
    assert codes == [401, 401, 429]
    assert [site.client().get("/v1/me").status_code for _ in range(5)] == [200] * 5, "this machine's reader"


def test_a_pace_fills_again() -> None:
    now = 0.0
    pace = Pace(60, lambda: now)
    assert [pace.wait("a") for _ in range(60)] == [0.0] * 60
    assert pace.wait("a") == pytest.approx(1.0)
    now = 0.5
    assert pace.wait("a") == pytest.approx(0.5)
    now = 1.1
    assert pace.wait("a") == 0.0
    assert Pace(0).wait("a") == 0.0


def test_head_caching_and_compression(site: Site) -> None:
    client = site.client()
    found = client.post("/v1/search", json={"text": "CT", "k": 20})
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["content-encoding"] == "gzip"
    assert (
        "content-encoding"
        not in client.post("/v1/search", json={"text": "CT", "k": 20}, headers={"accept-encoding": "identity"}).headers
    )
    url = found.json()["hits"][0]["image_url"]
    picture = client.get(url)
    assert "max-age=60" in picture.headers["cache-control"]
    assert "content-encoding" not in picture.headers
    again = client.get(url, headers={"if-none-match": picture.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{url}?side=100").headers["etag"] != picture.headers["etag"]
    head = client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(picture.content))
    assert client.head("/").status_code == client.head("/healthz").status_code == 200
    assert client.head("/v1/figures/fig_unknown").status_code == 404


def test_other_origins_are_let_in_by_a_setting_and_without_cookies(
    site: Site, served_world: World, tmp_path: Path
) -> None:
    asked = {"origin": "https://notes.example", "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in site.client().options("/v1/search", headers=asked).headers
    (tmp_path / "open").mkdir()
    open_site = make_site(served_world, tmp_path / "open", cors_origins=("https://notes.example",))
    allowed = open_site.client().options("/v1/search", headers=asked)
    assert allowed.headers["access-control-allow-origin"] == "https://notes.example"
    assert "access-control-allow-credentials" not in allowed.headers


def test_the_description_names_its_security_and_has_a_page(site: Site) -> None:
    found = site.client().get("/openapi.json").json()
    assert {each["type"] for each in found["components"]["securitySchemes"].values()} == {"http", "apiKey"}
    assert found["paths"]["/v1/search"]["post"]["security"]
    assert "security" not in found["paths"]["/healthz"]["get"]
    assert "api.js" in site.client().get("/api").text


def test_selections_become_files_for_reference_managers(site: Site) -> None:
    pairs = site.world.pairs[:3]
    body = {"pair_ids": [*(pair.pair_id for pair in pairs), "pair_unknown"]}
    client = site.client()
    ris = client.post("/v1/export", json={**body, "format": "ris"})
    assert ris.headers["x-left-out"] == "1"
    assert ris.text.count("TY  - JOUR") == len({pair.article_id for pair in pairs}) == ris.text.count("ER  - ")
    csl = json.loads(client.post("/v1/export", json={**body, "format": "csl"}).text)
    assert all(each["type"] == "article-journal" and each["DOI"] for each in csl)
    bib = client.post("/v1/export", json={**body, "format": "bibtex"}).text
    assert bib.count("{") == bib.count("}")
    rows = list(csv.DictReader(io.StringIO(client.post("/v1/export", json={**body, "format": "csv"}).text)))
    assert [row["pair_id"] for row in rows] == [pair.pair_id for pair in pairs]
    assert [row["caption"] for row in rows] == [pair.text for pair in pairs]


def test_pictures_are_handed_on_where_their_licence_allows_it(site: Site) -> None:
    pairs = site.world.pairs
    asked = {"pair_ids": [pair.pair_id for pair in pairs], "format": "pictures"}
    answer = site.client().post("/v1/export", json=asked)
    kept = [pair for pair in pairs if pair.licence.startswith("CC")]
    assert 0 < len(kept) < len(pairs)
    assert answer.headers["x-left-out"] == str(len(pairs) - len(kept))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert file.namelist() == [*(f"{pair.pair_id}.png" for pair in kept), "pictures.csv"]
        assert file.read(f"{kept[0].pair_id}.png") == site.world.store.get(kept[0].image)


def test_large_pictures_wait_for_each_other_and_small_ones_do_not() -> None:
    budget, inside, most = PixelBudget(pixels=100), 0, 0
    lock = threading.Lock()

    def decode(pixels: int) -> None:
        nonlocal inside, most
        with budget.of(pixels):
            with lock:
                inside += pixels
                most = max(most, inside)
            with lock:
                inside -= pixels

    threads = [threading.Thread(target=decode, args=(size,)) for size in (60, 60, 60, 10, 10, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert most <= 100
    with budget.of(1_000):
        pass  # larger than all of it: decoded alone


def test_a_sixteen_bit_picture_finds_what_its_eight_bits_find(site: Site) -> None:
    """As a radiologist's file: grey, sixteen bits, its values anywhere in the range."""
    rng = np.random.default_rng(0)
    client = site.client()

    def search(picture: Image.Image) -> dict[str, Any]:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        body = {"image": base64.b64encode(buffer.getvalue()).decode(), "k": 3}
        found: dict[str, Any] = client.post("/v1/search", json=body).json()
        return found

    for pair in site.world.pairs[:8]:
        with Image.open(io.BytesIO(site.world.store.get(pair.image))) as image:
            grey = ImageOps.autocontrast(image.convert("L"))
        values = np.asarray(grey).astype(np.uint16)
        found = search(Image.fromarray(values * int(rng.integers(1, 200)) + int(rng.integers(0, 9_000))))
        assert found["picture"].startswith("values ")
        assert [hit["pair_id"] for hit in found["hits"]] == [hit["pair_id"] for hit in search(grey)["hits"]]


def test_a_transparent_giant_is_made_small_before_it_is_laid_on_white() -> None:
    giant = Image.new("RGBA", (4_000, 3_000), (200, 0, 0, 0))
    giant.paste((10, 20, 30, 255), (0, 0, 2_000, 3_000))
    buffer = io.BytesIO()
    giant.save(buffer, "PNG")
    found = opened(buffer.getvalue(), ImageLimits())
    assert max(found.image.size) <= 1_024
    pixels = np.asarray(found.image)
    assert pixels[5, -5].tolist() == [255, 255, 255]
    assert np.abs(pixels[5, 5].astype(int) - (10, 20, 30)).max() <= 2
