"""The chart's tools for the whole session; what is not here is left out with a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from journalclip_pipelines.servers import build, tools
from journalclip_pipelines.testing.charts import CHART, Helm

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cache() -> Path:
    return Path(os.environ.get("JOURNALCLIP_TEST_SERVERS_CACHE") or build.default_cache())


def built(name: str, cache: Path) -> Path:
    """Tests build nothing: `make charts` and the test session's own start do, beside other work."""
    path = tools.folder(name, cache) / name
    if not path.exists():
        pytest.skip(f"{name} {tools.TOOLS[name].version} is not built: `make charts` builds it where there is Go")
    return path


@pytest.fixture(scope="session", params=["helm4", "helm3"])
def helm(request: pytest.FixtureRequest, cache: Path) -> Helm:
    return Helm(built(request.param, cache), ROOT / CHART)


@pytest.fixture(scope="session")
def helm4(cache: Path) -> Helm:
    """For what both versions render alike."""
    return Helm(built("helm4", cache), ROOT / CHART)
