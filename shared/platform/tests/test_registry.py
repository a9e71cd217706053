"""The contract on MLflow's own sqlite file and on the stand-in in memory; MLflow's errors can be retried."""

from __future__ import annotations

import pytest

from journalclip_shared.errors import TransientError
from journalclip_shared.registry import MlflowRegistry, ModelRegistry
from journalclip_shared.settings import Settings
from journalclip_shared.testing.facts import sample_ref
from journalclip_shared.testing.memory import MemoryRegistry
from journalclip_shared.testing.registry import RegistryContract


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    # Creating the schema takes seconds: one file for all tests, one registered model for each.
    return f"sqlite:///{tmp_path_factory.mktemp('registry') / 'mlflow.db'}"


class TestMlflowRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, uri: str, request: pytest.FixtureRequest) -> ModelRegistry:
        return MlflowRegistry(uri, request.node.name)


class TestMemoryRegistry(RegistryContract):
    @pytest.fixture
    def registry(self) -> ModelRegistry:
        return MemoryRegistry()


def test_two_installations_share_one_mlflow(uri: str) -> None:
    north, south = (
        MlflowRegistry(uri, Settings(installation=name).registered_model("articles")) for name in ("north", "south")
    )
    for registry, model in ((north, "mdl_n"), (south, "mdl_s")):
        version = registry.register(model, sample_ref(model), "", {})
        registry.set_alias("champion", version.version)
    for registry, model in ((north, "mdl_n"), (south, "mdl_s")):
        assert [each.model_id for each in registry.versions()] == [model]
        champion = registry.by_alias("champion")
        assert champion is not None
        assert champion.model_id == model
    assert Settings().registered_model("studies") == "journalclip-studies", "a lone installation keeps its names"


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
