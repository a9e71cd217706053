"""The chart on a real control plane: what its API server, controllers and scheduler make of it.

`make charts` runs these. Nodes are pretended and run nothing, so this says nothing of the processes themselves: that
is `make images-prove`. Each test has a namespace of its own, which refuses every pod that is not `restricted`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from journalclip_devtools.chart.rendered import (
    BRANCHES,
    LAPTOP,
    MANY_NODES,
    ONE_GPU,
    Helm,
    HelmRefused,
    Manifest,
    former,
    pods,
    ray_jobs,
    wanted_secrets,
)
from journalclip_devtools.servers.kube import GPU, ControlPlane
from journalclip_pipelines.operations import made_secrets
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, TrainingRequested
from journalclip_training.launcher.handler import RAY, LaunchingHandler, fill, job_name
from journalclip_training.launcher.kubernetes import Kubernetes
from journalclip_training.requests import DefaultTraining

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1800)]
KEPT = {"Secret", "PersistentVolumeClaim"}
LEFT_BY_THE_CLUSTER = {"default", "kube-root-ca.crt"}
FACT = TrainingRequested(
    dataset_id="ds_1",
    manifest=ArtifactRef(uri="artifact://datasets/1", sha256="0" * 64, bytes=1, media_type="application/json"),
    recipe="demo",
    asked_by="test",
    kind="articles",
)


def run(helm: Helm, plane: ControlPlane, namespace: str, *arguments: str, files: Sequence[str] = ()) -> str:
    values = [item for name in files for item in ("--values", str(helm.chart / name))]
    return helm.run(*arguments, *values, "--namespace", namespace, environment=plane.environment())


def names(plane: ControlPlane, namespace: str, kind: str) -> set[str]:
    return {str(each["metadata"]["name"]) for each in objects(plane, namespace, kind)} - LEFT_BY_THE_CLUSTER


def objects(plane: ControlPlane, namespace: str, kind: str) -> list[Any]:
    return list[Any](plane.get(kind, namespace))


def refused_pods(plane: ControlPlane, namespace: str) -> list[str]:
    """What controllers say of pods that admission did not let them make."""
    events = objects(plane, namespace, "events")
    return [str(each["message"]) for each in events if "forbidden" in str(each.get("message", ""))]


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_api_server_takes_every_object_of_every_profile(helm4: Helm, plane: ControlPlane, branch: str) -> None:
    namespace = plane.namespace(f"dry-{branch}")
    files, sets = BRANCHES[branch]
    made = helm4.template(files, sets, namespace=namespace)
    given = [*made, *ray_jobs(made)]
    assert len(given) > 40
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": given})
    said = plane.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", given=listed)
    assert len(said.splitlines()) == len(given)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (("spec", "headGroupSpecs"), "field not declared in schema"),
        (("spec", "rayClusterSpec", "workerGroupSpecs", 0, "replicas"), "expected numeric"),
    ],
)
def test_the_api_server_refuses_a_ray_job_that_is_wrong(
    helm4: Helm, plane: ControlPlane, place: tuple[str | int, ...], words: str
) -> None:
    job = ray_jobs(helm4.template(*BRANCHES["multi-node"], namespace="default"))[0]
    at: Any = job
    for each in place[:-1]:
        at = at[each]
    at[place[-1]] = "many"
    with pytest.raises(PermanentError, match=words):
        plane.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", given=json.dumps(job))


def test_a_release_lives_through_install_upgrade_rollback_and_uninstall(
    helm: Helm, plane: ControlPlane, tmp_path: Path
) -> None:
    namespace = plane.namespace(f"life-{helm.program.name}")
    before = former(helm.chart, tmp_path, appVersion="0.0.9")  # with other image tags
    run(helm, plane, namespace, "install", "r", str(before), "--wait", "--timeout", "20m", files=[LAPTOP])
    assert refused_pods(plane, namespace) == []
    declared = {each["metadata"]["name"]: each for each in helm.template([LAPTOP]) if each["kind"] == "Deployment"}
    for each in objects(plane, namespace, "deployments"):
        assert each["status"].get("availableReplicas", 0) == declared.pop(each["metadata"]["name"])["spec"]["replicas"]
    assert declared == {}
    assert all(each["status"].get("succeeded") == 1 for each in objects(plane, namespace, "jobs"))
    make_secrets(plane, namespace, helm, tmp_path)
    secrets, jobs = secret_data(plane, namespace), names(plane, namespace, "jobs")
    assert {each.removeprefix("r-journalclip-") for each in secrets} == {"kafka", "object-store", "signing", "tokens"}

    change = ["--set", "extraction.replicas=2"]
    run(helm, plane, namespace, "upgrade", "r", str(helm.chart), "--wait", "--timeout", "20m", *change, files=[LAPTOP])
    assert versions(plane, namespace) == {"journalclip-0.1.0"}
    assert replicas(plane, namespace) == 2
    make_secrets(plane, namespace, helm, tmp_path)
    assert secret_data(plane, namespace) == secrets
    assert len(names(plane, namespace, "jobs")) == 2
    assert names(plane, namespace, "jobs") != jobs  # the image is another one, so it ran again

    run(helm, plane, namespace, "rollback", "r", "1", "--wait", "--timeout", "20m")
    assert versions(plane, namespace) == {"journalclip-0.0.9"}
    assert replicas(plane, namespace) == 1
    assert names(plane, namespace, "jobs") == jobs
    assert secret_data(plane, namespace) == secrets

    claims = names(plane, namespace, "persistentvolumeclaims")
    run(helm, plane, namespace, "uninstall", "r", "--wait", "--timeout", "20m")
    for kind in ("deployments", "statefulsets", "jobs", "services", "networkpolicies", "poddisruptionbudgets", "roles",
                 "rolebindings", "serviceaccounts", "configmaps", "pods"):  # fmt: skip
        assert names(plane, namespace, kind) == set(), kind
    assert secret_data(plane, namespace) == secrets
    assert names(plane, namespace, "persistentvolumeclaims") == claims

    run(helm, plane, namespace, "install", "r", str(helm.chart), "--wait", "--timeout", "20m", files=[LAPTOP])
    make_secrets(plane, namespace, helm, tmp_path)
    assert secret_data(plane, namespace) == secrets


def make_secrets(plane: ControlPlane, namespace: str, helm: Helm, folder: Path) -> None:
    """The job's part, with the rights that its account has: no container runs on these nodes."""
    made_secrets.make(
        account(plane, namespace, "r-journalclip-secrets", folder), wanted_secrets(helm.template([LAPTOP]))
    )


def account(plane: ControlPlane, namespace: str, name: str, folder: Path) -> Kubernetes:
    (folder / "token").write_text(plane.kubectl("create", "token", name, "-n", namespace).strip())
    (folder / "ca.crt").write_bytes(plane.authority.read_bytes())
    return Kubernetes(plane.server, namespace, folder)


def secret_data(plane: ControlPlane, namespace: str) -> dict[str, Any]:
    """The release's own secrets; Helm keeps its history in others."""
    found = objects(plane, namespace, "secrets")
    return {each["metadata"]["name"]: each["data"] for each in found if each["type"] == "Opaque"}


def versions(plane: ControlPlane, namespace: str) -> set[str]:
    kinds = ("deployments", "statefulsets", "services", "networkpolicies", "jobs")
    return {each["metadata"]["labels"]["helm.sh/chart"] for kind in kinds for each in objects(plane, namespace, kind)}


def replicas(plane: ControlPlane, namespace: str) -> int:
    (found,) = [
        each for each in objects(plane, namespace, "deployments") if each["metadata"]["name"].endswith("-extraction")
    ]
    return int(found["status"].get("availableReplicas", 0))


def test_pods_are_scheduled_where_their_gpus_are(helm4: Helm, plane: ControlPlane) -> None:
    """Each pod of the profiles, as a controller or KubeRay would make it, is bound by the real scheduler."""
    namespace = plane.namespace("places")
    wanted: list[tuple[str, str, Manifest]] = []
    for name, (files, sets) in {
        "many": ((MANY_NODES,), ()),
        "one": ((ONE_GPU,), ()),
        "mig": ((MANY_NODES,), ("gpu.resource=nvidia.com/mig-1g.10gb", "training.ray.worker.gpus=1", "promotion.gpus=0",
                                "training.ray.workers=1", "inference.mode=deployment", "llm.mode=none")),
    }.items():  # fmt: skip
        for number, pod in enumerate(pods(helm4.template(files, sets, namespace=namespace))):
            spec = {key: value for key, value in pod.spec.items() if key not in {"volumes", "serviceAccountName"}}
            for each in [*spec.get("initContainers", []), *spec["containers"]]:
                each.pop("volumeMounts", None)  # a volume could bind a pod to a node; here only its needs may
            metadata = {"name": f"{name}-{number}", "namespace": namespace}
            spec["restartPolicy"] = spec.get("restartPolicy", "Always")
            wanted.append((f"{name} {pod.owner}", where(spec), {
                "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec,
            }))  # fmt: skip
    found = []
    for owner, place, manifest in wanted:  # one at a time: together they ask for more GPUs than the nodes have
        plane.apply(manifest)
        name = manifest["metadata"]["name"]
        plane.kubectl("wait", "--for=condition=PodScheduled", f"pod/{name}", "-n", namespace, "--timeout=300s")
        (pod_,) = objects(plane, namespace, f"pod/{name}")
        found.append((owner, place, str(pod_["spec"]["nodeName"])))
        plane.kubectl("delete", "pod", name, "-n", namespace, "--force", "--grace-period=0", "--wait=true")
    assert [each for each in found if not each[2].startswith(each[1])] == []
    assert {place for _, place, _ in found} == {"cpu", "gpu", "mig"}


def where(spec: Mapping[str, Any]) -> str:
    asked = {name for each in spec["containers"] for name in each["resources"]["limits"]}
    return "gpu" if GPU in asked else "mig" if any("mig" in name for name in asked) else "cpu"


def test_a_gpu_pod_without_its_selector_and_toleration_finds_no_place(helm4: Helm, plane: ControlPlane) -> None:
    namespace = plane.namespace("nowhere")
    declared = pods(helm4.template([MANY_NODES]))
    pod = next(each for each in declared if each.owner.startswith("RayService") and where(each.spec) == "gpu")
    spec = {name: pod.spec[name] for name in ("nodeSelector", "securityContext")}
    container = {name: pod.containers[0][name] for name in ("name", "image", "resources", "securityContext")}
    plane.apply({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace},
        "spec": {**spec, "containers": [container]},
    })  # fmt: skip
    plane.kubectl("wait", "--for=condition=PodScheduled=false", "pod/p", "-n", namespace, "--timeout=300s")


@pytest.fixture(scope="module")
def release(helm4: Helm, plane: ControlPlane) -> str:
    """The profile with the most rights, installed."""
    namespace = plane.namespace("rights")
    run(helm4, plane, namespace, "install", "r", str(helm4.chart), files=[MANY_NODES])
    return namespace


def test_ray_objects_are_accepted_and_stand_as_declared(release: str, plane: ControlPlane) -> None:
    (service,) = objects(plane, release, "rayservices")
    assert service["spec"]["rayClusterConfig"]["authOptions"] == {"mode": "token"}
    worker = service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]
    assert worker["resources"]["limits"][GPU] == 1
    assert {each["spec"]["scaleTargetRef"]["name"] for each in objects(plane, release, "scaledobjects")}
    assert objects(plane, release, "servicemonitors")


DENIED = (
    ("get", "secrets"), ("list", "secrets"), ("create", "pods"), ("create", "pods/exec"), ("get", "nodes"),
    ("create", "serviceaccounts/token"), ("patch", "deployments"), ("escalate", "roles"), ("bind", "roles"),
    ("list", "configmaps"), ("delete", "rayjobs"), ("patch", "rayjobs"), ("list", "rayjobs"), ("update", "rayclusters"),
    ("impersonate", "users"), ("delete", "persistentvolumeclaims"),
)  # fmt: skip
LAUNCHER = (("create", "rayjobs"), ("get", "rayjobs"), ("get", "configmap/r-journalclip-training-rayjob"))


def may(plane: ControlPlane, namespace: str, account: str, verb: str, what: str, where: str = "") -> bool:
    who = f"--as=system:serviceaccount:{namespace}:{account}"
    # The group of every account: what it may do anywhere, it may do as this one.
    groups = ("--as-group=system:serviceaccounts", f"--as-group=system:serviceaccounts:{namespace}",
              "--as-group=system:authenticated")  # fmt: skip
    said = plane.kubectl("auth", "can-i", verb, what, "-n", where or namespace, who, *groups, check=False)
    return said.strip().splitlines()[-1] == "yes"


def test_no_account_may_do_more_than_it_must(release: str, plane: ControlPlane) -> None:
    accounts = names(plane, release, "serviceaccounts")
    assert len(accounts) >= 10
    broken = [(each, verb, what) for each in accounts for verb, what in DENIED if may(plane, release, each, verb, what)]
    assert broken == []
    allowed = {each: [may(plane, release, each, *asked) for asked in LAUNCHER] for each in accounts}
    assert allowed.pop("r-journalclip-training") == [True, True, True]
    assert not any(any(each) for each in allowed.values()), allowed
    for verb, what in LAUNCHER[:2]:
        assert not may(plane, release, "r-journalclip-training", verb, what, where="default")


def test_the_launcher_makes_one_ray_job_a_dataset_with_the_rights_it_has(
    release: str, plane: ControlPlane, tmp_path: Path
) -> None:
    api = account(plane, release, "r-journalclip-training", tmp_path)
    template = "r-journalclip-training-rayjob"
    owner = api.get("v1", "configmaps", template)
    assert owner is not None
    wanted = fill(owner, FACT)
    assert api.create(RAY, "rayjobs", wanted) is not None
    assert api.create(RAY, "rayjobs", wanted) is None  # the same event again
    name = job_name(wanted)
    # KubeRay's part: the run is done.
    done = json.dumps({"status": {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}})
    plane.kubectl("patch", "rayjob", name, "-n", release, "--subresource=status", "--type=merge", "-p", done)
    assert (
        list(
            LaunchingHandler(api, template, DefaultTraining("articles", "demo"), threading.Event()).handle(
                Event(FACT, "freezing")
            )
        )
        == []
    )
    assert names(plane, release, "rayjobs") == {name}
    with pytest.raises(PermanentError, match="403"):
        api.get("v1", "secrets", "r-journalclip-training")
    plane.kubectl("delete", "configmap", template, "-n", release)
    plane.kubectl("wait", "--for=delete", f"rayjob/{name}", "-n", release, "--timeout=300s")


def test_the_namespace_refuses_a_pod_that_is_not_restricted(plane: ControlPlane) -> None:
    """So that the lives above can fail."""
    namespace = plane.namespace("refuses")
    pod: Any = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace},
        "spec": {"containers": [{"name": "c", "image": "i", "securityContext": {"privileged": True}}]},
    }  # fmt: skip
    with pytest.raises(PermanentError, match="PodSecurity"):
        plane.apply(pod)


def test_a_wrong_value_is_refused_before_anything_is_made(helm4: Helm, plane: ControlPlane) -> None:
    namespace = plane.namespace("wrong")
    with pytest.raises(HelmRefused, match=r"kafka\.external\.servers"):
        run(helm4, plane, namespace, "install", "r", str(helm4.chart), "--set", "kafka.mode=external")
    assert names(plane, namespace, "secrets") == set()
