"""The chart on a real node, from an empty cluster to an uninstall: what each step saw, and how long it took.

Real pods, in a namespace that enforces `restricted`, behind policies that the node enforces: installed, a PDF from the
bucket to its records and a study to its own (with the image `ray`: to a champion and a search), Kafka taken away and
given back, a frozen and an overfull process, an upgrade, a rollback, an uninstall, and a second install over the claims
that were kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from journalclip_devtools.chart.rendered import Manifest, Pod, kinds, pods
from journalclip_devtools.faults import event_tail
from journalclip_devtools.node.cluster import Cluster, PodState, until
from journalclip_intake.inbox import INBOX
from journalclip_shared.artifacts.s3 import connect
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Fact, ModelPromoted, PairsStructured, SourceQuarantined, StudyStructured
from journalclip_shared.settings import S3Settings

RELEASE = "journalclip"
_OUTSIDE = "stranger"  # a namespace beside the release's
_READ_S = 900  # one article from the bucket to its records, on two busy cores
_AWAY_S = 30  # without Kafka nobody who needs it is Ready after this
_WATCHED_S = 90  # and for this long nobody restarts for it: longer than any probe's patience
_SETTLE_S = 600  # all Ready again
_POLICY_S = 3  # policies begin up to a second after a pod's first process

_STRANGER = """
import socket, sys, time
time.sleep({wait})
for place in {places}:
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 3).close()
        print("open", place, flush=True)
    except OSError as error:
        print("closed", place, error, flush=True)
"""
_LISTENS = "import http.server; http.server.HTTPServer(('', 8080), http.server.BaseHTTPRequestHandler).serve_forever()"
# The first process becomes the kernel's first choice: memory is taken by many small ones, none of which weighs as much.
_OVERFULL = """
import os, pathlib, time
pathlib.Path("/proc/1/oom_score_adj").write_text("1000")
while True:
    if os.fork() == 0:
        taken = bytearray(b"x") * 2**24
        time.sleep(600)
    time.sleep(0.02)
"""


@dataclass
class Proof:
    """One run over one cluster. Every method raises `PermanentError` where what it looks for is not so."""

    cluster: Cluster
    files: Sequence[Path]
    sets: Sequence[str]
    say: Callable[[str], None]
    seconds: dict[str, float] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    _begun: float = field(default_factory=time.monotonic)
    _known: dict[type[Fact], set[str]] = field(default_factory=dict)  # keys of events by kind

    def done(self, step: str, **seen: Any) -> None:
        """A step is over; it began when the one before it ended."""
        now = time.monotonic()
        self.seconds[step], self._begun = round(now - self._begun, 1), now
        self.seen.update(seen)
        self.say(f"{step:<52}{self.seconds[step]:>8.1f} s  {json.dumps(seen) if seen else ''}")

    @property
    def arguments(self) -> list[str]:
        """What every Helm command about this release is given."""
        return [*(item for path in self.files for item in ("--values", str(path))),
                *(item for each in self.sets for item in ("--set", each))]  # fmt: skip

    def images(self) -> None:
        text = self.cluster.charted("template", RELEASE, str(self.cluster.helm.chart), *self.arguments)
        rendered = [each for each in yaml.safe_load_all(text) if each]
        wanted = {each["image"] for pod in pods(rendered) if _runs(pod, rendered) for each in pod.containers}
        for image in sorted(wanted):
            self.cluster.take(image)
        self.done("images loaded", images=sorted(wanted))

    def namespace(self) -> None:
        name = self.cluster.namespace
        self.cluster.kubectl("create", "namespace", name)
        self.cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")

    def install(self) -> None:
        chart = str(self.cluster.helm.chart)
        self.cluster.charted("install", RELEASE, chart, *self.arguments, "--wait", "--timeout", "25m")
        states = self.cluster.pods()
        unready = [each.name for each in states if not each.ready]
        if unready:
            raise PermanentError("node-proof-failed", f"Helm waited, and not Ready: {', '.join(unready)}")
        self.done(
            "helm install --wait", pods=len(states), restarts={e.component: e.restarts for e in states if e.restarts}
        )

    def watch(self) -> None:
        """Start a pod that prints every event, with the rights of the job that makes the topics."""
        (job,) = (each for each in kinds(self.rendered(), "Job") if "-bootstrap-" in each["metadata"]["name"])
        template = job["spec"]["template"]
        container = {**template["spec"]["containers"][0], "name": "watch", "command": ["python"],
                     "args": ["-c", Path(event_tail.__file__).read_text()]}  # fmt: skip
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], "name": "watch"},
               "spec": {**template["spec"], "containers": [container], "restartPolicy": "Always"}}  # fmt: skip
        self.cluster.within("delete", "pod", "watch", "--ignore-not-found", "--wait=true")
        self.cluster.within("apply", "-f", "-", given=json.dumps(pod))

    def drop(self, pdf: Path) -> str:
        """Put a PDF into the bucket, wait for its records; the article's id."""
        settings = _administrator(self.cluster, pdf.parent)
        with self.cluster.forwarded(f"svc/{RELEASE}-object-store", 9000) as port:
            client = connect(settings.model_copy(update={"endpoint": f"127.0.0.1:{port}"}))
            client.fput_object(f"{settings.bucket_prefix}articles", f"{INBOX}{pdf.name}", str(pdf))
        return self.event(PairsStructured)

    def event(self, kind: type[Fact]) -> str:
        """Key of an event of this kind that is not among those seen before, waited for."""
        before, found = self._known.setdefault(kind, set()), list[str]()

        def there() -> bool:
            quarantined = self._keys(SourceQuarantined)
            if quarantined:
                raise PermanentError("node-proof-failed", f"in quarantine: {', '.join(quarantined)}")
            found.extend(key for key in self._keys(kind) if key not in before)
            return bool(found)

        until(there, f"no {kind.topic}", _READ_S)
        before.add(found[0])
        return found[0]

    def _keys(self, kind: type[Fact]) -> list[str]:
        lines = self.cluster.within("logs", "watch", check=False).splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [str(each["key"]) for each in events if each["topic"] == kind.topic]

    def study(self, archive: Path) -> None:
        """Studies by the command that a hospital types: copied into the pod, de-identified there, and structured."""
        pod, target = self.cluster.pod("intake-studies").name, "/tmp/archive"  # noqa: S108 - the pod's own
        self.cluster.within("cp", str(archive), f"{pod}:{target}")
        command = ["journalclip", "studies", "submit", target, "--workdir", "/var/lib/journalclip"]
        said = self.cluster.within("exec", pod, "--", "python", "-m", "journalclip_pipelines", *command[1:])
        key = self.event(StudyStructured)
        self.done("a study: submitted, extracted, structured", study=key, said=said.strip().splitlines()[-1:])

    def champion(self, pdfs: Sequence[Path]) -> None:
        """Enough articles for a dataset become a served model, and a caption finds its figure."""
        for pdf in pdfs:
            self.drop(pdf)
        self.done(f"{len(pdfs)} articles read")
        self.event(ModelPromoted)
        self.done("frozen, trained, promoted")
        tested = self.cluster.charted("test", RELEASE, "--timeout", "20m", "--logs")
        lines = [line for line in tested.splitlines() if line.startswith(("done", "missing", "failed", "ok"))]
        self.done("helm test: in, found, explained, out again", said=lines)

    def strangers(self) -> None:
        """A pod of another namespace, and one of this namespace with no label of ours, reach nothing of the release."""
        services = json.loads(self.cluster.within("get", "services", "-o", "json"))["items"]
        places = [
            f"{each['metadata']['name']}.{self.cluster.namespace}.svc.cluster.local:{port['port']}"
            for each in services for port in each["spec"]["ports"]
        ]  # fmt: skip
        self.cluster.kubectl("create", "namespace", _OUTSIDE)
        self._pod(_OUTSIDE, "listens", _LISTENS, {"app": "listens"})
        self.cluster.kubectl("-n", _OUTSIDE, "expose", "pod", "listens", "--port=8080")
        control = f"listens.{_OUTSIDE}.svc.cluster.local:8080"
        opened: dict[str, list[str]] = {}
        for where in (_OUTSIDE, self.cluster.namespace):
            self._pod(
                where, "stranger", _STRANGER.format(wait=_POLICY_S, places=[control, *places]), {"app": "stranger"}
            )
            until(lambda: self._phase(where, "stranger") == "Succeeded", "a stranger does not end", 300)  # noqa: B023 - asked at once
            lines = self.cluster.kubectl("-n", where, "logs", "stranger").splitlines()
            opened[where] = [line.split()[1] for line in lines if line.startswith("open")]
        if control not in opened[_OUTSIDE]:
            raise PermanentError("node-proof-failed", "a stranger reaches not even its own neighbour: nothing is shown")
        reached = {*opened[_OUTSIDE], *opened[self.cluster.namespace]} - {control}
        self.cluster.kubectl("delete", "namespace", _OUTSIDE)
        self.cluster.within("delete", "pod", "stranger")
        if reached:
            raise PermanentError("node-proof-failed", f"a stranger reaches {', '.join(sorted(reached))}")
        self.done("strangers reach nothing", places=len(places))

    def without_kafka(self) -> None:
        """With Kafka away all who need it are soon not Ready, and none restarts; they come back by themselves."""
        needing = {pod.component for pod in pods(self.rendered()) if _asks_kafka(pod)}
        before = {each.name: each.restarts for each in self.cluster.pods() if each.component in needing}
        target = f"statefulset/{RELEASE}-kafka"
        self.cluster.within("scale", target, "--replicas=0")
        self.cluster.within("wait", "--for=delete", f"pod/{RELEASE}-kafka-0", "--timeout=120s")
        begun = time.monotonic()
        away: dict[str, float] = {}
        while time.monotonic() - begun < _WATCHED_S:
            for each in self._standing(needing):
                away.setdefault(each.component, round(time.monotonic() - begun, 1)) if not each.ready else None
            time.sleep(1)
        still = sorted(each.component for each in self._standing(needing) if each.ready)
        after = {each.name: each.restarts for each in self._standing(needing)}
        self.cluster.within("scale", target, "--replicas=1")
        back = until(lambda: all(each.ready for each in self.cluster.pods()), "not all are Ready again", _SETTLE_S)
        self.done("Kafka away and back", not_ready_after_s=away, all_ready_again_s=round(back, 1))
        late = sorted(name for name, seconds in away.items() if seconds > _AWAY_S)
        if still or late or after != before:
            raise PermanentError(
                "node-proof-failed", f"Ready without Kafka: {still}; late: {late}; restarts {before} -> {after}"
            )

    def overfull(self, component: str) -> None:
        """The kernel kills a process that takes more than its limit; the pod comes back."""
        pod = self.cluster.pod(component)
        self.cluster.within("exec", pod.name, "-c", component, "--", "python", "-c", _OVERFULL, check=False)
        until(lambda: self._again(component, pod), f"{component} was not killed for memory", 180)
        reason = self.cluster.pod(component).reason
        if reason != "OOMKilled":
            raise PermanentError("node-proof-failed", f"{component} ended by {reason}, and not for its memory")
        until(lambda: self.cluster.pod(component).ready, f"{component} is not Ready again", _SETTLE_S)
        self.done(f"{component}: over its memory limit, and back")

    def frozen(self, component: str) -> None:
        """A process that answers no probe is started again."""
        pod = self.cluster.pod(component)
        self.cluster.signal(pod.container, "STOP")
        until(lambda: self._again(component, pod), f"{component} was not restarted", 600)
        until(lambda: self.cluster.pod(component).ready, f"{component} is not Ready again", _SETTLE_S)
        self.done(f"{component}: frozen, restarted by its probe, and back")

    def upgrade(self, former: Path, pdf: Path) -> None:
        """From ``former`` (a chart) to this one and back, with what is in the store; each reads what comes after."""
        chart = self.cluster.helm.chart
        self.cluster.charted("upgrade", RELEASE, str(former), *self.arguments, "--wait", "--timeout", "25m")
        self.cluster.charted("upgrade", RELEASE, str(chart), *self.arguments, "--wait", "--timeout", "25m")
        self.done("helm upgrade, a version on")
        self.cluster.charted("rollback", RELEASE, "--wait", "--timeout", "25m")
        self.drop(pdf)
        self.done("helm rollback; a PDF dropped then is read")

    def again(self, pdf: Path) -> None:
        """Uninstalled, nothing is left but secrets and claims; installed again, what was read before is there."""
        self.cluster.within("delete", "pod", "watch")
        keys = self._known[PairsStructured]
        self.cluster.charted("uninstall", RELEASE, "--wait", "--timeout", "10m")
        until(lambda: not self.cluster.pods(), "pods outlive the uninstall", 120)
        listed = self.cluster.within("get", "all,configmap,networkpolicy,role,rolebinding", "-o", "name").split()
        left = [name for name in listed if not name.endswith(("/kubernetes", "/kube-root-ca.crt"))]
        if left:
            raise PermanentError("node-proof-failed", f"left behind: {', '.join(left)}")
        self.done("helm uninstall leaves secrets and claims")
        self.install()
        self.watch()
        until(lambda: keys <= set(self._keys(PairsStructured)), "what was read before is not there", 300)
        self.drop(pdf)
        self.done("the log before is there; one more PDF is read")

    def rendered(self) -> list[Manifest]:
        return [each for each in yaml.safe_load_all(self.cluster.charted("get", "manifest", RELEASE)) if each]

    def _standing(self, components: set[str]) -> list[PodState]:
        return [each for each in self.cluster.pods() if each.component in components and not each.leaving]

    def _again(self, component: str, before: PodState) -> bool:
        now = self.cluster.pod(component)
        return now.name == before.name and now.restarts > before.restarts

    def _pod(self, namespace: str, name: str, program: str, labels: Mapping[str, str]) -> None:
        (image, *_) = (
            i["image"] for pod in pods(self.rendered()) for i in pod.containers if "/backbone:" in i["image"]
        )
        security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
                    "seccompProfile": {"type": "RuntimeDefault"}}  # fmt: skip
        container = {"name": name, "image": image, "command": ["python", "-c", program], "securityContext": security}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": dict(labels)},
               "spec": {"containers": [container], "restartPolicy": "Never"}}  # fmt: skip
        self.cluster.kubectl("-n", namespace, "apply", "-f", "-", given=json.dumps(pod))
        until(lambda: self._phase(namespace, name) in {"Running", "Succeeded"}, f"{name} does not start", 120)

    def _phase(self, namespace: str, name: str) -> str:
        return self.cluster.kubectl("-n", namespace, "get", "pod", name, "-o", "jsonpath={.status.phase}", check=False)


def _administrator(cluster: Cluster, folder: Path) -> S3Settings:
    """As the bundled server's administrator: no service's user may put PDFs there."""
    for name in ("admin-access-key", "admin-secret-key"):
        (folder / name).write_text(cluster.secret(f"{RELEASE}-object-store", name))
    return S3Settings(
        endpoint="127.0.0.1", tls=False,
        access_key_file=folder / "admin-access-key", secret_key_file=folder / "admin-secret-key",
    )  # fmt: skip


def _runs(pod: Pod, rendered: Sequence[Manifest]) -> bool:
    """Whether any pod of this template is wanted: a part with no replicas needs no image."""
    owner = next((e for e in rendered if f"{e['kind']}/{e['metadata']['name']}" == pod.owner), None)
    return owner is None or owner.get("spec", {}).get("replicas", 1) != 0


def _asks_kafka(pod: Pod) -> bool:
    """Whether a pod is told where Kafka is, and says by a probe whether it is ready."""
    return any(
        "readinessProbe" in each and any(e["name"].startswith("JOURNALCLIP_KAFKA") for e in each.get("env", ()))
        for each in pod.containers
    )
