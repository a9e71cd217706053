"""The registry on MLflow's own sqlite file: versions once, aliases that move, errors that can be retried."""

from __future__ import annotations

import pytest

from journalclip_shared.errors import TransientError
from journalclip_shared.registry import MlflowRegistry, ModelRegistry
from journalclip_shared.testing.facts import sample_ref


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    # Creating the schema takes seconds: one file for all tests, one registered model for each.
    return f"sqlite:///{tmp_path_factory.mktemp('registry') / 'mlflow.db'}"


@pytest.fixture
def registry(uri: str, request: pytest.FixtureRequest) -> ModelRegistry:
    return MlflowRegistry(uri, request.node.name)


def test_a_model_is_registered_once(registry: ModelRegistry) -> None:
    assert registry.versions() == []
    first = registry.register("mdl_a", sample_ref("a"), "", {"recipe": "demo"})
    again = registry.register("mdl_a", sample_ref("a"), "", {"recipe": "demo"})
    second = registry.register("mdl_b", sample_ref("b"), "", {})
    assert first == again
    assert [each.model_id for each in registry.versions()] == ["mdl_a", "mdl_b"]
    assert (first.manifest, first.tags["recipe"], first.run_id) == (sample_ref("a"), "demo", "")
    assert int(second.version) == int(first.version) + 1


def test_aliases_are_set_moved_and_dropped(registry: ModelRegistry) -> None:
    one = registry.register("mdl_a", sample_ref("a"), "", {})
    two = registry.register("mdl_b", sample_ref("b"), "", {})
    assert registry.by_alias("champion") is None
    registry.set_alias("champion", one.version)
    registry.set_alias("champion", two.version)
    found = registry.by_alias("champion")
    assert found is not None
    assert found.model_id == "mdl_b"
    registry.drop_alias("champion")
    registry.drop_alias("champion")
    assert registry.by_alias("champion") is None


def test_a_tag_is_added(registry: ModelRegistry) -> None:
    version = registry.register("mdl_a", sample_ref("a"), "", {})
    registry.tag(version.version, "gate", "passed")
    assert registry.versions()[0].tags["gate"] == "passed"


def test_no_alias_before_the_first_model(registry: ModelRegistry) -> None:
    assert registry.by_alias("candidate") is None
    registry.drop_alias("candidate")


def test_what_the_registry_refuses_is_transient(registry: ModelRegistry) -> None:
    registry.register("mdl_a", sample_ref("a"), "", {})
    with pytest.raises(TransientError, match="model registry"):
        registry.set_alias("champion", "99")
    with pytest.raises(TransientError, match="model registry"):
        registry.tag("99", "gate", "passed")


def test_an_unreachable_server_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = MlflowRegistry("http://127.0.0.1:9", "away")
    for call in (
        registry.versions,
        lambda: registry.by_alias("champion"),
        lambda: registry.set_alias("champion", "1"),
        lambda: registry.drop_alias("champion"),
        lambda: registry.tag("1", "a", "b"),
        lambda: registry.register("mdl_a", sample_ref("a"), "", {}),
        registry._ensure_model,
    ):
        with pytest.raises(TransientError, match="model registry"):
            call()
