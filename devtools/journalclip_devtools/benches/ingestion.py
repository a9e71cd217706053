"""From the bucket to search: how long an article takes through real servers and real services, stage by stage.

All services run as `up` runs them. A few articles make the first champion by events alone; then articles are put into
the bucket one at a time, and each is timed until a search through the API returns it. Overhead is what is left of that
time without the handlers' own seconds of extraction, structuring and embedding, as their metrics say; those seconds
include the handlers' reads and writes of the object store.
"""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from journalclip_devtools.servers import free_port
from journalclip_devtools.up import COMMANDS, Supervisor, children, servers
from journalclip_intake.inbox import INBOX
from journalclip_pipelines.progress import Reporter
from journalclip_shared.artifacts.s3 import connect
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import ArticleSubmitted, Event, Fact, FiguresExtracted, PairsStructured
from journalclip_shared.history import events_of
from journalclip_shared.ids import Json, article_id, sha256_hex
from journalclip_shared.names import group
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.settings import Settings
from journalclip_shared.wiring import open_artifacts, open_bus
from journalclip_synthetic.journals import write_journals

# Not on the way from the bucket to search.
_LEARNING = tuple(group(step, "articles") for step in ("freezing", "training", "promotion", "inference-index"))
_COMPUTE = (*(group(step, "articles") for step in ("extraction", "structuring", "inference-segments")),)
# A model of a few articles need only not be worse than chance, however slow this machine is now.
_GATES = "improvement: {over_start: {demand: not-worse, margin: 0.99}}\ncost: {max_latency_ms: 600000}\n"
_LOOK_S = 0.02  # between two searches; the error of a total
_PATIENCE_S = 900.0  # only a failure waits so long


@dataclass(frozen=True)
class Passage:
    """One article's way, in seconds: stages since the one before, then the handlers' own work."""

    name: str
    announce: float
    extract: float
    structure: float
    search: float
    compute: float

    @property
    def total(self) -> float:
        return self.announce + self.extract + self.structure + self.search

    @property
    def overhead(self) -> float:
        return self.total - self.compute


@dataclass(frozen=True)
class Latency:
    """What was measured: seconds, at the median and at the 95th percentile."""

    articles: int
    total_p50_s: float
    total_p95_s: float
    overhead_p50_s: float
    overhead_p95_s: float
    stages_p50_s: dict[str, float]
    stages_p95_s: dict[str, float]
    passages: list[dict[str, float | str]]

    def as_json(self) -> dict[str, Json]:
        return asdict(self)


def latency(passages: Sequence[Passage]) -> Latency:
    """The percentiles of ``passages``, of which there is at least one."""
    stages = ("announce", "extract", "structure", "search", "compute")

    def at(share: float, values: Sequence[float]) -> float:
        return round(sorted(values)[min(len(values) - 1, int(share * len(values)))], 3)

    def of(name: str) -> list[float]:
        return [float(getattr(each, name)) for each in passages]

    return Latency(
        articles=len(passages),
        total_p50_s=round(statistics.median(of("total")), 3),
        total_p95_s=at(0.95, of("total")),
        overhead_p50_s=round(statistics.median(of("overhead")), 3),
        overhead_p95_s=at(0.95, of("overhead")),
        stages_p50_s={name: round(statistics.median(of(name)), 3) for name in stages},
        stages_p95_s={name: at(0.95, of(name)) for name in stages},
        passages=[
            {"name": each.name, **{stage: round(float(getattr(each, stage)), 3) for stage in (*stages, "overhead")}}
            for each in passages
        ],
    )


def bench(folder: Path, articles: int, first: int, reporter: Reporter) -> Latency:
    """Measure on servers of our own in ``folder``. Raises `PermanentError` where they cannot be, or nothing comes."""
    write_journals(folder / "journals", first + articles, 0)
    pdfs = sorted((folder / "journals").rglob("*.pdf"))
    with servers(folder, Settings(workdir=folder), reporter.say) as (settings, _):
        run = _Run(settings, {name: free_port() for name in COMMANDS}, free_port(), reporter.say)
        with run.running([name for name in COMMANDS if name not in _LEARNING]):
            with reporter.stage("first articles", first) as progress:
                for pdf in pdfs[:first]:
                    run.put(pdf)
                for number, pdf in enumerate(pdfs[:first]):
                    run.structured(pdf)
                    progress.update(number + 1, first)
            # Started only now, so that the first freeze has all of them: their rule is the clock's.
            with run.running(_LEARNING), reporter.stage("first champion", 1) as progress:
                run.wait_for(run.ready, "no champion is served")
                progress.update(1, 1)
            with reporter.stage("bucket to search", articles) as progress:
                passages = []
                for pdf in pdfs[first:]:
                    passages.append(run.passage(pdf))
                    last = passages[-1]
                    progress.update(len(passages), articles, f"{last.total:.2f} s, overhead {last.overhead:.2f} s")
    return latency(passages)


class _Run:
    """The services, and this process's own clients."""

    def __init__(self, settings: Settings, metrics: dict[str, int], port: int, say: Callable[[str], None]) -> None:
        self._settings, self._metrics, self._say = settings, metrics, say
        gates = settings.workdir / "gates.yaml"
        gates.write_text(_GATES)
        self._api = f"http://127.0.0.1:{port}"
        self._extra = {
            "JOURNALCLIP_PORT": str(port),
            "JOURNALCLIP_RECIPE": "demo",
            "JOURNALCLIP_RECIPE_SET": json.dumps(["optim.epochs=4"]),  # its quality is not what is measured
            "JOURNALCLIP_GATES": str(gates),
            "JOURNALCLIP_FREEZE_NEW_PAIRS": "0",
            "JOURNALCLIP_FREEZE_EVERY_S": "1",
            # What the reconciler announces a second time is work too, and would be taken for the timed article's own.
            "JOURNALCLIP_RECONCILE_S": "86400",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        }
        self._s3 = connect(settings.s3)
        self._store, self._bus = open_artifacts(settings), open_bus(settings)

    @contextmanager
    def running(self, names: Sequence[str]) -> Iterator[None]:
        supervisor = Supervisor(children(self._settings, names, self._extra, self._metrics), self._say)
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        try:
            yield
        finally:
            supervisor.stop.set()
            thread.join()

    def put(self, pdf: Path) -> None:
        self._s3.fput_object(f"{self._settings.s3.bucket_prefix}articles", f"{INBOX}{pdf.name}", str(pdf))

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._api}/readyz", timeout=10) as answer:  # noqa: S310 - our own loopback
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def passage(self, pdf: Path) -> Passage:
        """Put it into the bucket and see it through."""
        source = article_id(sha256_hex(pdf.read_bytes()))
        worked = self._worked()
        begun = time.time()
        self.put(pdf)
        structured = self.structured(pdf)
        fact = structured.fact
        assert isinstance(fact, PairsStructured)
        pairs = StructuredArticle.model_validate_json(self._store.get(fact.document)).pairs
        if not pairs:
            raise PermanentError("bench-failed", f"{pdf.name} has no pair", "Choose another seed.")
        self.wait_for(lambda: self._found(pairs[0].pair_id, pairs[0].text), f"{pdf.name} is not found")
        searchable = time.time()
        times = [self._event(kind, source).time.timestamp() for kind in (ArticleSubmitted, FiguresExtracted)]
        times.append(structured.time.timestamp())
        # A handler's metric is counted when its facts are acknowledged, a moment before its last event is readable.
        return Passage(
            name=pdf.name,
            announce=times[0] - begun,
            extract=times[1] - times[0],
            structure=times[2] - times[1],
            search=searchable - times[2],
            compute=self._worked() - worked,
        )

    def structured(self, pdf: Path) -> Event:
        """The event that says so, waited for."""
        extracted = self._event(FiguresExtracted, article_id(sha256_hex(pdf.read_bytes())))
        return self._event(PairsStructured, extracted.key)

    def wait_for(self, done: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not done():
            if time.monotonic() > deadline:
                raise PermanentError("bench-failed", otherwise, f"Read the logs in {self._settings.workdir / 'logs'}.")
            time.sleep(_LOOK_S)

    def _event(self, kind: type[Fact], source: str) -> Event:
        found: list[Event] = []

        def there() -> bool:
            found.extend(event for event in events_of(self._bus, kind) if _subject(event) == source)
            return bool(found)

        self.wait_for(there, f"no {kind.topic} of {source}")
        return found[0]

    def _found(self, pair_id: str, caption: str) -> bool:
        body = json.dumps({"text": caption[:500], "k": 24, "compare": "caption"}).encode()
        request = urllib.request.Request(  # noqa: S310 - our own loopback
            f"{self._api}/v1/search", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own loopback
            return any(hit["pair_id"] == pair_id for hit in json.load(answer)["hits"])

    def _worked(self) -> float:
        """Seconds that the handlers have worked until now."""
        return sum(self._seconds(name) for name in _COMPUTE)

    def _seconds(self, name: str) -> float:
        url = f"http://127.0.0.1:{self._metrics[name]}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "journalclip_handle_seconds_sum"
        )


def _subject(event: Event) -> str:
    """The submission that an event is about, or the article where only that is known."""
    return event.fact.source if isinstance(event.fact, FiguresExtracted) else event.key
