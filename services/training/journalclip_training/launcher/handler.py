"""Training on a GPU cluster: one RayJob for each training that is asked for, and its end is the event's end.

The launcher holds the training group's place in the log and no GPU. For a `TrainingRequested` it makes a RayJob from
the chart's template, under a name that follows from the event alone, and waits. So a launcher that was killed finds
its job again, and an event that comes twice starts nothing twice. The name ends with the attempt: the request's own,
plus how often people had it replayed from the dead letters. So a failed training can be repeated. The job runs the
same training handler and publishes `ModelTrained` itself; a job that failed is a dead letter like any other.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from pydantic import BaseModel, Field, JsonValue

from journalclip_shared import names
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import DatasetFrozen, Event, Fact, TrainingRequested
from journalclip_shared.ids import canonical_json, sha256_hex
from journalclip_training.launcher.kubernetes import Resource
from journalclip_training.requests import DefaultTraining

_log = logging.getLogger(__name__)

RAY = "ray.io/v1"
TEMPLATE_KEY = "rayjob.json"
PLACEHOLDER = "DATASET"  # of the template's entry point
_POLL_S = 10.0  # a run takes minutes to hours
_NAME_CHARS = 10  # of the digest; KubeRay takes 47 characters in all, and the template's prefix has at most 33


class Objects(Protocol):
    """What is needed of a cluster; `Kubernetes` is one."""

    def get(self, group: str, plural: str, name: str) -> Resource | None: ...

    def create(self, group: str, plural: str, body: Resource) -> Resource | None: ...


class RayJobStatus(BaseModel):
    """What KubeRay says of a RayJob."""

    deployment: str = Field("", alias="jobDeploymentStatus")
    job: str = Field("", alias="jobStatus")
    message: str = ""
    reason: str = ""

    @property
    def done(self) -> bool:
        return self.deployment == "Complete" and self.job in {"SUCCEEDED", ""}

    @property
    def failed(self) -> bool:
        return self.deployment in {"Failed", "ValidationFailed"} or (
            self.deployment == "Complete" and self.job in {"FAILED", "STOPPED"}
        )


class TrainingJobFailed(PermanentError):
    """The RayJob ended without a model."""

    def __init__(self, name: str, status: RayJobStatus) -> None:
        said = status.message or status.reason or status.job or status.deployment
        remedy = f"Read `kubectl describe rayjob {name}` and its pods' logs, then `journalclip replay-dlq`."
        super().__init__("training-job-failed", f"RayJob {name}: {said}", remedy)


class LaunchingHandler:
    """`TrainingRequested` in, nothing out: the job says the rest. A `DatasetFrozen` is answered with a request."""

    consumes: tuple[type[Fact], ...] = (DatasetFrozen, TrainingRequested)

    def __init__(
        self,
        objects: Objects,
        template: str,
        default: DefaultTraining,
        stopping: threading.Event,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """``template`` names the config map; ``stopping`` ends a wait, and the event comes again after the restart."""
        self._objects, self._template, self._stopping = objects, template, stopping
        self._default = default
        self.group = names.group("training", default.kind)
        self._wait = wait or stopping.wait

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `TrainingJobFailed`, `TransientError`, `PermanentError` ``cluster-refused``, ``ray-job-template``."""
        fact = event.fact
        if isinstance(fact, DatasetFrozen):
            return self._default.answer(fact)
        if not isinstance(fact, TrainingRequested):
            raise TypeError(f"{type(fact).__name__} is not for training")
        return self._launch(fact, event.replays) if fact.kind == self._default.kind else []

    def _launch(self, fact: TrainingRequested, replays: int) -> list[Fact]:
        wanted = self._job(fact, replays)
        name = job_name(wanted)
        while not self._stopping.is_set():
            found = self._objects.get(RAY, "rayjobs", name)
            if found is None:
                self._objects.create(RAY, "rayjobs", wanted)
                _log.info("made RayJob %s", name, extra={"dataset_id": fact.dataset_id})
            else:
                status = RayJobStatus.model_validate(found.get("status") or {})
                if status.failed:
                    raise TrainingJobFailed(name, status)
                if status.done:
                    return []
            self._wait(_POLL_S)
        raise TransientError(f"stopping while RayJob {name} runs")

    def _job(self, fact: TrainingRequested, replays: int) -> Resource:
        owner = self._objects.get("v1", "configmaps", self._template)
        if owner is None:
            raise PermanentError("ray-job-template", f"no config map {self._template}", "Upgrade the release.")
        return fill(owner, fact, replays)


def fill(owner: Resource, fact: TrainingRequested, replays: int = 0) -> Resource:
    """The RayJob that the config map ``owner`` holds, for one training; it goes when its owner goes.

    ``replays`` counts how often the request was replayed from the dead letters.

    Raises `PermanentError` ``ray-job-template``.
    """
    try:
        data, about = _mapping(owner["data"]), _mapping(owner["metadata"])
        job = _mapping(json.loads(str(data[TEMPLATE_KEY])))
        metadata, spec = _mapping(job["metadata"]), _mapping(job["spec"])
        reference: Resource = {"apiVersion": "v1", "kind": "ConfigMap", "name": about["name"], "uid": about["uid"]}
        entry = str(spec["entrypoint"])
        prefix, labels = str(metadata["name"]), _mapping(metadata["labels"])
    except (KeyError, TypeError, ValueError) as error:
        raise PermanentError("ray-job-template", f"not a RayJob: {error}", "Upgrade the release.") from error
    asked = canonical_json(fact.model_dump(mode="json"))
    metadata["name"] = f"{prefix}-{sha256_hex(asked)[:_NAME_CHARS]}-{fact.attempt + replays}"
    metadata["labels"] = {**labels, "journalclip/dataset": fact.dataset_id}
    metadata["ownerReferences"] = [reference]
    spec["entrypoint"] = entry.replace(PLACEHOLDER, base64.urlsafe_b64encode(asked).decode())
    return job


def job_name(job: Resource) -> str:
    return str(_mapping(job["metadata"])["name"])


def _mapping(value: JsonValue) -> Resource:
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} instead of a mapping")
    return value
