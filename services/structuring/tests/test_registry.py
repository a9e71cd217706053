"""Tuned models in MLflow, and the structurer that follows an alias."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from journalclip_structuring.errors import BadSetting
from journalclip_structuring.lm.registry import ReloadingStructurer, StructurerRegistry, parse_alias
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.structurer import StructureRequest, StructureResult


def test_aliases_are_told_from_folders() -> None:
    assert parse_alias("models:/journalclip-structurer@champion") == ("journalclip-structurer", "champion")
    assert parse_alias("/models/lm") is None


@pytest.mark.slow
def test_a_folder_goes_in_and_comes_out_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # mlflow puts local artifacts beside its database
    folder = tmp_path / "lm"
    folder.mkdir()
    (folder / "journalclip.json").write_text('{"layout": "plain"}', encoding="utf-8")
    registry = StructurerRegistry(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert registry.version("lm", "champion") is None
    assert registry.register(folder, "lm", "champion") == "1"
    assert registry.register(folder, "lm", "candidate") == "2"
    assert registry.version("lm", "champion") == "1"
    fetched = registry.fetch("lm", "1", tmp_path)
    assert (fetched / "journalclip.json").read_text(encoding="utf-8") == '{"layout": "plain"}'


class Numbered:
    """A structurer that says which version it is."""

    name = "numbered"

    def __init__(self, version: str) -> None:
        self.version = version

    def structure(self, texts: Sequence[StructureRequest]) -> list[StructureResult]:
        return RuleStructurer().structure(texts)


class World:
    """A clock and an alias that tests move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.alias: str | None = "1"
        self.loads: list[str] = []

    def load(self, version: str) -> Numbered:
        self.loads.append(version)
        return Numbered(version)


def test_the_service_follows_the_alias_and_looks_seldom() -> None:
    world = World()
    structurer = ReloadingStructurer(lambda: world.alias, world.load, every_s=60, clock=lambda: world.now)
    assert (structurer.name, structurer.version) == ("numbered", "1")
    world.alias = "2"
    assert structurer.version == "1"
    world.now = 61
    assert structurer.version == "2"
    world.now, world.alias = 200, None  # an alias that was dropped leaves the last model in place
    assert structurer.version == "2"
    assert structurer.structure([StructureRequest("1", "CT")])[0].record is not None
    assert world.loads == ["1", "2"]


def test_an_alias_that_was_never_set_is_a_bad_setting() -> None:
    with pytest.raises(BadSetting, match="alias"):
        ReloadingStructurer(lambda: None, World().load)
