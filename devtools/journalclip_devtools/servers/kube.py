"""A real Kubernetes control plane on loopback, without containers: etcd, API server, controllers, scheduler, and KWOK.

Everything that an API server decides is decided for real: schemas, admission (Pod Security among it), access rights,
controllers, scheduling, garbage collection. Nodes are KWOK's and run nothing: a pod that was scheduled is said to be
ready, a job's pod to be done. So what a chart declares can be proven here; that its processes run is for the images.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from journalclip_devtools.servers import tools
from journalclip_devtools.servers.certificates import Authority, Pair, new_key
from journalclip_devtools.servers.process import Server, free_port, listening
from journalclip_devtools.servers.schemas import module
from journalclip_shared.errors import PermanentError

Manifest = dict[str, JsonValue]

_DOMAIN = "cluster.local"
_FAKE = "kwok.x-k8s.io/node"  # KWOK's own annotation; its nodes are those that carry it
GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class Node:
    """A pretended node."""

    name: str
    resources: Mapping[str, str] = field(default_factory=lambda: {"cpu": "32", "memory": "256Gi"})
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()

    def manifest(self) -> Manifest:
        room: dict[str, JsonValue] = {"pods": "110", "ephemeral-storage": "500Gi", **self.resources}
        labels: dict[str, JsonValue] = {"kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux", **self.labels}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "annotations": {_FAKE: "fake"}, "labels": labels},
            "spec": {"taints": [dict[str, JsonValue](taint) for taint in self.taints]},
            "status": {"allocatable": room, "capacity": room, "phase": "Running"},
        }


_TAINT = {"key": GPU, "value": "present", "effect": "NoSchedule"}
_PRESENT = {f"{GPU}.present": "true"}
NODES = (
    Node("cpu-0"),
    Node("cpu-1"),
    Node("gpu-0", {"cpu": "128", "memory": "2048Gi", GPU: "8"}, _PRESENT, (_TAINT,)),
    Node("gpu-1", {"cpu": "64", "memory": "512Gi", GPU: "1"}, _PRESENT, (_TAINT,)),
    Node("mig-0", {"cpu": "64", "memory": "512Gi", "nvidia.com/mig-1g.10gb": "7"}, _PRESENT, (_TAINT,)),
)


@dataclass
class ControlPlane:
    """A running cluster; a context manager that ends it. ``kubeconfig`` is an administrator's."""

    folder: Path
    kubeconfig: Path
    server: str
    authority: Path
    programs: Path
    stack: ExitStack

    def __enter__(self) -> ControlPlane:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def environment(self) -> dict[str, str]:
        """What `helm`, `kubectl` and `skaffold` need to find it, and nothing of this machine's own clusters."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        path = f"{self.programs}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(home), "KUBECONFIG": str(self.kubeconfig)}

    def kubectl(self, *arguments: str, given: str = "", check: bool = True) -> str:
        """Standard output of ``kubectl``; ``given`` is its input. Raises `PermanentError` with its words."""
        done = subprocess.run(
            [str(self.programs / "kubectl"), *arguments],
            input=given, env=self.environment(), capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise PermanentError("kubectl-failed", f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout if check else done.stdout + done.stderr

    def apply(self, *manifests: Mapping[str, JsonValue]) -> None:
        """Objects of our own making; what the server thinks of them it says without kubectl's own validation."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "--server-side", "--validate=false", "-f", "-", given=json.dumps(listed))

    def namespace(self, name: str) -> str:
        """A new namespace that refuses every pod which is not `restricted`."""
        labels: dict[str, JsonValue] = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        self.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=120s")
        return name

    def get(self, kind: str, namespace: str = "", *more: str) -> list[Manifest]:
        """Objects of a kind, as the API server gives them."""
        where = ["-n", namespace] if namespace else ["-A"]
        found = json.loads(self.kubectl("get", kind, *where, "-o", "json", *more))
        items: list[Manifest] = found.get("items", [found])
        return items


def missing(cache: Path) -> str | None:
    """None where a control plane can be started; else one sentence that says what is not here."""
    said = (tools.missing(name, cache) for name in ("kube", "kwok"))
    return next((each for each in said if each is not None), None)


def start(folder: Path, cache: Path, nodes: Sequence[Node] = NODES) -> ControlPlane:
    """Start a control plane from nothing. Raises `PermanentError`."""
    programs, kwok = tools.tool("kube", cache).parent, tools.tool("kwok", cache)
    keys = folder / "pki"
    authority = Authority(keys)
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    with ExitStack() as stack:
        plane = ControlPlane(folder, folder / "admin.kubeconfig", url, authority.certificate, programs, ExitStack())
        _kubeconfig(plane.kubeconfig, url, authority, authority.sign("admin", ["system:masters"]))
        for server in _servers(folder, authority, programs, kwok, port, plane):
            server.start()
            stack.callback(server.stop)
        plane.apply(*(node.manifest() for node in nodes))
        plane.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=120s")
        plane.kubectl("wait", "--for=create", "serviceaccount/default", "-n", "default", "--timeout=120s")
        plane.stack = stack.pop_all()
    return plane


def _servers(
    folder: Path, authority: Authority, programs: Path, kwok: Path, port: int, plane: ControlPlane
) -> list[Server]:
    keys = folder / "pki"
    etcd, peer = free_port(), free_port()
    accounts = new_key(keys / "accounts.key")
    hosts = ["127.0.0.1", "10.0.0.1", "localhost", "kubernetes", f"kubernetes.default.svc.{_DOMAIN}"]
    serving = authority.sign("kube-apiserver", hosts=hosts)

    def configured(name: str, groups: Sequence[str] = ()) -> Path:
        path = folder / f"{name.rpartition(':')[2]}.kubeconfig"
        _kubeconfig(path, plane.server, authority, authority.sign(name, groups))
        return path

    def controller(name: str, config: Path, *flags: str) -> Server:
        own = free_port()
        command = [
            str(programs / name), f"--kubeconfig={config}", "--bind-address=127.0.0.1", f"--secure-port={own}",
            f"--cert-dir={keys / name}", "--leader-elect=false", *flags,
        ]  # fmt: skip
        return Server(name, command, folder, lambda: listening(own))

    return [
        Server(
            "etcd",
            [
                str(programs / "etcd"), "--name=one", f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync",
                f"--listen-client-urls=http://127.0.0.1:{etcd}", f"--advertise-client-urls=http://127.0.0.1:{etcd}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}", f"--initial-cluster=one=http://127.0.0.1:{peer}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            ],
            folder,
            lambda: listening(etcd),
        ),
        Server(
            "kube-apiserver",
            [
                str(programs / "kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{etcd}", f"--secure-port={port}",
                "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=10.0.0.0/16", f"--client-ca-file={authority.certificate}",
                f"--tls-cert-file={serving.certificate}", f"--tls-private-key-file={serving.key}",
                f"--service-account-issuer=https://kubernetes.default.svc.{_DOMAIN}",
                f"--service-account-key-file={accounts}", f"--service-account-signing-key-file={accounts}",
                # A privileged pod must be refused by Pod Security, not because no pod may be privileged.
                "--allow-privileged=true", "--authorization-mode=Node,RBAC",
                # A large definition takes a busy machine longer than the usual minute.
                "--request-timeout=10m",
                "--enable-admission-plugins=NodeRestriction,PodSecurity",
            ],
            folder,
            lambda: _ready(plane),
        ),
        controller(
            "kube-controller-manager", configured("system:kube-controller-manager"),
            "--use-service-account-credentials=true", f"--service-account-private-key-file={accounts}",
            f"--root-ca-file={authority.certificate}",
        ),
        controller("kube-scheduler", configured("system:kube-scheduler")),
        Server(
            "kwok",
            [
                str(kwok), f"--kubeconfig={configured('kwok', ['system:masters'])}", "--cidr=10.244.0.0/16",
                f"--manage-nodes-with-annotation-selector={_FAKE}=fake", "--node-lease-duration-seconds=40",
                *(f"--config={path}" for path in _stages()),
            ],
            folder,
            lambda: True,
        ),
    ]  # fmt: skip


def _stages() -> list[Path]:
    """What pretended nodes and pods become, and when: KWOK's own files, which its program does not carry."""
    stages = module(f"sigs.k8s.io/kwok@{tools.TOOLS['kwok'].version}") / "kustomize" / "stage"
    folders = [stages / "node" / "fast", stages / "node" / "heartbeat-with-lease", stages / "pod" / "fast"]
    return [path for each in folders for path in sorted(each.glob("*.yaml")) if path.name != "kustomization.yaml"]


def _ready(plane: ControlPlane) -> bool:
    return plane.kubectl("get", "--raw=/readyz", check=False) == "ok"


def _kubeconfig(path: Path, server: str, authority: Authority, user: Pair) -> None:
    where = {"server": server, "certificate-authority": str(authority.certificate)}
    who = {"client-certificate": str(user.certificate), "client-key": str(user.key)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": where}],
        "users": [{"name": "me", "user": who}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(content))
