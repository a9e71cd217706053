"""What a run over studies says where no model came of it."""

from __future__ import annotations

from journalclip_pipelines.studies.summary import why_not_trained
from journalclip_shared.events import Event, Fact, ModelTrained, SourceQuarantined, TrainingRequested
from journalclip_shared.testing.facts import sample_ref
from journalclip_shared.testing.memory import MemoryBus


def test_a_dataset_without_a_model_says_why_until_there_is_one() -> None:
    bus = MemoryBus()

    def say(*facts: Fact) -> str | None:
        bus.publish([Event(fact, "test") for fact in facts])
        return why_not_trained(bus, "ds_small")

    ref = sample_ref()
    asked = TrainingRequested(dataset_id="ds_small", manifest=ref, recipe="demo", asked_by="launcher", kind="studies")
    other = asked.model_copy(update={"dataset_id": "ds_other"})
    assert say(asked, other) is None, "it may come yet"
    refused = SourceQuarantined(
        source_id=asked.request_id, name="", stage="training-studies", code="dataset-too-small",
        reason="it has 1 training study; the recipe needs 8", remedy="Add sources and freeze again.",
    )  # fmt: skip
    assert say(refused.model_copy(update={"source_id": other.request_id})) is None
    found = say(refused)
    assert found == "dataset-too-small: it has 1 training study; the recipe needs 8. Add sources and freeze again."
    trained = ModelTrained(model_id="mdl_a", dataset_id="ds_small", manifest=ref, version="1", kind="studies")
    assert say(trained) is None
