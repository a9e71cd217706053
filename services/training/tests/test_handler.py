from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import CLIPModel

from journalclip_devtools.doubles.squares import freeze_tiny, tiny_config
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import ClipFolder, fetch_folder
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.events import DatasetFrozen, Event, ModelTrained, SourceQuarantined, TrainingRequested
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.testing.memory import MemoryRegistry
from journalclip_training.articles.learning import ArticleTraining
from journalclip_training.card import REQUIRED
from journalclip_training.config import TrainConfig, config_from_json
from journalclip_training.errors import DatasetTooSmall
from journalclip_training.handler import TrainingHandler
from journalclip_training.recipes import Recipe, registry
from journalclip_training.requests import DefaultTraining, ask, request
from journalclip_training.tracking import Lineage, MlflowTracking


class Killed(BaseException):
    """As a signal would: no handler of errors sees it."""


@pytest.fixture
def store(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(tmp_path / "artifacts")


def make(
    store: LocalArtifacts,
    folder: Path,
    config: TrainConfig | None = None,
    general: Callable[[ClipFolder], float] | None = None,
    **changes: object,
) -> TrainingHandler:
    recipes = registry([Recipe("tiny", "articles", lambda: config or tiny_config())])
    kind = ArticleTraining(general=general, recipes=recipes)
    handler = TrainingHandler(store, MemoryRegistry(), kind, folder)
    return replace(handler, **changes)  # type: ignore[arg-type]


def trained(handler: TrainingHandler, frozen: DatasetFrozen, *overrides: str) -> ModelTrained:
    (fact,) = handler.handle(Event(request(frozen, "tiny", overrides, "test"), "test"))
    assert isinstance(fact, ModelTrained)
    return fact


def manifest_of(store: LocalArtifacts, fact: ModelTrained) -> ModelManifest:
    return ModelManifest.model_validate_json(store.get(fact.manifest))


def test_a_frozen_dataset_becomes_a_registered_candidate(store: LocalArtifacts, tmp_path: Path) -> None:
    seen: list[tuple[int, int, float]] = []
    handler = make(store, tmp_path / "w", progress=lambda *each: seen.append(each))
    fact = trained(handler, freeze_tiny(store))
    manifest = manifest_of(store, fact)
    assert manifest.steps == len(seen) == seen[-1][0] == seen[-1][1] == 6
    assert manifest.metrics["final_loss"] == pytest.approx(seen[-1][2])
    assert config_from_json(manifest.config, TrainConfig) == tiny_config()
    assert all(manifest.card[name] for name in REQUIRED)
    after = fetch_folder(store, manifest.files, tmp_path / "after")
    CLIPModel.from_pretrained(after, local_files_only=True)
    before = fetch_folder(store, manifest.start_files, tmp_path / "before")
    texts = ["red square on the left side"]
    assert (Encoder.load(after).embed_texts(texts) != Encoder.load(before).embed_texts(texts)).any()
    candidate = handler.registry.by_alias("candidate")
    assert candidate is not None
    assert candidate.model_id == fact.model_id
    assert not (tmp_path / "w" / fact.model_id).exists()


def test_a_duplicate_gives_the_same_fact_and_no_work(store: LocalArtifacts, tmp_path: Path) -> None:
    seen: list[int] = []
    handler = make(store, tmp_path / "w", progress=lambda step, *_: seen.append(step))
    frozen = freeze_tiny(store)
    first = trained(handler, frozen)
    seen.clear()
    assert trained(handler, frozen) == first
    assert not seen
    assert len(handler.registry.versions()) == 1


def test_a_late_duplicate_does_not_turn_the_alias_back(store: LocalArtifacts, tmp_path: Path) -> None:
    handler = make(store, tmp_path / "w")
    old, new = freeze_tiny(store, 24), freeze_tiny(store, 16)
    trained(handler, old)
    latest = trained(handler, new)
    trained(handler, old)
    candidate = handler.registry.by_alias("candidate")
    assert candidate is not None
    assert candidate.model_id == latest.model_id


@pytest.mark.parametrize("at", [1, 4, 5])
def test_a_killed_run_resumes_to_the_same_files(store: LocalArtifacts, tmp_path: Path, at: int) -> None:
    def kill(step: int, total: int, loss: float) -> None:
        if step == at:
            raise Killed

    frozen = freeze_tiny(store)
    handler = make(store, tmp_path / "w")
    handler = replace(handler, options=replace(handler.options, checkpoint_every=2))
    with pytest.raises(Killed):
        trained(replace(handler, progress=kill), frozen)
    steps: list[int] = []
    resumed = manifest_of(store, trained(replace(handler, progress=lambda s, *_: steps.append(s)), frozen))
    assert steps[0] == at // 2 * 2 + 1
    other = LocalArtifacts(tmp_path / "other")
    whole = manifest_of(other, trained(make(other, tmp_path / "w2"), freeze_tiny(other)))
    assert resumed.files == whole.files
    assert resumed.start_files == whole.start_files


def test_too_few_pairs_are_refused(store: LocalArtifacts, tmp_path: Path) -> None:
    with pytest.raises(DatasetTooSmall) as caught:
        trained(make(store, tmp_path / "w"), freeze_tiny(store, 3))
    assert caught.value.code == "dataset-too-small"
    assert "3 training pairs" in caught.value.reason


def test_the_sweep_keeps_a_point_within_the_cap_and_records_it(store: LocalArtifacts, tmp_path: Path) -> None:
    config = tiny_config()
    config = replace(config, forgetting=replace(config.forgetting, alphas=(0.5,), cap=0.0))
    asked: list[float] = []

    def general(model: ClipFolder) -> float:  # sinks with every model after the start's
        asked.append(0.5 - 0.1 * len(asked))
        return asked[-1]

    handler = make(store, tmp_path / "w", config=config, general=general)
    manifest = manifest_of(store, trained(handler, freeze_tiny(store, val=6)))
    assert manifest.metrics["kept_alpha"] == 0
    assert manifest.metrics["general"] == manifest.metrics["general_start"] == 0.5
    assert len(asked) == 3
    kept, start = (fetch_folder(store, f, tmp_path / "c") for f in (manifest.files, manifest.start_files))
    assert (Encoder.load(kept).embed_texts(["red"]) == Encoder.load(start).embed_texts(["red"])).all()


def test_another_recipe_on_the_same_dataset_trains_a_second_model(store: LocalArtifacts, tmp_path: Path) -> None:
    handler, frozen = make(store, tmp_path / "w"), freeze_tiny(store)
    first, second = trained(handler, frozen), trained(handler, frozen, "seed=1")
    assert first.model_id != second.model_id
    assert len(handler.registry.versions()) == 2


def test_a_new_dataset_is_answered_with_one_request_and_other_kinds_with_none(
    store: LocalArtifacts, tmp_path: Path
) -> None:
    default = DefaultTraining("articles", "tiny", ("seed=2",))
    handler, frozen = make(store, tmp_path / "w", default=default), freeze_tiny(store)
    (asked,) = handler.handle(Event(frozen, "test"))
    assert isinstance(asked, TrainingRequested)
    assert (asked.recipe, asked.overrides, asked.attempt) == ("tiny", ("seed=2",), 1)
    assert list(handler.handle(Event(frozen.model_copy(update={"kind": "studies"}), "test"))) == []
    assert list(handler.handle(Event(asked.model_copy(update={"kind": "studies"}), "test"))) == []
    off = replace(handler, default=replace(default, recipe="off"))
    assert list(off.handle(Event(frozen, "test"))) == []


def test_asking_again_is_the_same_request_until_it_failed(store: LocalArtifacts, tmp_path: Path) -> None:
    bus, frozen = SqliteBus(tmp_path / "events.db"), freeze_tiny(store)
    first = ask(bus, frozen, "tiny", (), "ada")
    bus.publish([Event(first, "test")])
    assert ask(bus, frozen, "tiny", (), "grace") == first
    assert ask(bus, frozen, "tiny", ("seed=1",), "grace").attempt == 1
    bad = SourceQuarantined(source_id=first.key, stage="training-articles", code="training-diverged", reason="no")
    bus.publish([Event(bad, "test")])
    second = ask(bus, frozen, "tiny", (), "grace")
    assert (second.attempt, second.asked_by) == (2, "grace")
    assert second.key != first.key
    bus.publish([Event(second, "test")])
    assert ask(bus, frozen, "tiny", (), "ada") == second
    bus.close()


@pytest.fixture
def mlflow_uri(tmp_path: Path) -> Iterator[str]:
    return f"sqlite:///{tmp_path / 'mlflow.sqlite'}"  # type: ignore[return-value]


def test_mlflow_keeps_parameters_curve_and_lineage(store: LocalArtifacts, tmp_path: Path, mlflow_uri: str) -> None:
    from mlflow.tracking import MlflowClient

    tracking = MlflowTracking(mlflow_uri, "test", artifacts=str(tmp_path / "runs"))
    handler = make(store, tmp_path / "w", registry=MlflowRegistry(mlflow_uri, "test"), tracking=tracking)
    frozen = freeze_tiny(store, val=4)
    fact = trained(handler, frozen)
    manifest = manifest_of(store, fact)
    assert manifest.metrics["val_pool"] == 4
    client = MlflowClient(mlflow_uri)
    run = client.get_run(manifest.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["optim.batch"] == "8"
    assert run.data.params["model.scratch.width"] == "16"
    assert len(client.get_metric_history(manifest.run_id, "loss")) == 6
    assert {"temperature", "gradient_norm", "final_loss"} <= run.data.metrics.keys()
    assert [each.path for each in client.list_artifacts(manifest.run_id, "pictures")] == ["pictures/examples.png"]
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.name == frozen.dataset_id
    assert json.loads(dataset.dataset.source)["uri"] == frozen.manifest.uri
    assert tracking.open(fact.model_id, {}, handler_lineage()) == manifest.run_id
    version = handler.registry.by_alias("candidate")
    assert version is not None
    assert version.run_id == manifest.run_id


def handler_lineage() -> Lineage:
    return Lineage("ds", "0", "artifact://datasets/x", 1)
