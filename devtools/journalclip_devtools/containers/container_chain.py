"""From a dropped PDF to search across containers of this checkout's own images: ``make images-chain``.

The chart is rendered with its laptop profile and `ci/containers-values.yaml`, and every pod that it declares is started
as it declares it: Kafka and MinIO with a user and the least rights for each service, MLflow, the bootstrap job, all
services. Synthetic journals are dropped into the bucket, and by events alone they become a served champion, trained by
a RayJob and served by Ray Serve as KubeRay would start them, or by the chart's own pods where `--set` says so; then one
more PDF is dropped and searched for. The end is an audit of everything, and what podman and the kernel say of each
container. Nothing outlives it but logs and the result.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from types import FrameType
from typing import Any

from journalclip_devtools.chart.rendered import CHART, CONTAINERS, Helm, Manifest, kinds, ray_jobs
from journalclip_devtools.containers.kuberay import Operator, RayCluster, api_server
from journalclip_devtools.containers.pods import NOTHING, Changes, Facts, Podman, Release, Running, answers
from journalclip_devtools.faults import event_tail
from journalclip_devtools.servers import build, tools
from journalclip_intake.inbox import INBOX
from journalclip_pipelines.interrupt import handling
from journalclip_shared.artifacts.s3 import S3Artifacts, connect
from journalclip_shared.errors import JournalclipError, PermanentError
from journalclip_shared.events import (
    ArticleSubmitted,
    DatasetFrozen,
    Fact,
    FiguresExtracted,
    ModelPromoted,
    ModelTrained,
    PairsStructured,
    SourceQuarantined,
)
from journalclip_shared.ids import article_id, sha256_hex
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.settings import S3Settings
from journalclip_synthetic.journals import write_journals

_RELEASE, _NAMESPACE = "r", "clip"
_NAME = f"{_RELEASE}-journalclip"
_SHARE = 0.6  # of the pairs that the journals are known to hold: one freeze happens, and no second one
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# The services whose pods are started as they stand; the launcher and the Ray pods need what an API server gives.
_SERVICES = ("intake", "extraction", "structuring", "freezing", "promotion", "index", "segments")


class Chain:
    """One release in containers. Every method raises `PermanentError` where what it waits for does not come."""

    def __init__(self, engine: Podman, release: Release, say: Callable[[str], None]) -> None:
        self._engine, self._release, self._say = engine, release, say
        self._operator = Operator(engine, release)
        self._begun = time.monotonic()
        self.seconds: dict[str, float] = {}

    def done(self, stage: str, seconds: float | None = None) -> None:
        """One stage is over; without ``seconds`` it began when the one before it ended."""
        now = time.monotonic()
        self.seconds[stage] = round(now - self._begun if seconds is None else seconds, 2)
        self._begun = now
        self._say(f"{stage:<34}{self.seconds[stage]:>8.1f} s")

    def servers(self) -> None:
        self._engine.wait_ready(self._start(f"StatefulSet/{_NAME}-kafka"))
        self._store = self._start(f"StatefulSet/{_NAME}-object-store")
        mlflow = self._start(f"Deployment/{_NAME}-mlflow")
        self._engine.wait_ready(self._store, mlflow)
        self.done("servers")

    def bootstrap(self) -> None:
        (job,) = (each for each in kinds(self._release.manifests, "Job") if "-bootstrap-" in each["metadata"]["name"])
        self._admin = self._release.pod(job["metadata"]["name"])
        self._engine.job(self._release, self._admin, "bootstrap")
        # With the first administrator's rights: a log has no user who may read all of it and nothing else.
        watch = Changes(args=["-c", Path(event_tail.__file__).read_text()], command=["python"])
        self._watch = self._engine.start(self._release, self._admin, "watch", watch)
        self.done("bootstrap")

    def services(self, server: str, account: Path) -> None:
        started = [self._start(f"Deployment/{_NAME}-{name}") for name in _SERVICES]
        launcher = Changes(environment={"JOURNALCLIP_KUBE_SERVER": server}, mounts={_ACCOUNT: account})
        launches = bool(ray_jobs(self._release.manifests))
        started.append(self._start(f"Deployment/{_NAME}-training", launcher if launches else NOTHING))
        self._engine.wait_ready(*started)
        self.done("services")

    def serving(self) -> None:
        services = kinds(self._release.manifests, "RayService")
        if not services:
            door = self._start(f"Deployment/{_NAME}-inference")
            self._engine.wait_ready(door)
            self._door = (door, "http")
            self.done("inference")
            return
        cluster = self._operator.serve(services[0])
        self._engine.wait_for(lambda: _runs(cluster), "Ray Serve does not run its application")
        self._door = (cluster.head, "serve")
        self.done("Ray Serve")

    def first(self, pdfs: list[Path]) -> None:
        """The first articles become a served champion."""
        begun = time.time()
        for pdf in pdfs:
            self.drop(pdf)
        read = [self.event(PairsStructured, self.article(pdf)) for pdf in pdfs]
        frozen = self.event(DatasetFrozen)
        self.done(f"extracted and structured ({len(pdfs)})", max(each["time"] for each in read) - begun)
        trained = self.event(ModelTrained)
        self.done("trained", trained["time"] - frozen["time"])
        promoted = self.event(ModelPromoted)
        self.done("promoted", promoted["time"] - trained["time"])
        self._engine.wait_for(lambda: answers(self._api("/readyz")) == 200, "no champion is served")
        self.done("served", time.time() - promoted["time"])

    def last(self, pdf: Path) -> Manifest:
        """One more article, dropped and found; the hit."""
        begun = time.time()
        self.drop(pdf)
        times = [begun]
        for kind in (ArticleSubmitted, FiguresExtracted, PairsStructured):
            event = self.event(kind, source(pdf) if kind is ArticleSubmitted else self.article(pdf))
            times.append(event["time"])
        fact = PairsStructured.model_validate(event["fact"])
        pair = StructuredArticle.model_validate_json(S3Artifacts(self._s3()).get(fact.document)).pairs[0]
        found: list[Manifest] = []

        def search() -> bool:
            hits = self._search(pair.text)
            found.extend(hit for hit in hits if hit["pair_id"] == pair.pair_id)
            return bool(found)

        self._engine.wait_for(search, f"{pdf.name} is not found", pause_s=0.1)
        for stage, before, after in zip(("announced", "extracted", "structured"), times, times[1:], strict=False):
            self.done(f"one more PDF: {stage}", after - before)
        self.done("one more PDF: found by search", time.time() - times[-1])
        self.done("one more PDF: from bucket to search", time.time() - begun)
        return found[0]

    def audit(self) -> dict[str, Any]:
        """By the command that an operator types, in the image that has the registry's client."""
        image = self._release.pod(f"Deployment/{_NAME}-promotion").containers[-1]["image"]
        uri = next(each for each in self._release.pod(f"Deployment/{_NAME}-promotion").containers[-1]["env"]
                   if each["name"] == "JOURNALCLIP_MLFLOW_URI")  # fmt: skip
        asked = Changes(
            image=image, environment={uri["name"]: uri["value"]},
            args=["journalclip_pipelines", "audit", "--workdir", "/var/lib/journalclip", "--json"],
        )  # fmt: skip
        running = self._engine.start(self._release, self._admin, "audit", asked)
        self._engine.wait_for(lambda: running.exit_code() is not None, "the audit does not end")
        text = running.output()
        if not text.strip():
            raise PermanentError("audit-failed", running.last_words())
        self.done("audit")
        return dict(json.loads(text))

    def facts(self) -> list[Facts]:
        """Of everything that ran; of what still does, as it is now."""
        now = {each.name: Facts.of(each) for each in self._engine.started}
        return list({**self._engine.facts, **now}.values())

    def jobs(self) -> dict[str, Manifest]:
        return self._operator.statuses()

    @property
    def clusters(self) -> list[RayCluster]:
        return self._operator.clusters

    @property
    def operator(self) -> Operator:
        return self._operator

    def drop(self, pdf: Path) -> None:
        """Put it into the bucket, as whoever has articles does."""
        settings = self._s3()
        connect(settings).fput_object(f"{settings.bucket_prefix}articles", f"{INBOX}{pdf.name}", str(pdf))

    def article(self, pdf: Path) -> str:
        """Id of the article that a PDF holds, once it is extracted."""
        return str(self.event(FiguresExtracted, source(pdf))["key"])

    def event(self, kind: type[Fact], key: str = "") -> Manifest:
        """The first of its kind (and key, or delivery), waited for; an end where something went to quarantine."""
        found: list[Manifest] = []

        def there() -> bool:
            events = [json.loads(line) for line in self._watch.output().splitlines()]
            for each in events:
                if each["topic"] == SourceQuarantined.topic:
                    raise PermanentError("chain-failed", f"in quarantine: {each['fact']}")
            for name, status in self.jobs().items():
                if status["jobDeploymentStatus"] == "Failed" or status.get("jobStatus") == "FAILED":
                    raise PermanentError("chain-failed", f"RayJob {name}: {status}")
            found.extend(
                each
                for each in events
                if each["topic"] == kind.topic and key in {"", each["key"], each["fact"].get("delivery_id")}
            )
            return bool(found)

        self._engine.wait_for(there, f"no {kind.topic}")
        return found[0]

    def _start(self, owner: str, changes: Changes = NOTHING) -> Running:
        return self._engine.start(self._release, self._release.pod(owner), changes=changes)

    def _s3(self) -> S3Settings:
        """As MinIO's administrator: no service's user may put PDFs there."""
        folder = self._engine.folder / "secrets" / "administrator"
        if not folder.is_dir():
            folder.mkdir()
            for name, value in self._release.secret(f"{_NAME}-object-store").items():
                if name.startswith("admin-"):
                    (folder / name).write_text(value)
        return S3Settings(
            endpoint=f"{self._store.address}:9000", tls=False,
            access_key_file=folder / "admin-access-key", secret_key_file=folder / "admin-secret-key",
        )  # fmt: skip

    def _api(self, path: str) -> str:
        running, port = self._door
        return running.url(port, path)

    def _search(self, text: str) -> list[Manifest]:
        body = json.dumps({"text": text[:500], "k": 24, "compare": "caption"}).encode()
        token = self._release.secret(f"{_NAME}-tokens")["admin-token"]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        request = urllib.request.Request(self._api("/v1/search"), body, headers)  # noqa: S310 - a container's address
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - a container's address
            return list(json.load(answer)["hits"])


def _runs(cluster: RayCluster) -> bool:
    said = cluster.ask("/api/serve/applications/") or {}
    status = said.get("applications", {}).get("journalclip", {})
    if status.get("status") == "DEPLOY_FAILED":
        raise PermanentError("serve-failed", str(status.get("message"))[:500])
    return bool(status.get("status") == "RUNNING")


def source(pdf: Path) -> str:
    return article_id(sha256_hex(pdf.read_bytes()))


def pairs_of(gold: Mapping[str, Any], names: set[str]) -> int:
    """How many pairs these synthetic articles are known to hold: one a panel, or one a figure without any."""
    return sum(len(figure["panels"]) or 1 for name in names for figure in gold[name]["figures"])


def run(
    articles: int, values: Sequence[str], prefix: str, folder: Path, program: str, say: Callable[[str], None]
) -> dict[str, Any]:
    """The whole chain, with some of the chart's ``values`` changed; what was seen. Raises `JournalclipError`."""
    write_journals(folder / "journals", articles + 1, 0)
    pdfs = sorted((folder / "journals").glob("*.pdf"))
    pairs = pairs_of(json.loads((folder / "journals" / "gold.json").read_text()), {each.name for each in pdfs[:-1]})
    registry = prefix.removesuffix("/journalclip")
    fixed = [f"image.registry={registry}", f"freezing.settings.freeze_new_pairs={max(1, int(_SHARE * pairs))}"]
    cache = Path(os.environ.get("JOURNALCLIP_TEST_SERVERS_CACHE") or build.default_cache())
    helm = Helm(tools.tool("helm4", cache), CHART)
    release = Release(helm.template(CONTAINERS, [*fixed, *values], _RELEASE, _NAMESPACE), _NAMESPACE)
    engine = Podman(folder, f"journalclip-{secrets.token_hex(3)}", program)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder / "secrets", ignore_errors=True)
        stack.callback(undisturbed, engine.close)
        engine.open()
        chain = Chain(engine, release, say)
        chain.servers()
        # Only now: podman makes a network's bridge with its first container.
        server, account = stack.enter_context(api_server(chain.operator, folder / "secrets", engine.gateway))
        chain.bootstrap()
        chain.services(server, account)
        chain.serving()
        chain.first(pdfs[:-1])
        hit = chain.last(pdfs[-1])
        audited = chain.audit()
        facts = chain.facts()
        standing = [each for each in chain.clusters if each.running]
        return {
            "articles": articles,
            "seconds": dict(chain.seconds),
            "hit": {name: hit[name] for name in ("pair_id", "name", "rank", "score")},
            "audit": audited,
            "ray_jobs": list(chain.jobs().values()),
            "ray_clusters_that_ask_for_a_token": sum(each.refuses_strangers() for each in standing),
            "containers": [each.as_json() for each in facts],
            "broken": [sentence for each in facts for sentence in each.broken()],
        }


def undisturbed(act: Callable[[], None]) -> None:
    """Nothing interrupts a removal."""
    with handling(signal.SIG_IGN):
        act()


def interrupted(_signum: int, _frame: FrameType | None) -> None:
    """SIGTERM as Ctrl-C, and Ctrl-C also where a shell put us into the background: each leads through the removals."""
    raise KeyboardInterrupt


def table(result: Mapping[str, Any]) -> str:
    """What podman and the kernel said, a container a line."""
    lines = [f"{'container':<48}{'user':<13}{'root':<11}{'capabilities':<14}{'new rights':<12}{'seccomp':<9}{'MiB':>6}"]
    for each in result["containers"]:
        found = Facts(**each)
        seccomp = found.kernel.get("Seccomp", "-")
        lines.append(
            f"{found.name.split('-', 2)[2]:<48}{found.user:<13}"
            f"{'read-only' if found.read_only_root else 'written':<11}"
            f"{','.join(found.effective_capabilities) or 'none':<14}"
            f"{'none' if 'no-new-privileges' in found.security else 'possible':<12}"
            f"{'filter' if seccomp == '2' else seccomp:<9}{found.memory_mib:>6}"
        )
    return "\n".join(lines)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--set", action="append", default=[], dest="values", help="A value of the chart, KEY=VALUE.")
    parser.add_argument("--articles", type=int, default=12, help="Synthetic articles of the first dataset.")
    parser.add_argument(
        "--workdir", type=Path, help="New folder for journals and logs; else one in the temporary folder."
    )
    parser.add_argument("--json", action="store_true", dest="as_json", help="The result as JSON on standard output.")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prefix, program = os.environ.get("PREFIX", "journalclip"), os.environ.get("RUNNER", "podman")
    folder = asked.workdir or Path(mkdtemp(prefix="journalclip-chain-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with handling(interrupted):
            result = run(asked.articles, asked.values, prefix, folder, program, _say)
    except JournalclipError as error:
        print(f"{error}\nlogs: {folder}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stopped, everything removed; logs: {folder}", file=sys.stderr)
        return 130
    (folder / "result.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result, indent=1) if asked.as_json else table(result))
    for sentence in result["broken"]:
        print(sentence, file=sys.stderr)
    return 1 if result["broken"] or result["audit"]["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
