"""What the chart renders passes KubeRay's own rules, in every mode; and each rule refuses what it is there for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from journalclip_devtools.chart.kuberay import refusals
from journalclip_devtools.chart.rendered import BRANCHES, Helm, HelmRefused, Manifest, kinds, ray_jobs

pytestmark = [pytest.mark.charts, pytest.mark.timeout(300)]
MODES = {
    **BRANCHES,
    "standing cluster": ((), ("training.mode=rayCluster",)),
    "long names": (
        (),
        (
            "training.mode=rayJob", "inference.mode=rayService", "studies.enabled=true",
            "studies.training.mode=rayCluster",
            "fullnameOverride=neurosurgery-society-journal-search-prod1",
        ),
    ),
}  # fmt: skip


def of_ray(manifests: list[Manifest]) -> list[Manifest]:
    return [*kinds(manifests, "RayCluster"), *kinds(manifests, "RayService"), *ray_jobs(manifests)]


@pytest.mark.parametrize("mode", MODES)
def test_every_ray_object_passes_the_operator_s_rules(helm4: Helm, mode: str) -> None:
    found = of_ray(helm4.template(*MODES[mode]))
    assert [said for each in found for said in refusals(each)] == []
    assert found or mode in {
        "default",
        "laptop",
        "single-gpu",
        "air-gapped",
        "containers",
        "bundled-process",
        "studies",
        "local-model",
        "postgres",
        "node",
    }


def head(cluster: Any) -> Any:
    return cluster["headGroupSpec"]["template"]["spec"]["containers"][0]


def _metrics_port(job: Any) -> None:
    head(job["spec"]["rayClusterSpec"])["ports"].append({"name": "ray-metrics", "containerPort": 8080})


def _on_a_standing_cluster(**more: object) -> Callable[[Any], None]:
    def change(job: Any) -> None:
        kept = {name: job["spec"][name] for name in ("entrypoint", "submissionMode", "submitterPodTemplate")}
        job["spec"] = {**kept, "clusterSelector": {"ray.io/cluster": "c"}, **more}

    return change


def _without_shutdown(job: Any) -> None:
    del job["spec"]["shutdownAfterJobFinishes"]


def _longer_name(job: Any) -> None:
    job["metadata"]["name"] += "-and-more-of-it-than-it-takes"


WRONG: dict[str, Callable[[Any], None]] = {
    "head: two ports 8080": _metrics_port,
    "backoffLimit with clusterSelector": _on_a_standing_cluster(backoffLimit=1),
    "suspend with clusterSelector": _on_a_standing_cluster(suspend=True, shutdownAfterJobFinishes=True),
    "ttlSecondsAfterFinished without shutdownAfterJobFinishes": _without_shutdown,
    "47 are taken": _longer_name,
}


@pytest.mark.parametrize("said", WRONG)
def test_the_rules_refuse_what_stopped_a_real_cluster(helm4: Helm, said: str) -> None:
    (job,) = ray_jobs(helm4.template((), ("training.mode=rayJob",)))
    assert refusals(job) == []
    wrong = copy.deepcopy(job)
    WRONG[said](wrong)
    assert any(said in each for each in refusals(wrong)), refusals(wrong)


def test_gpus_are_free_within_a_minute_of_a_run_s_end_also_where_the_head_stays(helm4: Helm) -> None:
    (job,) = ray_jobs(helm4.template((), ("training.mode=rayJob",)))
    assert job["spec"]["shutdownAfterJobFinishes"]
    assert job["spec"]["ttlSecondsAfterFinished"] <= 60
    (kept,) = ray_jobs(helm4.template((), ("training.mode=rayJob", "training.ray.keepHead=true")))
    at_once = [each for each in kept["spec"]["deletionStrategy"]["deletionRules"] if each["policy"] == "DeleteWorkers"]
    assert {each["condition"]["jobStatus"] for each in at_once} == {"SUCCEEDED", "FAILED"}
    assert all(each["condition"]["ttlSeconds"] == 0 for each in at_once)


@pytest.mark.parametrize("setting", ["queue=gpus", "keepHead=true"])
def test_what_a_standing_cluster_cannot_do_is_refused_by_a_sentence(helm4: Helm, setting: str) -> None:
    with pytest.raises(HelmRefused, match="Set mode rayJob"):
        helm4.template((), ("training.mode=rayCluster", f"training.ray.{setting}"))
