"""Rendering the chart and asking what it rendered: Helm as a process, manifests as mappings, and every pod in them.

A pod is wherever a pod is declared: in a Deployment as in a Ray cluster, or in the RayJob that the launcher will make.
`violations` is the Pod Security Standard `restricted` as Kubernetes documents it, so that one rule holds for all.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from journalclip_pipelines.operations.made_secrets import Wanted, parse

_RUNS_S = 1800  # a command that waits: a first install of the whole chart on two cores
Manifest = dict[str, Any]  # of any kind; a test reads what it knows to be there

CHART = Path("charts") / "journalclip"
LAPTOP, ONE_GPU, MANY_NODES, AIR_GAP = (
    f"profiles/{name}.yaml" for name in ("laptop", "single-gpu", "multi-node", "air-gapped")
)
ALL = "ci/all-values.yaml"
CONTAINERS = (LAPTOP, "ci/containers-values.yaml")  # what `container_chain` runs
PROFILES: dict[str, tuple[str, ...]] = {
    "default": (),
    "laptop": (LAPTOP,),
    "single-gpu": (ONE_GPU,),
    "multi-node": (MANY_NODES,),
    "air-gapped": (ONE_GPU, AIR_GAP),
    "all-values": (ALL,),
}
# Together with `all-values`, every branch of every template.
BRANCHES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    **{name: (files, ()) for name, files in PROFILES.items()},
    "bundled-process": (
        (ALL,),
        (
            "training.mode=process", "training.replicas=1", "training.gpus=1", "kafka.mode=bundled",
            "objectStore.mode=bundled", "mlflow.mode=bundled", "llm.mode=external", "inference.mode=deployment",
            "inference.gpus=1", "signing.existingSecret=", "inference.tokens.existingSecret=",
            "kafka.bundled.existingSecret=", "objectStore.bundled.existingSecret=", "inference.ray.replicas=1",
            "inference.autoscaling.kind=hpa", "training.podDisruptionBudget.minAvailable=0",
        ),
    ),
    "containers": (CONTAINERS, ()),
    "strimzi-rayjob": (
        (ALL,),
        (
            "training.mode=rayJob", "training.ray.keepHead=true", "kafka.mode=strimzi", "promotion.gpus=0",
            "objectStore.external.auth=workloadIdentity", "studies.training.mode=process",
            "studies.training.replicas=1",
            "studies.training.podDisruptionBudget.minAvailable=0", "catalogue.database.existingSecret=",
        ),
    ),
    "studies": ((LAPTOP,), ("studies.enabled=true",)),
    "postgres": ((LAPTOP,), ("postgres.enabled=true",)),
    "node": ((LAPTOP, "ci/node-values.yaml", "ci/node-slim-values.yaml"), ("studies.enabled=true",)),
    "local-model": (
        (LAPTOP,),
        ("studies.enabled=true", "llm.mode=local", "llm.local.model=models:/journalclip-structurer@champion"),
    ),
}  # fmt: skip


class HelmRefused(Exception):
    """Helm would not render; the message is what it said."""


@dataclass(frozen=True)
class Helm:
    """One version of Helm, and the chart."""

    program: Path
    chart: Path

    def template(
        self, files: Sequence[str] = (), sets: Sequence[str] = (), release: str = "r", namespace: str = "clip"
    ) -> list[Manifest]:
        """Everything that an install would make. Raises `HelmRefused`."""
        arguments = [item for name in files for item in ("--values", str(self.chart / name))]
        arguments += [item for each in sets for item in ("--set", each)]
        text = self.run("template", release, str(self.chart), "--namespace", namespace, *arguments)
        return [each for each in yaml.safe_load_all(text) if each]

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Standard output. Raises `HelmRefused`."""
        done = subprocess.run(
            [str(self.program), *arguments],
            capture_output=True, text=True, check=False, timeout=_RUNS_S,
            env=dict(environment) if environment else None,
        )  # fmt: skip
        if done.returncode != 0:
            raise HelmRefused(done.stderr + done.stdout)
        return done.stdout


@dataclass(frozen=True)
class Pod:
    """A pod's template, and whose it is."""

    owner: str
    metadata: Manifest
    spec: Manifest

    @property
    def containers(self) -> list[Manifest]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def component(self) -> str:
        return str(self.metadata["labels"]["app.kubernetes.io/component"])


def former(chart: Path, folder: Path, version: str = "0.0.9", **about: str) -> Path:
    """A copy of the chart below ``folder`` under a version before this one; ``about`` changes more of Chart.yaml."""
    copy = Path(shutil.copytree(chart, folder / chart.name))
    known = yaml.safe_load((copy / "Chart.yaml").read_text())
    (copy / "Chart.yaml").write_text(yaml.safe_dump({**known, "version": version, **about}))
    return copy


def named(manifests: Sequence[Manifest], kind: str, suffix: str) -> Manifest:
    """The one object of a kind whose name ends so."""
    (found,) = (each for each in manifests if each["kind"] == kind and each["metadata"]["name"].endswith(suffix))
    return found


def kinds(manifests: Sequence[Manifest], kind: str) -> list[Manifest]:
    return [each for each in manifests if each["kind"] == kind]


def ray_jobs(manifests: Sequence[Manifest]) -> list[Manifest]:
    """The RayJob that the launcher's config map holds, where there is one."""
    return [json.loads(each["data"]["rayjob.json"]) for each in manifests if "rayjob.json" in each.get("data", {})]


def wanted_secrets(manifests: Sequence[Manifest]) -> list[Wanted]:
    """What the release's job makes in the cluster, where it has one."""
    jobs = [each for each in kinds(manifests, "Job") if "-secrets-" in each["metadata"]["name"]]
    arguments = [each["spec"]["template"]["spec"]["containers"][0]["args"] for each in jobs]
    return [each for given in arguments for each in parse(given[given.index("--wanted") + 1])]


def pods(manifests: Sequence[Manifest]) -> Iterator[Pod]:
    """Every pod that these objects lead to."""
    for each in manifests:
        owner = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] in {"Deployment", "StatefulSet", "Job"}:
            yield _pod(owner, each["spec"]["template"], each["spec"].get("volumeClaimTemplates", ()))
        elif each["kind"] == "Pod":
            yield _pod(owner, each)
        elif each["kind"] == "ConfigMap":
            yield from pods(ray_jobs([each]))
        elif each["kind"] in {"RayCluster", "RayJob", "RayService"}:
            yield from _ray_pods(owner, each["spec"])


def _ray_pods(owner: str, spec: Manifest) -> Iterator[Pod]:
    if "submitterPodTemplate" in spec:
        yield _pod(f"{owner}/submitter", spec["submitterPodTemplate"])
    cluster = spec.get("rayClusterConfig") or spec.get("rayClusterSpec") or spec
    if "headGroupSpec" in cluster:
        yield _pod(f"{owner}/head", cluster["headGroupSpec"]["template"])
        yield from (_pod(f"{owner}/worker", group["template"]) for group in cluster["workerGroupSpecs"])


def _pod(owner: str, template: Manifest, claims: Sequence[Manifest] = ()) -> Pod:
    claimed = [{"name": claim["metadata"]["name"], "persistentVolumeClaim": {}} for claim in claims]
    spec = template["spec"]
    return Pod(owner, template["metadata"], {**spec, "volumes": [*spec.get("volumes", []), *claimed]})


_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def violations(pod: Pod) -> list[str]:
    """What the Pod Security Standard `restricted` would refuse; empty for a good pod."""
    security = pod.spec.get("securityContext", {})
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(name)]
    found += [f"volume {kind}" for volume in pod.spec.get("volumes", []) for kind in set(volume) - {"name"} - _VOLUMES]
    for container in pod.containers:
        own = {**security, **container.get("securityContext", {})}
        said = {
            "privileged": own.get("privileged", False) is True,
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
            "capabilities": own.get("capabilities") != {"drop": ["ALL"]},
            "runAsNonRoot": own.get("runAsNonRoot") is not True,
            "runAsUser": own.get("runAsUser") == 0,
            "seccompProfile": own.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"},
            "hostPort": any("hostPort" in port for port in container.get("ports") or ()),
            "procMount": own.get("procMount", "Default") != "Default",
        }
        found += [f"{container['name']}: {name}" for name, wrong in said.items() if wrong]
    return found
