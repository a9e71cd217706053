from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from journalclip_devtools.doubles.collection import World
from journalclip_devtools.doubles.site import Site, make_site


def png(width: int = 60, height: int = 40, colour: str = "red") -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def claims_to_be(width: int, height: int) -> str:
    """A PNG whose header promises far more pixels than its few bytes hold: a decompression bomb."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000))
        + chunk(b"IEND", b"")
    )
    return base64.b64encode(data).decode()


def test_search_by_text_and_by_image_names_its_model(site: Site) -> None:
    client = site.client()
    by_text = client.post("/v1/search", json={"text": "axial CT, subdural haematoma", "k": 5}).json()
    assert len(by_text["hits"]) == 5
    hit = by_text["hits"][0]
    assert hit["cite"].startswith("On the invented case")
    assert by_text["served"]["model_id"] == site.service.backend._holder.take().manifest.model_id
    pair = site.world.pairs[0]
    image = base64.b64encode(site.world.store.get(pair.image)).decode()
    by_image = client.post("/v1/search", json={"image": image, "k": 3}).json()
    assert by_image["hits"][0]["score"] > 0.99
    both = client.post("/v1/search", json={"image": image, "text": "glioma", "filters": {"modality": ["CT"]}}).json()
    assert {hit["modality"] for hit in both["hits"]} <= {"CT"}
    assert client.get(hit["image_url"] + "?side=100").headers["content-type"] == "image/jpeg"
    assert client.get(hit["figure_image_url"]).status_code == 200


def test_similar_figures_leave_the_pair_itself_out(site: Site) -> None:
    pair = site.world.pairs[3]
    answer = site.client().post("/v1/search", json={"like": pair.pair_id, "k": 26}).json()
    assert [hit["rank"] for hit in answer["hits"]] == list(range(1, 27))
    assert pair.pair_id not in {hit["pair_id"] for hit in answer["hits"]}
    assert site.client().post("/v1/search", json={"like": "pair_unknown"}).json()["code"] == "not-found"
    assert site.client().post("/v1/search", json={"like": pair.pair_id, "text": "x"}).status_code == 422


def test_embeddings_are_unit_vectors_in_order(site: Site) -> None:
    found = site.client().post("/v1/embed", json={"texts": ["a b", "c"], "images": [png(), png(30, 90, "blue")]}).json()
    vectors = np.array([*found["texts"], *found["images"]])
    assert vectors.shape == (4, found["dim"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = site.client().post("/v1/embed", json={"texts": ["c"]}).json()
    np.testing.assert_allclose(alone["texts"][0], vectors[1], atol=1e-5)


def test_classification_is_a_share_among_the_given_labels(site: Site) -> None:
    found = site.client().post("/v1/classify", json={"image": png(), "labels": ["glioma", "infarct", "abscess"]}).json()
    shares = [label["probability"] for label in found["labels"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    refused = site.client().post("/v1/classify", json={"image": png(), "labels": ["a", "b"], "prompts": ["no place"]})
    assert refused.status_code == 422


def test_a_figure_says_where_it_came_from(site: Site) -> None:
    pair = next(pair for pair in site.world.pairs if pair.panel_id)
    view = site.client().get(f"/v1/figures/{pair.figure_id}").json()
    article = next(a for a in site.world.articles if a.article_id == pair.article_id)
    assert view["pdf_sha256"] == article.pdf.sha256
    assert (view["extractor"], view["structurer"], view["page"]) == ("test-1", "test-1", 2)
    assert len(view["pairs"]) == len(view["regions"]) == 2
    assert view["facts"]["doi"]["where"] == "page 1, header"
    steps = site.client().get(f"/v1/explain/{pair.pair_id}").json()
    assert steps["figure"]["figure_id"] == pair.figure_id
    assert site.client().get("/v1/explain/pair_unknown").json()["code"] == "unknown-id"
    assert site.client().get("/v1/figures/fig_unknown").status_code == 404


def test_the_map_has_every_pair_once(site: Site) -> None:
    points = site.client().get("/v1/map").json()
    assert sorted(points["pair_ids"]) == sorted(pair.pair_id for pair in site.world.pairs)
    assert len(points["x"]) == len(points["y"]) == len(points["modality"]) == points["drawn"] == points["pairs"]
    chosen = points["pair_ids"][:4]
    found = site.client().post("/v1/pairs", json={"pair_ids": [*chosen, "pair_unknown"]}).json()
    assert [hit["pair_id"] for hit in found["hits"]] == chosen


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "query-invalid"),
        ({"text": "   "}, 422, "query-invalid"),
        ({"text": "x", "k": 0}, 422, "request-invalid"),
        ({"text": "x", "filter": {}}, 422, "request-invalid"),
        ({"text": "x", "filters": {"modality": "CT"}}, 422, "request-invalid"),
        ({"text": 5}, 422, "request-invalid"),
        ({"image": "not base64!"}, 422, "image-not-base64"),
        ({"image": base64.b64encode(b"GIF89a, or so it says").decode()}, 422, "image-unreadable"),
        ({"image": base64.b64encode(b"%PDF-1.7 not a picture").decode()}, 422, "image-unreadable"),
        ({"image": png()[:80]}, 422, "image-unreadable"),
        ({"image": claims_to_be(10_000, 10_001)}, 413, "image-too-many-pixels"),
        ({"image": claims_to_be(60_000, 60_000)}, 413, "image-too-many-pixels"),
        ({"image": claims_to_be(2_000, 20_000)}, 422, "image-unreadable"),
    ],
)
def test_what_cannot_be_answered_is_refused_clearly(
    site: Site, body: dict[str, object], status: int, code: str
) -> None:
    answer = site.client().post("/v1/search", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["reason"]
    assert "Traceback" not in answer.text


def test_a_hundred_megapixels_are_refused_before_they_are_decoded(site: Site) -> None:
    buffer = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(buffer, "PNG")
    image = base64.b64encode(buffer.getvalue()).decode()
    answer = site.client().post("/v1/search", json={"image": image})
    assert (answer.status_code, answer.json()["code"]) == (413, "image-too-many-pixels")


def test_large_requests_are_cut_off(served_world: World, tmp_path: Path) -> None:
    site = make_site(served_world, tmp_path, max_body_bytes=1000)
    site.service.reloader.check()
    client = site.client()
    declared = client.post("/v1/search", content=b"x" * 2000, headers={"content-type": "application/json"})
    streamed = client.post("/v1/search", content=iter([b"x" * 600] * 3), headers={"content-type": "application/json"})
    for answer in (declared, streamed):
        assert (answer.status_code, answer.json()["code"]) == (413, "request-too-large")


def test_roles_are_kept(site: Site) -> None:
    assert site.client().get("/v1/me").json() == {"name": "anonymous", "role": "viewer"}
    assert site.client("reviewer").get("/v1/me").json() == {"name": "reviewer-1", "role": "reviewer"}
    assert site.client().get("/v1/review/queue").status_code == 403
    assert site.client("viewer").get("/v1/review/queue").json()["code"] == "role-needed"
    assert site.client("admin").get("/v1/review/queue").status_code == 200
    wrong = site.client().get("/v1/me", headers={"authorization": "Bearer jc_wrong"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "token-unknown")
    assert "www-authenticate" in wrong.headers


@pytest.mark.parametrize(("address", "host"), [("10.0.0.7", "127.0.0.1"), ("127.0.0.1", "rebound.example")])
def test_nobody_reads_without_a_name_from_elsewhere(site: Site, address: str, host: str) -> None:
    answer = site.client(address=address, host=host).post("/v1/search", json={"text": "x"})
    assert (answer.status_code, answer.json()["code"]) == (401, "sign-in-needed")
    assert site.client("viewer", address, host).post("/v1/search", json={"text": "x"}).status_code == 200


def test_signing_in_keeps_the_token_out_of_scripts_reach(site: Site) -> None:
    client = site.client()
    answer = client.post("/v1/login", json={"token": site.tokens["reviewer"]})
    assert answer.json()["role"] == "reviewer"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/v1/me").json()["name"] == "reviewer-1"
    client.post("/v1/logout")
    assert client.get("/v1/me").json()["name"] == "anonymous"
    assert client.post("/v1/login", json={"token": "wrong"}).status_code == 401


def test_the_audit_log_says_who_did_what_but_not_what_was_asked(site: Site) -> None:
    site.client("reviewer").post("/v1/search", json={"text": "a patient's story"})
    site.client("reviewer").get("/v1/figures/fig_unknown")
    (path,) = (site.root / "audit").iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(x["who"], x["action"], x["status"]) for x in lines] == [
        ("reviewer-1", "POST /v1/search", 200),
        ("reviewer-1", "GET /v1/figures/{figure_id}", 404),
    ]
    assert lines[1]["subject"] == "fig_unknown"
    assert "story" not in path.read_text()


def test_health_and_metrics(site: Site, world: World, tmp_path: Path) -> None:
    client = site.client()
    assert client.get("/healthz").json()["status"] == "ok"
    ready = client.get("/readyz").json()
    assert ready["served"]["version"] == "1"
    assert f'version="{ready["served"]["version"]}"' in client.get("/metrics").text
    assert 'route="/readyz",status="200"' in client.get("/metrics").text
    empty = make_site(world, tmp_path / "empty")
    assert not empty.service.reloader.check()
    answer = empty.client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not-ready")
    assert "no champion" in answer.json()["problem"]
    assert empty.client().get("/readyz?empty=ok").status_code == 200  # as the chart's probe asks
    empty.service.reloader.problem = "artifact-missing: its index is gone"
    assert empty.client().get("/readyz?empty=ok").status_code == 503
    refused = empty.client().post("/v1/search", json={"text": "x"})
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert "retry-after" in refused.headers


def test_the_page_allows_nothing_from_elsewhere(site: Site) -> None:
    for path in ("/", "/map", "/review", "/figures/fig_x"):
        answer = site.client().get(path)
        assert answer.status_code == 200
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_an_answer_says_how_the_query_was_read_and_why_a_hit_is_one(site: Site) -> None:
    answer = site.client().post("/v1/search", json={"text": "aneruysm", "k": 5}).json()
    assert answer["mode"] == "best"
    assert answer["notice"] is None
    assert answer["corrections"] == [{"typed": "aneruysm", "read_as": "aneurysm"}]
    first = answer["hits"][0]
    assert first["share"] == pytest.approx(1.0)
    assert first["reasons"][0]["said"] == "aneurysm"
    start, end = first["reasons"][0]["spans"][0]
    assert first["caption"][start:end] == "aneurysm"
    assert -1 <= first["similarity"] <= 1


def test_what_nothing_says_is_told(site: Site) -> None:
    nothing = site.client().post("/v1/search", json={"text": "qwrtzpl vbnmk", "k": 3}).json()
    assert nothing["notice"] == "No caption says this; these look alike."
    assert nothing["unknown"] == ["qwrtzpl", "vbnmk"]
    assert len(nothing["hits"]) == 3
    words = site.client().post("/v1/search", json={"text": "qwrtzpl", "mode": "words"}).json()
    assert (words["hits"], words["notice"]) == ([], "No caption says this.")


def test_a_doi_an_id_a_caption_and_a_title_are_looked_up(site: Site, served_world: World) -> None:
    pair = served_world.pairs[0]
    found = site.client().post("/v1/search", json={"text": "https://doi.org/10.9999/invented.3"}).json()
    assert {hit["doi"] for hit in found["hits"]} == {"10.9999/invented.3"}
    assert len(found["hits"]) == 3
    one = site.client().post("/v1/search", json={"text": pair.pair_id}).json()["hits"]
    assert [hit["pair_id"] for hit in one] == [pair.pair_id]
    whole = site.client().post("/v1/search", json={"text": pair.text.upper()}).json()["hits"]
    assert (whole[0]["caption"], whole[0]["exact"]) == (pair.text, "caption")
    title = site.client().post("/v1/search", json={"text": "On the invented case number 4"}).json()["hits"]
    assert {hit["title"] for hit in title[:3]} == {"On the invented case number 4"}
    none = site.client().post("/v1/search", json={"text": "10.9999/nothing"}).json()
    assert none["hits"] == []
    assert "DOI" in none["notice"]


def test_words_with_a_minus_are_left_out(site: Site) -> None:
    found = site.client().post("/v1/search", json={"text": "axial -glioma", "k": 50}).json()["hits"]
    assert found
    assert not any("glioma" in hit["caption"] for hit in found)


def test_text_beyond_the_model_is_said_or_refused(site: Site) -> None:
    long = "glioma of the brain " * 200
    assert site.client().post("/v1/search", json={"text": long}).json()["cut"] is True
    assert site.client().post("/v1/search", json={"text": "glioma"}).json()["cut"] is False
    embedded = site.client().post("/v1/embed", json={"texts": ["glioma", long[:1900]]}).json()
    assert embedded["cut"] == [1]
    labels = {"image": png(), "labels": ["glioma", "word " * 39]}
    refused = site.client().post("/v1/classify", json=labels)
    assert (refused.status_code, refused.json()["code"]) == (422, "query-invalid")


def test_a_deep_picture_is_told_of(site: Site) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.linspace(100, 900, 64).reshape(8, 8).astype(np.uint16)).save(buffer, "PNG")
    answer = site.client().post("/v1/search", json={"image": base64.b64encode(buffer.getvalue()).decode()}).json()
    assert answer["picture"] == "values 100 to 900 were shown as black to white"
    assert answer["mode"] == "looks"
