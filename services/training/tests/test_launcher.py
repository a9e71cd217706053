"""The launcher: a request becomes one RayJob, however often it comes, and the job's end is the event's end."""

from __future__ import annotations

import base64
import json
import threading

import pytest
from pydantic import JsonValue

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import DatasetFrozen, DeliverySubmitted, Event, Fact, SubmittedFile, TrainingRequested
from journalclip_training.launcher.handler import RAY, LaunchingHandler, RayJobStatus, fill, job_name
from journalclip_training.launcher.kubernetes import Resource
from journalclip_training.requests import DefaultTraining

TEMPLATE = "r-journalclip-training"
MANIFEST = ArtifactRef(uri="artifact://datasets/1", sha256="0" * 64, bytes=1, media_type="application/json")
WANTED = TrainingRequested(dataset_id="ds_1", manifest=MANIFEST, recipe="demo", asked_by="ana", kind="articles")
FROZEN = DatasetFrozen(dataset_id="ds_1", manifest=MANIFEST, pairs=3, kind="articles")
JOB: Resource = {
    "apiVersion": RAY,
    "kind": "RayJob",
    "metadata": {"name": "r-training", "labels": {"app": "journalclip"}},
    "spec": {"entrypoint": "python -m journalclip_training.job DATASET"},
}


def owner(template: str) -> Resource:
    return {"metadata": {"name": TEMPLATE, "uid": "u-1"}, "data": {"rayjob.json": template}}


class Cluster:
    """A cluster's objects in memory; a made RayJob goes through ``states``, one at each look."""

    def __init__(self, *states: Resource, template: str | None = json.dumps(JOB)) -> None:
        self._states = list(states)
        self._template = template
        self.made: list[Resource] = []

    def get(self, group: str, plural: str, name: str) -> Resource | None:
        if plural == "configmaps":
            return None if self._template is None else owner(self._template)
        found = next((each for each in self.made if job_name(each) == name), None)
        if found is None or not self._states:
            return found
        return {**found, "status": self._states.pop(0) if len(self._states) > 1 else self._states[0]}

    def create(self, group: str, plural: str, body: Resource) -> Resource | None:
        assert (group, plural) == (RAY, "rayjobs")
        self.made.append(body)
        return body


def status(deployment: str, job: str = "", **more: JsonValue) -> Resource:
    return {"jobDeploymentStatus": deployment, "jobStatus": job, **more}


RUNNING, DONE = status("Running", "RUNNING"), status("Complete", "SUCCEEDED")


def handler(cluster: Cluster, recipe: str = "demo", stopping: threading.Event | None = None) -> LaunchingHandler:
    waited = stopping or threading.Event()
    return LaunchingHandler(cluster, TEMPLATE, DefaultTraining("articles", recipe), waited, wait=lambda _: None)


def handle(given: LaunchingHandler, fact: Fact) -> list[Fact]:
    return list(given.handle(Event(fact, "test")))


def test_a_request_makes_one_job_that_carries_it_and_ends_with_it() -> None:
    cluster = Cluster(RUNNING, RUNNING, DONE)
    assert handle(handler(cluster), WANTED) == []
    (job,) = cluster.made
    metadata, spec = job["metadata"], job["spec"]
    assert isinstance(metadata, dict)
    assert isinstance(spec, dict)
    assert metadata["labels"] == {"app": "journalclip", "journalclip/dataset": "ds_1"}
    assert metadata["ownerReferences"] == [{"apiVersion": "v1", "kind": "ConfigMap", "name": TEMPLATE, "uid": "u-1"}]
    asked = base64.urlsafe_b64decode(str(spec["entrypoint"]).rpartition(" ")[2])
    assert TrainingRequested.model_validate_json(asked) == WANTED
    assert len(job_name(job)) <= 47  # KubeRay's limit


def test_a_request_that_comes_again_finds_its_job_and_another_makes_another() -> None:
    cluster = Cluster(DONE)
    for _ in range(2):
        handle(handler(cluster), WANTED)
    assert len(cluster.made) == 1
    handle(handler(cluster), WANTED.model_copy(update={"attempt": 2}))
    handle(handler(cluster), WANTED.model_copy(update={"recipe": "other"}))
    assert len({job_name(each) for each in cluster.made}) == 3


def test_a_replayed_request_is_a_new_attempt_and_a_redelivered_one_is_not() -> None:
    cluster = Cluster(DONE)
    for replays in (0, 0, 1, 1, 2):
        list(handler(cluster).handle(Event(WANTED, "test", replays=replays)))
    assert [job_name(each).rpartition("-")[2] for each in cluster.made] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (status("Failed", message="no node has a GPU"), "no node has a GPU"),
        (status("ValidationFailed", reason="BadSpec"), "BadSpec"),
        (status("Complete", "FAILED"), "FAILED"),
        (status("Complete", "STOPPED"), "STOPPED"),
    ],
)
def test_a_job_that_failed_is_the_request_s_failure(state: Resource, said: str) -> None:
    with pytest.raises(PermanentError, match=said) as refused:
        handle(handler(Cluster(state)), WANTED)
    assert refused.value.code == "training-job-failed"


def test_stopping_leaves_the_request_for_the_next_start() -> None:
    stopping = threading.Event()
    stopping.set()
    cluster = Cluster(RUNNING)
    with pytest.raises(TransientError, match="stopping"):
        handle(handler(cluster, stopping=stopping), WANTED)
    assert cluster.made == []


def test_a_frozen_dataset_is_answered_by_the_default_recipe_and_off_means_nothing() -> None:
    (asked,) = handle(handler(Cluster()), FROZEN)
    assert isinstance(asked, TrainingRequested)
    assert (asked.recipe, asked.dataset_id, asked.asked_by) == ("demo", "ds_1", "default recipe")
    assert handle(handler(Cluster(), recipe="off"), FROZEN) == []


def test_another_kind_s_request_is_left_to_its_own_launcher() -> None:
    cluster = Cluster(DONE)
    assert handle(handler(cluster), WANTED.model_copy(update={"kind": "studies"})) == []
    assert cluster.made == []


def test_another_fact_is_a_mistake_of_ours() -> None:
    file = SubmittedFile(name="a.pdf", ref=MANIFEST)
    with pytest.raises(TypeError, match="not for training"):
        handle(handler(Cluster()), DeliverySubmitted(delivery_id="del_1", files=(file,), name="a.pdf"))


@pytest.mark.parametrize("template", [None, "{", "[]", json.dumps({"metadata": {}, "spec": {}})])
def test_a_missing_or_broken_template_is_named(template: str | None) -> None:
    with pytest.raises(PermanentError) as refused:
        handle(handler(Cluster(template=template)), WANTED)
    assert refused.value.code == "ray-job-template"


def test_a_template_without_an_owner_is_refused() -> None:
    with pytest.raises(PermanentError, match="not a RayJob"):
        fill({"metadata": {"name": TEMPLATE}, "data": {"rayjob.json": json.dumps(JOB)}}, WANTED)


def test_a_job_that_completed_without_a_word_is_done() -> None:
    assert RayJobStatus.model_validate(status("Complete")).done
    assert not RayJobStatus.model_validate(RUNNING).failed
