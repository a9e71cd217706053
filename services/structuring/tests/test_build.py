"""From settings to a structurer."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from journalclip_structuring.build import build_structurer
from journalclip_structuring.endpoint.structurer import EndpointStructurer
from journalclip_structuring.errors import BadSetting
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.settings import StructuringSettings


def settings(workdir: Path, **values: object) -> StructuringSettings:
    return StructuringSettings.model_validate({"workdir": workdir, **values})


def test_rules_are_the_default(tmp_path: Path) -> None:
    assert isinstance(build_structurer(settings(tmp_path)), RuleStructurer)


def test_an_endpoint_needs_a_url_and_a_model(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="structuring-setting-invalid"):
        build_structurer(settings(tmp_path, structurer="endpoint", endpoint_url="http://e/v1"))
    named = settings(
        tmp_path, structurer="endpoint", endpoint_url="http://e/v1", endpoint_model="m", endpoint_key=SecretStr("k")
    )
    structurer = build_structurer(named)
    assert isinstance(structurer, EndpointStructurer)
    assert "k" not in repr(named.endpoint_key)


def test_versions_tell_models_apart(tmp_path: Path) -> None:
    def version(model: str) -> str:
        chosen = settings(tmp_path, structurer="endpoint", endpoint_url="http://e/v1", endpoint_model=model)
        return build_structurer(chosen).version

    assert version("a") != version("b")
    assert version("a") == version("a")


def test_a_local_model_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="no local model"):
        build_structurer(settings(tmp_path, structurer="local"))
    with pytest.raises(BadSetting, match="not a folder"):
        build_structurer(settings(tmp_path, structurer="local", local_model=str(tmp_path / "none")))
