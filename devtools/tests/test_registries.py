"""The stand-ins for MLflow that fault tests kill pass the registry's contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_devtools.doubles import promotion
from journalclip_devtools.faults import chain
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.testing.registry import RegistryContract


class TestFolderOfFiles(RegistryContract):
    @pytest.fixture
    def registry(self, tmp_path: Path) -> ModelRegistry:
        return promotion.FolderRegistry(tmp_path)


class TestOneFile(RegistryContract):
    @pytest.fixture
    def registry(self, tmp_path: Path) -> ModelRegistry:
        return chain.FolderRegistry(tmp_path)
