"""The chart's tools for the whole session; what is not here is left out with a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from journalclip_devtools.chart.rendered import CHART, Helm
from journalclip_devtools.servers import build, kube, schemas, tools

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cache() -> Path:
    return Path(os.environ.get("JOURNALCLIP_TEST_SERVERS_CACHE") or build.default_cache())


def built(name: str, cache: Path) -> Path:
    """Tests build nothing: `make charts` does, once."""
    path = tools.folder(name, cache) / name
    if not path.exists():
        pytest.skip(f"{name} {tools.TOOLS[name].version} is not built: `make charts` builds it where there is Go")
    return path


@pytest.fixture(scope="session")
def promtool(cache: Path) -> Path:
    return built("promtool", cache)


@pytest.fixture(scope="session")
def helm4(cache: Path) -> Helm:
    return Helm(built("helm4", cache), ROOT / CHART)


@pytest.fixture(scope="session")
def helm3(cache: Path) -> Helm:
    return Helm(built("helm3", cache), ROOT / CHART)


@pytest.fixture(scope="session", params=["helm4", pytest.param("helm3", marks=pytest.mark.cluster)])
def helm(request: pytest.FixtureRequest, cache: Path) -> Helm:
    """For what must hold under each version by itself; Helm 3's turn is `make charts`."""
    return Helm(built(request.param, cache), ROOT / CHART)


@pytest.fixture(scope="session")
def operators() -> list[Path]:
    """The definitions (CRDs) of KubeRay and Strimzi, which no module carries: beside the checkout, or named."""
    folder = Path(os.environ.get("JOURNALCLIP_CRDS") or ROOT.parent / "shared" / "crds")
    found = sorted(folder.glob("*.yaml"))
    if not found:
        pytest.skip(f"no KubeRay and Strimzi definitions in {folder}: JOURNALCLIP_CRDS names a folder of their files")
    return found


@pytest.fixture(scope="session")
def strict(cache: Path, operators: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """kubeconform, and folders with the schema of every kind, strict: an unknown field is an error."""
    folder = cache / f"schemas-{tools.KUBERNETES}"
    if not folder.is_dir():
        pytest.skip("the schemas of Kubernetes and its operators are not built: `make charts` builds them")
    custom = tmp_path_factory.mktemp("schemas")
    schemas.write_custom(operators, custom)
    return built("kubeconform", cache), [folder, custom]


@pytest.fixture(scope="session")
def plane(cache: Path, operators: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[kube.ControlPlane]:
    """A real control plane with every operator's real definitions, its pretended nodes, and volumes to bind."""
    built("kube", cache), built("kwok", cache)
    with kube.start(tmp_path_factory.mktemp("plane"), cache) as started:
        for path in [*operators, *schemas.definitions()]:
            started.kubectl("create", "-f", str(path))  # cheaper than to apply what is as large as these
        started.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=300s")
        # The server now makes its description of all that, once; later clients wait half a minute for it and no longer.
        started.kubectl("get", "--raw=/openapi/v2")
        started.apply(*(volume(number) for number in range(24)))
        yield started


def volume(number: int) -> kube.Manifest:
    """A volume that any claim of the profiles can bind to; nothing is ever written to it."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"volume-{number}"},
        "spec": {
            "capacity": {"storage": "1Ti"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": "/nowhere"},
        },
    }
