"""Pods of a rendered chart as podman containers: what the chart declares is what runs, in the images of this checkout.

Image, command, environment, user, groups, read-only root, dropped capabilities, memory limit and volumes of a container
come from its manifest; secrets are files where the chart mounts them. All share one network without a way out, on which
a pod answers to the names of its Services. What this is not: volumes are the machine's own (memory for an emptyDir),
the containers of one pod share its volumes and not its network, nobody enforces a NetworkPolicy or repeats a probe.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from journalclip_devtools.chart.rendered import Manifest, Pod, kinds, pods, wanted_secrets
from journalclip_devtools.servers.process import listening
from journalclip_pipelines.operations.made_secrets import missing
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_SHARES = 1024  # of the kernel's CPU time, for one core of a request
_STANDING = ("Deployment/", "StatefulSet/")  # what is started again when it ends
_STOP_S = 20


def quantity(text: str) -> int:
    """Bytes of a Kubernetes quantity."""
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text).groups()  # type: ignore[union-attr]  # the chart's own
    return int(float(number) * _UNITS[unit])


def cores(text: str) -> float:
    """CPUs of a Kubernetes quantity."""
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


@dataclass(frozen=True)
class Release:
    """What one install would make, and questions about it."""

    manifests: Sequence[Manifest]
    namespace: str
    domain: str = "cluster.local"

    def pod(self, owner: str) -> Pod:
        """The pod whose owner's name ends so."""
        (found,) = (each for each in pods(self.manifests) if each.owner.endswith(owner))
        return found

    @cached_property
    def made(self) -> dict[str, dict[str, str]]:
        """What the release's job would make in the cluster, by secret; once, as there."""
        return {each.name: missing(each.keys, {}) for each in wanted_secrets(self.manifests)}

    def secret(self, name: str) -> dict[str, str]:
        return self.made[name]

    def config_map(self, name: str) -> dict[str, str]:
        (found,) = (each for each in kinds(self.manifests, "ConfigMap") if each["metadata"]["name"] == name)
        return dict(found["data"])

    def names(self, pod: Pod) -> list[str]:
        """What others call this pod by: its Services' names, short and long."""
        labels = pod.metadata["labels"].items()
        services = [each for each in kinds(self.manifests, "Service") if each["spec"]["selector"].items() <= labels]
        return [name for each in services for name in self.long(each["metadata"]["name"])]

    def long(self, name: str) -> list[str]:
        """A Service's names within its cluster."""
        return [
            name,
            f"{name}.{self.namespace}",
            f"{name}.{self.namespace}.svc",
            f"{name}.{self.namespace}.svc.{self.domain}",
        ]

    def environment(self, container: Manifest) -> dict[str, str]:
        found = {}
        for each in container.get("env") or ():
            reference = each.get("valueFrom", {}).get("secretKeyRef")
            found[each["name"]] = self.secret(reference["name"])[reference["key"]] if reference else each["value"]
        return found

    def files(self, volume: Manifest) -> dict[str, str] | None:
        """What a volume of secrets or of a config map holds, by path; None for a volume of another kind."""
        if "configMap" in volume:
            return self.config_map(volume["configMap"]["name"])
        if "secret" in volume:
            return self._items(volume["secret"]["secretName"], volume["secret"].get("items"))
        if "projected" not in volume:
            return None
        sources = [each["secret"] for each in volume["projected"]["sources"]]
        return {path: text for each in sources for path, text in self._items(each["name"], each["items"]).items()}

    def _items(self, name: str, items: Sequence[Manifest] | None) -> dict[str, str]:
        data = self.secret(name)
        return data if items is None else {each["path"]: data[each["key"]] for each in items}


@dataclass(frozen=True)
class Changes:
    """What a run adds to a manifest: what an operator or the API server would have put there."""

    command: Sequence[str] | None = None
    args: Sequence[str] | None = None
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    names: Sequence[str] = ()
    mounts: Mapping[str, Path] = field(default_factory=dict)  # a path within: a folder here, to be read only
    shared_memory: int = 0


NOTHING = Changes()


@dataclass(frozen=True)
class Running:
    """A container that was started."""

    engine: Podman
    name: str
    manifest: Manifest

    def inspect(self) -> dict[str, Any]:
        (found,) = json.loads(self.engine.run("inspect", "--type", "container", self.name))
        return dict(found)

    @property
    def address(self) -> str:
        """Where it answers now; a restart may change it."""
        (network,) = self.inspect()["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])

    def url(self, port: int | str, path: str) -> str:
        numbers = {each["name"]: each["containerPort"] for each in self.manifest.get("ports") or ()}
        return f"http://{self.address}:{numbers.get(port, port)}{path}"

    def ready(self) -> bool:
        """Whether the manifest's readiness probe would pass."""
        probe = self.manifest["readinessProbe"]
        if "tcpSocket" in probe:
            port = self.url(probe["tcpSocket"]["port"], "").rpartition(":")[2]
            return listening(int(port), self.address)
        return answers(self.url(probe["httpGet"]["port"], probe["httpGet"]["path"])) == 200

    def exit_code(self) -> int | None:
        """None while it runs."""
        state = self.inspect()["State"]
        return int(state["ExitCode"]) if state["Status"] in {"exited", "stopped"} else None

    def finish(self, timeout_s: float) -> None:
        """Wait for its end. Raises `PermanentError` where that is not a good one."""
        self.engine.wait_for(lambda: self.exit_code() is not None, f"{self.name} does not end", timeout_s)
        if (code := self.exit_code()) != 0:
            raise PermanentError("container-failed", f"{self.name} ended with {code}: {self.last_words()}")

    def output(self) -> str:
        """Its standard output until now."""
        return self.engine.call("logs", self.name).stdout

    def logs(self) -> str:
        done = self.engine.call("logs", self.name)
        return done.stdout + done.stderr

    def last_words(self) -> str:
        return " | ".join(self.logs().strip().splitlines()[-3:])


@dataclass(frozen=True)
class Facts:
    """What podman says of a container, and the kernel of its first process."""

    name: str
    image: str
    user: str
    read_only_root: bool
    effective_capabilities: list[str]
    bounding_capabilities: list[str]
    security: list[str]
    memory_mib: int
    networks: list[str]
    restarts: int
    kernel: dict[str, str]  # empty where the process has ended

    @classmethod
    def of(cls, running: Running) -> Facts:
        found = running.inspect()
        host = found["HostConfig"]
        return cls(
            name=running.name,
            image=str(found["ImageName"]),
            user=str(found["Config"]["User"]),
            read_only_root=bool(host["ReadonlyRootfs"]),
            effective_capabilities=list(found["EffectiveCaps"] or ()),
            bounding_capabilities=list(found["BoundingCaps"] or ()),
            security=list(host["SecurityOpt"] or ()),
            memory_mib=int(host["Memory"]) >> 20,
            networks=sorted(found["NetworkSettings"].get("Networks") or ()),
            restarts=int(found["RestartCount"]),
            kernel=_status(int(found["State"]["Pid"])),
        )

    def broken(self) -> list[str]:
        """A sentence for each promise that does not hold."""
        kernel = {"Uid": "1", "NoNewPrivs": "1", "Seccomp": "2", **self.kernel}
        sets = [int(value, 16) for name, value in kernel.items() if name.startswith("Cap")]
        told = {
            "runs as root": self.user.split(":")[0] in {"", "0", "root"} or kernel["Uid"] == "0",
            "can write its root": not self.read_only_root,
            "has capabilities": bool(self.effective_capabilities or self.bounding_capabilities or any(sets)),
            "may gain privileges": "no-new-privileges" not in self.security or kernel["NoNewPrivs"] != "1",
            "is not filtered by seccomp": kernel["Seccomp"] != "2",
        }
        return [f"{self.name} {sentence}" for sentence, wrong in told.items() if wrong]

    def as_json(self) -> dict[str, Json]:
        return asdict(self)


def _status(pid: int) -> dict[str, str]:
    wanted = ("Uid", "CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp")
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines() if pid else []
    except OSError:
        return {}
    said = dict(line.split(":", 1) for line in lines)
    return {name: said[name].split()[0] for name in wanted if name in said}


@dataclass
class Podman:
    """One network and all that was started on it; `close` removes exactly that."""

    folder: Path  # secrets and logs
    network: str
    program: str = "podman"
    patience_s: float = 900.0
    started: list[Running] = field(default_factory=list)
    facts: dict[str, Facts] = field(default_factory=dict)  # of everything that ever ran, as it was when it started
    _volumes: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)  # held while a container starts
    _closed: bool = False

    def open(self) -> None:
        (self.folder / "secrets").mkdir(parents=True, mode=0o700)  # closed here, so that files below can be read within
        self.run("network", "create", "--internal", self.network)

    @property
    def gateway(self) -> str:
        """This machine's own address on the network."""
        (found,) = json.loads(self.run("network", "inspect", self.network))
        return str(found["subnets"][0]["gateway"])

    def close(self) -> None:
        with self._lock:  # a job of the operator's may be starting one in its own thread
            self._closed = True
        if self.started:  # all at once: they have nothing left to tell each other
            self.call("stop", "--ignore", "--time", str(_STOP_S), *(each.name for each in self.started))
        for each in reversed(self.started):
            self.remove(each)
        if self._volumes:
            self.call("volume", "rm", *sorted(self._volumes))
        self.call("network", "rm", self.network)

    def remove(self, running: Running) -> None:
        """Stop one, keep its log, and let it go."""
        with suppress(OSError):
            (self.folder / f"{running.name.removeprefix(f'{self.network}-')}.log").write_text(running.logs())
        self.call("rm", "--force", "--time", str(_STOP_S), running.name)
        self.started = [each for each in self.started if each is not running]

    def start(self, release: Release, pod: Pod, name: str = "", changes: Changes = NOTHING) -> Running:
        """Start a pod; the last of its containers, which is its purpose. Raises `PermanentError`."""
        manifests = pod.containers
        for number, manifest in enumerate(manifests):
            main = number == len(manifests) - 1
            called = (name or pod.component) if main else f"{name or pod.component}-{manifest['name']}"
            running = self._start(release, pod, manifest, called, changes if main else NOTHING, alone=not main)
        return running

    def job(self, release: Release, pod: Pod, name: str, changes: Changes = NOTHING) -> Running:
        """Start a pod that ends, and wait for that. Raises `PermanentError`."""
        running = self.start(release, pod, name, changes)
        running.finish(self.patience_s)
        return running

    def _start(
        self, release: Release, pod: Pod, manifest: Manifest, name: str, changes: Changes, alone: bool
    ) -> Running:
        full = f"{self.network}-{name}"
        environment = self.folder / "secrets" / f"{name}.env"
        values = {**release.environment(manifest), **changes.environment}
        environment.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        networks = ["--network", "none"]  # a sidecar of ours has nothing but what it shares with its neighbour
        if not alone:
            names = [*release.names(pod), *changes.names]
            networks = ["--network", self.network, *(item for each in names for item in ("--network-alias", each))]
        command, args = changes.command or manifest.get("command"), changes.args or manifest.get("args") or ()
        running = Running(self, full, manifest)
        arguments = [
            "run", "--detach", "--name", full, "--hostname", name[:63], "--env-file", str(environment),
            *(["--restart", "on-failure"] if pod.owner.startswith(_STANDING) else []),
            *networks, *security(pod, manifest), *resources(manifest),
            *self._mounts(release, pod, manifest, name), *_read_only(changes.mounts),
            *(["--shm-size", str(changes.shared_memory)] if changes.shared_memory else []),
            *(["--entrypoint", json.dumps(list(command))] if command else []),
            changes.image or manifest["image"], *args,
        ]  # fmt: skip
        with self._lock:
            if self._closed:
                raise PermanentError("chain-closed", f"{full} is not started any more")
            self.started.append(running)  # first, so that what fails half-way is removed
            self.run(*arguments)
            self.facts[full] = Facts.of(running)
        return running

    def _mounts(self, release: Release, pod: Pod, manifest: Manifest, name: str) -> Iterator[str]:
        volumes = {each["name"]: each for each in pod.spec["volumes"]}
        for mount in manifest["volumeMounts"]:
            volume, path = volumes[mount["name"]], mount["mountPath"]
            users = sum(mount["name"] == each["name"] for one in pod.containers for each in one["volumeMounts"])
            place = self.folder / "secrets" / f"{pod.component if users > 1 else name}-{mount['name']}"
            if (files := release.files(volume)) is not None:
                for inner, text in files.items():
                    (place / inner).parent.mkdir(parents=True, exist_ok=True)
                    (place / inner).write_text(text)
                yield from _read_only({path: place})
            elif "persistentVolumeClaim" in volume:
                self._volumes.add(f"{self.network}-{name}-{mount['name']}")
                yield from ("--volume", f"{self.network}-{name}-{mount['name']}:{path}:U")
            elif users > 1:
                place.mkdir(exist_ok=True)
                place.chmod(0o777)  # as Kubernetes makes one
                yield from ("--volume", f"{place}:{path}")
            else:
                yield from ("--tmpfs", f"{path}:rw,mode=1777")

    def wait_for(self, done: Callable[[], bool], otherwise: str, timeout_s: float = 0.0, pause_s: float = 0.5) -> None:
        """Raises `PermanentError` with ``otherwise`` when the time is up."""
        deadline = time.monotonic() + (timeout_s or self.patience_s)
        while not done():
            if time.monotonic() > deadline or self._closed:
                raise PermanentError("chain-failed", otherwise, f"Read the logs in {self.folder}.")
            time.sleep(pause_s)

    def wait_ready(self, *running: Running) -> None:
        for each in running:
            self.wait_for(each.ready, f"{each.name} is not ready")

    def run(self, *arguments: str, text: str = "") -> str:
        """Standard output. Raises `PermanentError` ``podman-failed``."""
        done = self.call(*arguments, text=text)
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()
            raise PermanentError("podman-failed", f"{arguments[0]}: {said[-1] if said else done.returncode}")
        return done.stdout

    def call(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        command = [self.program, *arguments]
        # A session of its own, so that Ctrl-C is ours to handle and does not end a removal half-way.
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False, start_new_session=True)


def security(pod: Pod, manifest: Manifest) -> list[str]:
    """The pod's and the container's security contexts as podman's flags; what is not declared is not given."""
    own = {**pod.spec.get("securityContext", {}), **manifest.get("securityContext", {})}
    flags = ["--user", f"{own['runAsUser']}:{own['runAsGroup']}", "--group-add", str(own["fsGroup"])]
    if own.get("readOnlyRootFilesystem"):
        flags += ["--read-only", "--read-only-tmpfs=false"]  # podman would add places to write that no pod has
    if own.get("allowPrivilegeEscalation") is False:
        flags += ["--security-opt", "no-new-privileges"]
    return flags + [item for each in own.get("capabilities", {}).get("drop", ()) for item in ("--cap-drop", each)]


def resources(manifest: Manifest) -> list[str]:
    """Requests and limits as the kubelet turns them into control groups."""
    asked, most = manifest["resources"].get("requests", {}), manifest["resources"].get("limits", {})
    flags = ["--pids-limit", "-1"]
    if "memory" in most:
        flags += ["--memory", str(quantity(most["memory"])), "--memory-swap", str(quantity(most["memory"]))]
    if "cpu" in most:
        flags += ["--cpus", str(cores(most["cpu"]))]
    if "cpu" in asked:
        flags += ["--cpu-shares", str(max(2, math.ceil(_SHARES * cores(asked["cpu"]))))]
    return flags


def _read_only(mounts: Mapping[str, Path]) -> list[str]:
    return [item for path, place in mounts.items() for item in ("--volume", f"{place.resolve()}:{path}:ro")]


def answers(url: str, token: str = "") -> int:
    """The status of a GET; 0 where nothing answers."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - a container's own address
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return 0
