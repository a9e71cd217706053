"""Where there is no cluster: the little of an API server that the launcher asks, and what KubeRay would then start.

A RayJob or RayService becomes the containers that KubeRay makes of it: a head and workers by `ray start` with the
parameters and resources of the manifest, a token on every port, the job submitted by a pod of its own, the Serve
configuration given to the head. Commands are KubeRay's (1.7) as its documentation and pods show them; what it also does
(autoscaling, upgrades, recovery of a lost pod) is not here.
"""

from __future__ import annotations

import json
import logging
import math
import secrets
import shlex
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from journalclip_devtools.chart.rendered import Manifest, Pod, kinds, pods
from journalclip_devtools.containers.pods import Changes, Podman, Release, Running, answers, cores, quantity
from journalclip_devtools.servers.certificates import Authority
from journalclip_shared.errors import PermanentError

_log = logging.getLogger(__name__)

_GCS, _DASHBOARD, _AGENT, _METRICS = 6379, 8265, 52365, 8080


@dataclass
class RayCluster:
    """A head and its workers."""

    name: str
    engine: Podman
    release: Release
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    running: list[Running] = field(default_factory=list)

    def start(self, manifest: Manifest, spec: Manifest) -> None:
        """The cluster that ``spec`` declares in ``manifest``. Raises `PermanentError` where it does not come up."""
        found = {each.owner.rpartition("/")[2]: each for each in pods([manifest])}
        self._start(found["head"], "head", ray_start(found["head"], spec["headGroupSpec"]["rayStartParams"], ""))
        self.engine.wait_for(lambda: self.ask("/api/version") is not None, f"the head of {self.name} does not answer")
        for group in spec["workerGroupSpecs"]:
            command = ray_start(found["worker"], group["rayStartParams"], f"{self.host}:{_GCS}")
            for number in range(group["replicas"]):
                self._start(found["worker"], f"worker-{number}", command)

    @property
    def host(self) -> str:
        return self.release.long(f"{self.name}-head-svc")[-1]

    @property
    def head(self) -> Running:
        return self.running[0]

    @property
    def secret(self) -> dict[str, str]:
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token}

    def ask(self, path: str, body: object = None, method: str = "GET") -> Any:
        """The dashboard's JSON; None where it does not answer. Raises `PermanentError` where it refuses."""
        request = urllib.request.Request(
            f"http://{self.head.address}:{_DASHBOARD}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - a container's own address
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code >= 500:
                return None
            said = error.read().decode(errors="replace")[:500]
            raise PermanentError("ray-refused", f"{method} {path}: {error.code} {said}") from error
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None
        return json.loads(text) if text.strip() else {}

    def refuses_strangers(self) -> bool:
        """Whether its dashboard asks for the token."""
        return answers(f"http://{self.head.address}:{_DASHBOARD}/api/jobs/") in {401, 403}

    def stop(self) -> None:
        while self.running:
            self.engine.remove(self.running.pop())

    def _start(self, pod: Pod, role: str, command: str) -> None:
        kind = "head" if role == "head" else "worker"
        variables = {
            "RAY_CLUSTER_NAME": self.name, "RAY_CLOUD_INSTANCE_ID": f"{self.name}-{role}", "RAY_PORT": str(_GCS),
            "RAY_NODE_TYPE_NAME": "headgroup" if kind == "head" else "workers", "RAY_USAGE_STATS_KUBERAY_IN_USE": "1",
            "RAY_ADDRESS": f"127.0.0.1:{_GCS}" if kind == "head" else f"{self.host}:{_GCS}", "FQ_RAY_IP": self.host,
        }  # fmt: skip
        changes = Changes(
            command=["/bin/bash", "-c", "--"],
            args=[command],
            environment={**variables, **self.secret},
            names=self.release.long(f"{self.name}-head-svc") if kind == "head" else (),
            shared_memory=quantity(pod.spec["containers"][0]["resources"]["limits"]["memory"]),  # as KubeRay mounts it
        )
        self.running.append(self.engine.start(self.release, pod, f"{self.name}-{role}", changes))


def ray_start(pod: Pod, parameters: Mapping[str, str], head: str) -> str:
    """The command that KubeRay makes of a group: its parameters, and what follows from the container's resources."""
    found = pod.spec["containers"][0]["resources"]
    processors = found.get("limits", {}).get("cpu") or found.get("requests", {}).get("cpu")
    implied = {
        "dashboard-agent-listen-port": str(_AGENT),
        "metrics-export-port": str(_METRICS),
        "memory": str(quantity(found["limits"]["memory"])),
        **({"num-cpus": str(math.ceil(cores(processors)))} if processors else {}),
        **({"address": head} if head else {}),
    }
    chosen = sorted({**implied, **parameters}.items())
    flags = " ".join(f"--{name}={shlex.quote(value)}" for name, value in chosen)
    return f"ulimit -n 65536 || true; ray start {'' if head else '--head '}--block {flags}"


class Operator:
    """Objects by name as an API server keeps them, and their reconciliation."""

    def __init__(self, engine: Podman, release: Release) -> None:
        self._engine, self._release = engine, release
        self._configs = {each["metadata"]["name"]: each for each in kinds(release.manifests, "ConfigMap")}
        self._jobs: dict[str, Manifest] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.clusters: list[RayCluster] = []

    def get(self, plural: str, name: str) -> Manifest | None:
        with self._lock:
            found = {"configmaps": self._configs, "rayjobs": self._jobs}.get(plural, {}).get(name)
            return None if found is None else {**found, "metadata": {**found["metadata"], "uid": f"uid-{name}"}}

    def create(self, plural: str, wanted: Manifest) -> bool:
        """False where that name is taken."""
        name = wanted["metadata"]["name"]
        with self._lock:
            if plural != "rayjobs" or name in self._jobs:
                return False
            self._jobs[name] = {**wanted, "status": {"jobDeploymentStatus": "Initializing"}}
        self._threads.append(threading.Thread(target=self._reconcile, args=(name,), daemon=True))
        self._threads[-1].start()
        return True

    def serve(self, service: Manifest) -> RayCluster:
        """What a RayService stands for: a cluster, and its applications once they run."""
        cluster = self._cluster(service, service["spec"]["rayClusterConfig"])
        cluster.ask("/api/serve/applications/", yaml.safe_load(service["spec"]["serveConfigV2"]), "PUT")
        return cluster

    def statuses(self) -> dict[str, Manifest]:
        with self._lock:
            return {name: dict(job["status"]) for name, job in self._jobs.items()}

    def _cluster(self, manifest: Manifest, spec: Manifest) -> RayCluster:
        cluster = RayCluster(manifest["metadata"]["name"], self._engine, self._release)
        self.clusters.append(cluster)
        cluster.start(manifest, spec)
        return cluster

    def _reconcile(self, name: str) -> None:
        try:
            status = self._run(name, self._jobs[name])
        except PermanentError as error:
            status = {"jobDeploymentStatus": "Failed", "jobStatus": "", "message": error.reason}
            _log.error("RayJob %s: %s", name, error.reason)
        with self._lock:
            self._jobs[name]["status"] = status

    def _run(self, name: str, job: Manifest) -> Manifest:
        cluster = self._cluster(job, job["spec"]["rayClusterSpec"])
        submitter = next(each for each in pods([job]) if each.owner.endswith("/submitter"))
        address = f"--address http://{cluster.host}:{_DASHBOARD}"
        submit = f"ray job submit {address} --no-wait --submission-id {name} -- {job['spec']['entrypoint']}"
        changes = Changes(
            command=["/bin/bash", "-c", "--"],
            args=[f"{submit} ; ray job logs {address} --follow {name}"],
            environment=cluster.secret,
        )
        with self._lock:
            self._jobs[name]["status"] = {"jobDeploymentStatus": "Running", "jobStatus": "PENDING"}
        cluster.running.append(self._engine.start(self._release, submitter, f"{name}-submitter", changes))

        def ended() -> bool:
            try:
                return (cluster.ask(f"/api/jobs/{name}") or {}).get("status") in {"SUCCEEDED", "FAILED", "STOPPED"}
            except PermanentError:  # 404: not submitted yet
                return False

        self._engine.wait_for(ended, f"RayJob {name} does not end", pause_s=2.0)
        said = cluster.ask(f"/api/jobs/{name}") or {}
        if job["spec"].get("shutdownAfterJobFinishes"):
            cluster.stop()
        message = str(said.get("message") or "")
        return {"jobDeploymentStatus": "Complete", "jobStatus": said.get("status"), "message": message}


@contextmanager
def api_server(operator: Operator, folder: Path, host: str) -> Iterator[tuple[str, Path]]:
    """The operator's objects over HTTPS on ``host``; gives the address, and the folder of an account's files."""
    authority = Authority(folder / "authority")
    pair = authority.sign("api", hosts=[host])
    account = folder / "account"
    account.mkdir()
    token = secrets.token_hex(32)
    (account / "token").write_text(token)
    (account / "ca.crt").write_bytes(authority.certificate.read_bytes())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            *_, plural, name = self.path.split("/")
            found = operator.get(plural, name) if self._known() else None
            self._answer((404 if self._known() else 401) if found is None else 200, found or {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made = self._known() and operator.create(self.path.rpartition("/")[2], body)
            self._answer((409 if self._known() else 401) if not made else 201, body if made else {})

        def _known(self) -> bool:
            return self.headers.get("Authorization") == f"Bearer {token}"

        def _answer(self, status: int, body: Manifest) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing: the launcher's own log tells what it asked."""

    server = ThreadingHTTPServer((host, 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://{host}:{server.server_port}", account
    finally:
        server.shutdown()
        server.server_close()
