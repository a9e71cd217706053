"""skaffold reads its file, renders each profile, and deploys the chart to a real control plane: all but the builds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from journalclip_devtools.chart.rendered import Helm, kinds, pods, violations
from journalclip_devtools.servers.kube import ControlPlane
from journalclip_devtools.servers.tools import TOOLS, folder

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1800)]
ROOT = Path(__file__).parents[2]
PROFILES = ("", "dev", "gpu", "ci")
IMAGES = ("backbone", "extraction", "parser", "structuring", "studies", "ray", "kafka", "minio", "postgres")
BUILT = ",".join(f"journalclip/{name}=journalclip/{name}:7.7.7" for name in IMAGES)


@pytest.fixture(scope="module")
def environment(cache: Path, helm3: Helm, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """skaffold calls `helm` by that name, and keeps what it remembers in a home."""
    if not (folder("skaffold", cache) / "skaffold").exists():
        pytest.skip(f"skaffold {TOOLS['skaffold'].version} is not built: `make charts` builds it where there is Go")
    home = tmp_path_factory.mktemp("home")
    (home / "helm").symlink_to(helm3.program)
    path = f"{home}:{folder('skaffold', cache)}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "SKAFFOLD_UPDATE_CHECK": "false", "SKAFFOLD_INTERACTIVE": "false"}


def skaffold(environment: Mapping[str, str], profile: str, *arguments: str) -> str:
    chosen = ["-p", profile] if profile else []
    done = subprocess.run(
        ["skaffold", *arguments, *chosen],
        env=dict(environment), cwd=ROOT, capture_output=True, text=True, check=False, timeout=1700,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.mark.parametrize("profile", PROFILES)
def test_it_understands_every_profile(environment: Mapping[str, str], profile: str) -> None:
    shown = yaml.safe_load(skaffold(environment, profile, "diagnose", "--yaml-only"))
    built = {each["image"]: each for each in shown["build"]["artifacts"]}
    assert set(built) == {f"journalclip/{name}" for name in IMAGES}
    assert any("sync" in each for each in built.values()) == (profile == "dev")


@pytest.mark.parametrize("profile", PROFILES)
def test_it_renders_every_profile_with_the_images_it_built(
    environment: Mapping[str, str], profile: str, tmp_path: Path
) -> None:
    to = tmp_path / "rendered.yaml"  # standard output has remarks of skaffold's own
    skaffold(
        environment, profile, "render", "--offline", "--digest-source=none", "--images", BUILT, "--output", str(to)
    )
    manifests = [each for each in yaml.safe_load_all(to.read_text()) if each]
    found = list(pods(manifests))
    assert {each["image"].rpartition(":")[2] for pod in found for each in pod.containers} == {"7.7.7"}
    assert {each["image"].partition(":")[0] for pod in found for each in pod.containers} == {
        f"journalclip/{name}" for name in IMAGES
    }
    assert [violations(pod) for pod in found if violations(pod)] == []
    live = [each for pod in found for each in pod.containers if "/tmp/live" in str(each.get("env"))]
    assert bool(live) == (profile == "dev")
    assert kinds(manifests, "Deployment")


def test_it_deploys_to_a_cluster_and_deletes_again(environment: Mapping[str, str], plane: ControlPlane) -> None:
    namespace = plane.namespace("journalclip")
    there = {**environment, "KUBECONFIG": str(plane.kubeconfig)}
    skaffold(there, "ci", "deploy", "--images", BUILT, "--tail=false", "--port-forward=off")
    for each in plane.get("deployments", namespace):
        status = each["status"]
        assert isinstance(status, dict)
        assert status.get("availableReplicas", 0) == status.get("replicas", 0)
    skaffold(there, "ci", "delete")
    assert plane.get("deployments", namespace) == []
