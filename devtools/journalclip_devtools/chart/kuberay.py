"""What KubeRay's operator (1.7) refuses or cannot start, beyond its schemas: so that a test finds it and not a cluster.

Written from its documented behaviour and from what its real operator said on a real node. `refusals` names what is
wrong with one RayCluster, RayJob or RayService; an empty list is a good object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Manifest = Mapping[str, Any]

# The operator makes further names of these, which Kubernetes takes up to 63 characters.
LONGEST = {"RayCluster": 53, "RayJob": 47, "RayService": 47}
METRICS = 8080  # a port `metrics` that the operator adds to each Ray container
_PORT_NAME_CHARS = 15
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_ATTEMPT = "-0123456789-99"  # what our launcher appends to a RayJob's name
_UPGRADES = {"NewCluster", "None", "NewClusterWithIncrementalUpgrade"}


def refusals(manifest: Manifest) -> list[str]:
    """Every sentence about one object, with its kind and name before it."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    rules = {"RayCluster": _cluster, "RayJob": _job, "RayService": _service}[kind]
    return [f"{kind} {name}: {said}" for said in (*_named(kind, name), *rules(manifest["spec"]))]


def _named(kind: str, name: str) -> Iterator[str]:
    whole = name + _ATTEMPT if kind == "RayJob" else name
    if len(whole) > LONGEST[kind]:
        yield f"a name of {len(whole)} characters; {LONGEST[kind]} are taken"
    if not _NAME.fullmatch(name):
        yield "a name that is none of a Service"


def _cluster(spec: Manifest) -> Iterator[str]:
    scales = spec.get("enableInTreeAutoscaling", False)
    groups = [("head", spec["headGroupSpec"]), *((each["groupName"], each) for each in spec["workerGroupSpecs"])]
    if len({name for name, _ in groups}) != len(groups):
        yield "two groups of one name"
    for name, group in groups:
        pod = group["template"]["spec"]
        if not pod.get("containers"):
            yield f"{name}: no container"
            continue
        yield from (f"{name}: {said}" for said in _ports(pod["containers"][0].get("ports", [])))
        if scales and pod.get("restartPolicy", "Never") != "Never":
            yield f"{name}: autoscaler v2 with restartPolicy {pod['restartPolicy']}"
        if name != "head" and not group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]:
            yield f"{name}: replicas are not between minReplicas and maxReplicas"
    yield from _fault_tolerance(spec)


def _ports(ports: list[Manifest]) -> Iterator[str]:
    names = [each.get("name", "") for each in ports] + ["metrics"]
    numbers = [each["containerPort"] for each in ports] + [METRICS]
    own = {(each.get("name"), each["containerPort"]) for each in ports}
    if ("metrics", METRICS) in own:  # declared as the operator would
        names.pop()
        numbers.pop()
    yield from (f"two ports called {name}" for name in sorted(set(names)) if names.count(name) > 1)
    yield from (f"two ports {number}" for number in sorted(set(numbers)) if numbers.count(number) > 1)
    yield from (f"a port's name of more than 15 characters: {name}" for name in names if len(name) > _PORT_NAME_CHARS)


def _fault_tolerance(spec: Manifest) -> Iterator[str]:
    options = spec.get("gcsFaultToleranceOptions")
    if options is None:
        return
    head = spec["headGroupSpec"]
    given = {each["name"] for each in head["template"]["spec"]["containers"][0].get("env", [])}
    if not options.get("redisAddress"):
        yield "gcsFaultToleranceOptions without redisAddress"
    if given & {"RAY_REDIS_ADDRESS", "REDIS_PASSWORD"} or "redis-password" in head["rayStartParams"]:
        yield "gcsFaultToleranceOptions beside Redis in the head's environment or parameters"


def _job(spec: Manifest) -> Iterator[str]:
    selects, own = spec.get("clusterSelector"), spec.get("rayClusterSpec")
    shuts, time_to_live = spec.get("shutdownAfterJobFinishes", False), spec.get("ttlSecondsAfterFinished", 0)
    if bool(selects) == bool(own):
        yield "one of clusterSelector and rayClusterSpec is asked for"
    if selects:
        if "ray.io/cluster" not in selects:
            yield "clusterSelector without ray.io/cluster"
        yield from (
            f"{name} with clusterSelector"
            for name in ("suspend", "backoffLimit", "shutdownAfterJobFinishes", "deletionStrategy")
            if spec.get(name)
        )
    if time_to_live and not shuts:
        yield "ttlSecondsAfterFinished without shutdownAfterJobFinishes"
    if spec.get("suspend") and not shuts:
        yield "suspend without shutdownAfterJobFinishes"
    if spec.get("activeDeadlineSeconds", 1) < 1:
        yield "activeDeadlineSeconds of nothing"
    if spec.get("submissionMode") == "HTTPMode" and "submitterPodTemplate" in spec:
        yield "submitterPodTemplate in HTTPMode"
    yield from _deletion(spec)
    if own:
        yield from _cluster(own)


_ORDER = ("DeleteWorkers", "DeleteCluster", "DeleteSelf")


def _deletion(spec: Manifest) -> Iterator[str]:
    rules = spec.get("deletionStrategy", {}).get("deletionRules", [])
    if rules and (spec.get("shutdownAfterJobFinishes") or spec.get("ttlSecondsAfterFinished")):
        yield "deletionRules beside shutdownAfterJobFinishes or ttlSecondsAfterFinished"
    scales = (spec.get("rayClusterSpec") or {}).get("enableInTreeAutoscaling")
    if scales and any(each["policy"] == "DeleteWorkers" for each in rules):
        yield "DeleteWorkers with an autoscaler"
    for state in {each["condition"].get("jobStatus") for each in rules}:
        of_state = [each for each in rules if each["condition"].get("jobStatus") == state]
        policies = [each["policy"] for each in of_state]
        if len(set(policies)) != len(policies):
            yield f"one policy twice for {state}"
        times = {each["policy"]: each["condition"].get("ttlSeconds", 0) for each in of_state}
        waits = [times[policy] for policy in _ORDER if policy in times]
        if waits != sorted(waits):
            yield f"workers go later than their cluster for {state}"


def _service(spec: Manifest) -> Iterator[str]:
    kind = spec.get("upgradeStrategy", {}).get("type", "NewCluster")
    if kind not in _UPGRADES:
        yield f"upgradeStrategy {kind}"
    if spec.get("rayClusterDeletionDelaySeconds", 0) < 0:
        yield "rayClusterDeletionDelaySeconds below 0"
    if not spec.get("serveConfigV2"):
        yield "no serveConfigV2"
    yield from _cluster(spec["rayClusterConfig"])
