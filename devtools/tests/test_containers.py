"""Pods as podman's arguments, and Ray clusters as KubeRay's commands: what must hold before anything is started."""

from __future__ import annotations

import json
from typing import Any

import pytest

from journalclip_devtools.chart.rendered import Pod
from journalclip_devtools.containers.container_chain import pairs_of
from journalclip_devtools.containers.kuberay import ray_start
from journalclip_devtools.containers.pods import Facts, Release, cores, quantity, resources, security

CONTAINER: dict[str, Any] = {
    "name": "reader",
    "env": [
        {"name": "PLAIN", "value": "1"},
        {"name": "HIDDEN", "valueFrom": {"secretKeyRef": {"name": "passwords", "key": "reader"}}},
    ],
    "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "1536Mi"}},
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "runAsUser": 10002,
    },
}
POD = Pod(
    "Deployment/reader",
    {"labels": {"part": "reader", "more": "x"}},
    {"securityContext": {"runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001}, "containers": [CONTAINER]},
)
# What the release's job is asked to make in the cluster.
WANTED = [{"name": "passwords", "keys": {"reader": {"make": "text:one"}, "other": {"make": "text:two"}}}]
MANIFESTS: list[dict[str, Any]] = [
    {
        "kind": "Job",
        "metadata": {"name": "clip-secrets-1"},
        "spec": {"template": {"spec": {"containers": [{"args": ["secrets", "--wanted", json.dumps(WANTED)]}]}}},
    },
    {"kind": "Service", "metadata": {"name": "reader"}, "spec": {"selector": {"part": "reader"}}},
    {"kind": "Service", "metadata": {"name": "writer"}, "spec": {"selector": {"part": "writer"}}},
]
RELEASE = Release(MANIFESTS, "clip")


def test_secrets_come_by_value_only_where_the_manifest_says_so() -> None:
    assert RELEASE.environment(CONTAINER) == {"PLAIN": "1", "HIDDEN": "one"}
    assert RELEASE.files({"secret": {"secretName": "passwords"}}) == {"reader": "one", "other": "two"}
    projected = {"sources": [{"secret": {"name": "passwords", "items": [{"key": "other", "path": "kafka/password"}]}}]}
    assert RELEASE.files({"projected": projected}) == {"kafka/password": "two"}
    assert RELEASE.files({"emptyDir": {}}) is None


def test_a_pod_answers_to_its_services_names() -> None:
    assert RELEASE.names(POD) == ["reader", "reader.clip", "reader.clip.svc", "reader.clip.svc.cluster.local"]


def test_a_container_gets_what_its_manifest_declares_and_no_place_to_write_beside() -> None:
    flags = " ".join(security(POD, CONTAINER))
    assert "--user 10002:10001 --group-add 10001" in flags
    assert "--read-only --read-only-tmpfs=false" in flags
    assert "--security-opt no-new-privileges" in flags
    assert "--cap-drop ALL" in flags


def test_what_is_not_declared_is_not_given() -> None:
    flags = " ".join(security(POD, {"securityContext": {}}))
    assert "--read-only" not in flags
    assert "--cap-drop" not in flags
    assert "no-new-privileges" not in flags


def test_limits_and_requests_become_control_groups() -> None:
    assert " ".join(resources(CONTAINER)).endswith("--memory 1610612736 --memory-swap 1610612736 --cpu-shares 256")


@pytest.mark.parametrize(("text", "size"), [("1536Mi", 1536 << 20), ("2Gi", 2 << 30), ("5", 5), ("1.5k", 1500)])
def test_quantities(text: str, size: int) -> None:
    assert quantity(text) == size


def test_cores() -> None:
    assert (cores("250m"), cores("2")) == (0.25, 2.0)


def test_ray_starts_with_the_groups_parameters_over_what_its_resources_say() -> None:
    head = ray_start(POD, {"num-cpus": "0", "dashboard-host": "0.0.0.0"}, "")
    assert "ray start --head --block" in head
    assert "--num-cpus=0" in head
    assert "--memory=1610612736" in head
    worker = ray_start(POD, {"num-gpus": "0"}, "head.clip.svc:6379")
    assert "--address=head.clip.svc:6379" in worker
    assert "--num-cpus=1" in worker  # a part of a core is one to Ray
    assert "--head" not in worker


def facts(**changes: Any) -> Facts:
    good: dict[str, Any] = {
        "name": "a", "image": "b", "user": "10001:10001", "read_only_root": True, "effective_capabilities": [],
        "bounding_capabilities": [], "security": ["no-new-privileges"], "memory_mib": 512, "networks": [],
        "restarts": 0, "kernel": {"Uid": "10001", "CapEff": "0000", "NoNewPrivs": "1", "Seccomp": "2"},
    }  # fmt: skip
    return Facts(**{**good, **changes})


def test_each_broken_promise_is_a_sentence() -> None:
    assert facts().broken() == []
    assert facts(kernel={}).broken() == []  # it has ended
    assert facts(user="0:0").broken() == ["a runs as root"]
    assert facts(read_only_root=False).broken() == ["a can write its root"]
    assert facts(kernel={"CapBnd": "00000000a80425fb"}).broken() == ["a has capabilities"]
    assert facts(security=[]).broken() == ["a may gain privileges"]
    assert facts(kernel={"Seccomp": "0"}).broken() == ["a is not filtered by seccomp"]


def test_pairs_are_panels_or_whole_figures() -> None:
    gold = {"a.pdf": {"figures": [{"panels": [1, 2]}, {"panels": []}]}, "b.pdf": {"figures": [{"panels": []}]}}
    assert pairs_of(gold, {"a.pdf"}) == 3
