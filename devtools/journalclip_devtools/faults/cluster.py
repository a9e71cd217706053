"""A light chain on real servers: worker processes, faults, and the wait until everything is settled.

Topics and buckets have a prefix of their own, so that many of these live on one broker and one store.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from minio import Minio

from journalclip_devtools.faults.chain import STAGES, Chain, FolderRegistry, article_bytes, figures_of, frozen_in
from journalclip_devtools.faults.fork_server import Child
from journalclip_devtools.faults.light_index import index_promoted
from journalclip_devtools.up import environment
from journalclip_freezing.handler import FreezeRule
from journalclip_intake.articles import submit
from journalclip_intake.inbox import INBOX
from journalclip_intake.notifications import example
from journalclip_pipelines.operations.audit import Audit, audit
from journalclip_pipelines.operations.bootstrap import Report, drop_topics, make_buckets, make_topics
from journalclip_pipelines.operations.topology import topics
from journalclip_shared.artifacts import Bucket
from journalclip_shared.artifacts.s3 import S3Artifacts, connect
from journalclip_shared.bus import Record
from journalclip_shared.bus.kafka import KafkaBus
from journalclip_shared.errors import TransientError
from journalclip_shared.events import Event
from journalclip_shared.names import NOTIFICATIONS
from journalclip_shared.settings import Settings

_PARTITIONS = 2  # enough for order by key to matter, few enough for many prefixes on one small broker


@dataclass
class Cluster:
    """One chain, its workers, and this process's own clients."""

    settings: Settings
    folder: Path
    workers: dict[str, Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._heard: dict[str, int] = {}  # how long each log was when its worker was last started
        make_topics(self.settings.kafka, [replace(topic, partitions=_PARTITIONS) for topic in topics()], Report())
        make_buckets(self.settings.s3, Report())
        self.bus = KafkaBus(self.settings.kafka)
        self.store = S3Artifacts(self.settings.s3)
        self.registry = FolderRegistry(self.settings.workdir)
        self.chain = Chain(self.bus, self.store, self.registry)

    def submit(self, numbers: Iterable[int], quarantined: Container[int] = ()) -> None:
        for number in numbers:
            submit(self.store, self.bus, self.chain.drop(self.folder, number, figures_of(number, quarantined)))

    def drop(self, numbers: Iterable[int], quarantined: Container[int] = ()) -> None:
        """Put articles into the inbox, and announce them as MinIO would."""
        client, bucket = self.behind("articles")
        for number in numbers:
            data, key = article_bytes(number, figures_of(number, quarantined)), f"{INBOX}issue-{number}.pdf"
            client.put_object(bucket, key, io.BytesIO(data), len(data))
            self.bus.publish_raw([Record(NOTIFICATIONS, key, (), example(bucket, key))])

    def behind(self, bucket: Bucket) -> tuple[Minio, str]:
        """A client and a bucket's name, to do what the store's own code does not."""
        return connect(self.settings.s3), f"{self.settings.s3.bucket_prefix}{bucket}"

    def start(self, stage: str, **changes: str) -> Child:
        """A worker with these settings changed, by their environment names without the prefix."""
        extra = {f"JOURNALCLIP_{name}": value for name, value in changes.items()}
        log = self.folder / f"{stage}.log"
        self._heard[stage] = log.stat().st_size if log.exists() else 0
        self.workers[stage] = Child([stage], environment(self.settings, extra), log)
        return self.workers[stage]

    def run(self, stage: str, timeout_s: float, **changes: str) -> int:
        """One life to its end, and another where the first gave up for a while, as under a supervisor; its code."""
        deadline = time.monotonic() + timeout_s
        while True:
            code = self.start(stage, **changes).wait(timeout_s)
            if code != os.EX_TEMPFAIL or time.monotonic() > deadline:
                return code

    def start_all(self, **changes: str) -> None:
        for stage in STAGES:
            self.start(stage, **changes)

    def wait_serving(self, timeout_s: float) -> None:
        """Until every worker's loop runs: before that a signal ends Python itself, not the loop."""
        logs = {self.folder / f"{stage}.log": self._heard[stage] for stage in self.workers}
        wait_until(lambda: all(b"serving" in log.read_bytes()[start:] for log, start in logs.items()), timeout_s)

    def keep_alive(self) -> None:
        """Start again what ended, as a supervisor does."""
        for stage, worker in list(self.workers.items()):
            if worker.poll() is not None:
                self.start(stage)

    def settle(self, timeout_s: float = 300.0, expected: Container[str] = ()) -> Audit:
        """Keep the workers alive until the audit is clean but for the codes ``expected``; the last audit where the time
        is up first."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.keep_alive()
            started = time.monotonic()
            index_promoted(self.chain)
            found = audit(self.bus, self.store, {"articles": self.registry})
            if all(each.code in expected for each in found.violations) or time.monotonic() > deadline:
                return found
            time.sleep(max(0.2, time.monotonic() - started))  # an audit is work too: half of the time is the workers'

    def final_dataset(self) -> str:
        """The dataset of all that is structured, frozen now; the workers are stopped for it."""
        self.stop()  # two freezers would race for a number
        chain = Chain(self.bus, self.store, self.registry, FreezeRule(new_pairs=0))
        facts = chain.freezer().flush()
        self.bus.publish([Event(fact, "test") for fact in facts])
        assert facts, "nothing was ever frozen"
        return frozen_in(facts)[-1].dataset_id

    def stop(self) -> dict[str, int]:
        """Ask every worker to end; their exit codes."""
        for worker in self.workers.values():
            if worker.poll() is None:
                worker.terminate()
        codes = {stage: worker.wait(300) for stage, worker in self.workers.items()}
        self.workers.clear()
        return codes

    def close(self) -> None:
        for worker in self.workers.values():
            worker.kill()
            worker.wait(60)
        self.bus.close()
        with suppress(TransientError):  # they are only in the way of others' speed; the broker goes soon
            drop_topics(self.settings.kafka, [topic.name for topic in topics()])

    def logs(self) -> str:
        """The end of every worker's log, for a failing test to show."""
        return "\n".join(
            f"{path.name}: {path.read_text(errors='replace')[-2000:]}" for path in sorted(self.folder.glob("*.log"))
        )


def wait_until(done: Callable[[], bool], timeout_s: float) -> None:
    """Look again and again, rarer and rarer. Raises `TimeoutError`."""
    deadline, pause = time.monotonic() + timeout_s, 0.05
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {timeout_s:.0f} s")
        time.sleep(pause)
        pause = min(2.0, 1.5 * pause)


def cpu_share() -> float:
    """Load a core: tests stretch their patience with it on a busy machine."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
