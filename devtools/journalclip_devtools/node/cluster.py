"""A cluster of one node, by `kubectl` and Helm, and what a release's pods say and hold.

``KUBECONFIG`` names the cluster. Two things that no cluster offers are commands of whoever made it: one that loads an
image of this machine into the node, and one that runs a program in the node (for signals).
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from journalclip_devtools.chart.rendered import Helm, Manifest
from journalclip_devtools.servers.process import free_port, listening
from journalclip_shared.errors import PermanentError

_RUNS_S = 1800  # a command's limit: a first `helm install --wait` of the whole chart on two cores


@dataclass(frozen=True)
class PodState:
    """What the API server says of one pod at one moment."""

    name: str
    component: str
    ready: bool
    restarts: int
    phase: str
    leaving: bool
    reason: str = ""  # why its last container ended, where one did: OOMKilled, Error
    container: str = ""  # id of its first container in the container runtime

    @classmethod
    def of(cls, pod: Manifest) -> PodState:
        status = pod.get("status", {})
        containers = status.get("containerStatuses", [])
        ended = [each.get("lastState", {}).get("terminated", {}).get("reason", "") for each in containers]
        conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
        return cls(
            pod["metadata"]["name"],
            pod["metadata"].get("labels", {}).get("app.kubernetes.io/component", ""),
            conditions.get("Ready") == "True",
            sum(each.get("restartCount", 0) for each in containers),
            str(status.get("phase", "")),
            "deletionTimestamp" in pod["metadata"],
            next((reason for reason in ended if reason), ""),
            next((each.get("containerID", "").partition("//")[2] for each in containers), ""),
        )


@dataclass(frozen=True)
class Cluster:
    """``load`` takes an image's name as its last word, ``inside`` a command; both are empty where there is none."""

    kubeconfig: Path
    helm: Helm
    namespace: str
    load: str = ""
    inside: str = ""

    def kubectl(self, *arguments: str, given: str = "", check: bool = True, limit_s: float = _RUNS_S) -> str:
        """Standard output. Raises `PermanentError` with kubectl's words."""
        return _run(["kubectl", *arguments], self._environment(), given=given, check=check, limit_s=limit_s)

    def within(self, *arguments: str, given: str = "", check: bool = True) -> str:
        """`kubectl` in the release's namespace."""
        return self.kubectl("-n", self.namespace, *arguments, given=given, check=check)

    def charted(self, *arguments: str) -> str:
        """`helm` in the release's namespace."""
        return self.helm.run(*arguments, "--namespace", self.namespace, environment=self._environment())

    def take(self, image: str) -> None:
        """Load an image of this machine into the node."""
        _run([*shlex.split(self.load), image], self._environment())

    def signal(self, container: str, name: str) -> None:
        """Send a signal to a container's first process, from outside of it, as only the node can."""
        listed = _run([*shlex.split(self.inside), "ctr", "-n", "k8s.io", "tasks", "ls"], self._environment())
        pids = [words[1] for words in map(str.split, listed.splitlines()) if words and words[0] == container]
        if not pids:
            raise PermanentError("node-proof-failed", f"the node knows no container {container}")
        _run([*shlex.split(self.inside), "kill", f"-{name}", pids[0]], self._environment())

    def pods(self) -> list[PodState]:
        """Those of the release that shall stay: neither jobs' nor a test's."""
        items = json.loads(self.within("get", "pods", "-o", "json"))["items"]
        owned = [each for each in items if _owner(each) in {"ReplicaSet", "StatefulSet"}]
        return [PodState.of(each) for each in owned]

    def pod(self, component: str) -> PodState:
        """One that is there now."""
        found = [each for each in self.pods() if each.component == component and not each.leaving]
        if not found:
            raise PermanentError("node-proof-failed", f"no pod of {component}")
        return found[0]

    def secret(self, name: str, key: str) -> str:
        encoded = self.within("get", "secret", name, "-o", f'go-template={{{{index .data "{key}" | base64decode}}}}')
        return encoded.strip()

    @contextmanager
    def forwarded(self, target: str, port: int) -> Iterator[int]:
        """A port of this machine that leads to a port of a Service or a pod."""
        own = free_port()
        process = subprocess.Popen(
            ["kubectl", "-n", self.namespace, "port-forward", target, f"{own}:{port}"],
            env=self._environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until(lambda: listening(own), f"no port is forwarded to {target}", 60)
            yield own
        finally:
            process.terminate()
            process.wait()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}


def until(there: Callable[[], bool], otherwise: str, limit_s: float, pause_s: float = 1.0) -> float:
    """Seconds until it is so. Raises `PermanentError` with ``otherwise`` after ``limit_s``."""
    begun = time.monotonic()
    while not there():
        if time.monotonic() - begun > limit_s:
            raise PermanentError("node-proof-failed", f"{otherwise}, after {limit_s:.0f} s")
        time.sleep(pause_s)
    return time.monotonic() - begun


def _owner(pod: Mapping[str, Any]) -> str:
    return next((str(each["kind"]) for each in pod["metadata"].get("ownerReferences", [])), "")


def _run(
    command: Sequence[str],
    environment: Mapping[str, str],
    given: str = "",
    check: bool = True,
    limit_s: float = _RUNS_S,
) -> str:
    done = subprocess.run(
        list(command), env=dict(environment), input=given, capture_output=True, text=True, check=False, timeout=limit_s
    )
    if check and done.returncode != 0:
        raise PermanentError(
            "node-proof-failed", f"{shlex.join(command)}: {(done.stderr or done.stdout).strip()[-800:]}"
        )
    return done.stdout
