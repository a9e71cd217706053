"""The deployments on a real Ray cluster: the same answers as one process, and a champion changed under load."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import httpx
import pytest

from journalclip_devtools.doubles.collection import World, small_world
from journalclip_devtools.doubles.load import asking, each_alone, failed, mixed
from journalclip_inference.ray_server import ray_server
from journalclip_inference.settings import InferenceSettings
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.registry import MlflowRegistry

pytestmark = [pytest.mark.ray, pytest.mark.slow]
QUERY = "axial CT showing subdural haematoma"
PATIENCE_S = 600.0  # for what takes seconds on an idle machine


def test_the_server_on_ray_answers_alike_and_changes_its_champion(ray_cluster: None, tmp_path: Path) -> None:
    settings = InferenceSettings(
        workdir=tmp_path, port=0, anonymous=True, poll_s=0.5, door_cpus=0.1, encoder_cpus=0.1, index_cpus=0.1
    )
    world = small_world(LocalArtifacts(tmp_path / "artifacts"), articles=3)
    registry = MlflowRegistry(settings.registry_uri, "journalclip")
    world.registry = registry
    versions = [world.add_model(seed=1), world.add_model(seed=2)]
    alone = each_alone(world, versions[::-1], tmp_path / "cache", QUERY)
    with ray_server(settings) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as http:
        assert http.get("/readyz").json()["served"]["version"] == versions[0].version
        refused = http.post("/v1/search", json={"like": "pair_unknown"})
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
        shares = http.post("/v1/classify", json={"image": _picture(world), "labels": ["glioma", "infarct"]}).json()
        assert sum(each["probability"] for each in shares["labels"]) == pytest.approx(1, abs=1e-5)
        assert len(http.post("/v1/embed", json={"texts": ["a", "b"]}).json()["texts"]) == 2
        assert "journalclip" in http.get("/").text
        with asking(address, QUERY, clients=2) as answers:
            registry.set_alias("champion", versions[1].version)
            waited = threading.Event()
            for _ in range(int(PATIENCE_S / 0.2)):
                if http.get("/readyz").json()["served"]["version"] == versions[1].version:
                    break
                waited.wait(0.2)
            seen = len(answers)
            while len(answers) < seen + 6:
                waited.wait(0.1)
    assert (failed(answers), mixed(answers, alone)) == ([], [])
    assert {answer.body["served"]["version"] for answer in answers[-2:]} == {versions[1].version}


def _picture(world: World) -> str:
    return base64.b64encode(world.store.get(world.pairs[0].image)).decode()
