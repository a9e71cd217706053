from __future__ import annotations

import os
from pathlib import Path

import pytest

from journalclip_devtools.doubles.collection import World, small_world
from journalclip_devtools.doubles.site import Site, make_site
from journalclip_inference.engine import SearchEngine
from journalclip_shared.artifacts.local import LocalArtifacts

# Read by Ray's processes from the one that starts the cluster, whichever test that is: importing takes a proxy longer
# than the five seconds it is given, on a machine that is busy.
os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "120")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A frozen collection without a champion."""
    return small_world(LocalArtifacts(tmp_path / "artifacts"))


@pytest.fixture(scope="session")
def served_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A collection with a champion; tests leave it as it is."""
    root = tmp_path_factory.mktemp("served")
    world = small_world(LocalArtifacts(root / "artifacts"))
    world.promote(world.add_model(seed=1), root / "cache")
    return world


@pytest.fixture(scope="session")
def engine(served_world: World, tmp_path_factory: pytest.TempPathFactory) -> SearchEngine:
    return SearchEngine.open(served_world.store, served_world.registry, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def site(served_world: World, tmp_path: Path) -> Site:
    made = make_site(served_world, tmp_path)
    assert made.service.reloader.check()
    return made
