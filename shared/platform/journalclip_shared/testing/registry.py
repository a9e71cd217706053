"""What every model registry must do: MLflow's and each stand-in pass this one suite."""

from __future__ import annotations

import pytest

from journalclip_shared.errors import TransientError
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.testing.facts import sample_ref


class RegistryContract:
    """The ``registry`` fixture gives one that holds nothing."""

    @pytest.fixture
    def registry(self) -> ModelRegistry:
        raise NotImplementedError("a subclass says which registry is tested")

    def test_a_model_is_registered_once(self, registry: ModelRegistry) -> None:
        assert registry.versions() == []
        first = registry.register("mdl_a", sample_ref("a"), "", {"recipe": "demo"})
        again = registry.register("mdl_a", sample_ref("a"), "", {"recipe": "demo"})
        second = registry.register("mdl_b", sample_ref("b"), "", {})
        assert first == again
        assert [each.model_id for each in registry.versions()] == ["mdl_a", "mdl_b"]
        assert (first.manifest, first.tags["recipe"], first.run_id) == (sample_ref("a"), "demo", "")
        assert int(second.version) == int(first.version) + 1

    def test_aliases_are_set_moved_and_dropped(self, registry: ModelRegistry) -> None:
        one = registry.register("mdl_a", sample_ref("a"), "", {})
        two = registry.register("mdl_b", sample_ref("b"), "", {})
        assert registry.by_alias("champion") is None
        registry.set_alias("champion", one.version)
        registry.set_alias("previous", one.version)
        registry.set_alias("champion", two.version)
        champion, previous = registry.by_alias("champion"), registry.by_alias("previous")
        assert champion is not None
        assert previous is not None
        assert (champion.model_id, previous.model_id) == ("mdl_b", "mdl_a")
        registry.drop_alias("champion")
        registry.drop_alias("champion")
        assert registry.by_alias("champion") is None

    def test_a_tag_is_added_and_replaced(self, registry: ModelRegistry) -> None:
        version = registry.register("mdl_a", sample_ref("a"), "", {"kept": "yes"})
        registry.tag(version.version, "gate", "refused")
        registry.tag(version.version, "gate", "passed")
        tags = registry.versions()[0].tags
        assert (tags["gate"], tags["kept"]) == ("passed", "yes")

    def test_no_alias_before_the_first_model(self, registry: ModelRegistry) -> None:
        assert registry.by_alias("candidate") is None
        registry.drop_alias("candidate")

    def test_an_unknown_version_is_refused(self, registry: ModelRegistry) -> None:
        registry.register("mdl_a", sample_ref("a"), "", {})
        with pytest.raises(TransientError, match="model registry"):
            registry.set_alias("champion", "99")
        with pytest.raises(TransientError, match="model registry"):
            registry.tag("99", "gate", "passed")
        assert registry.by_alias("champion") is None
