"""One service of a light chain, killed at fail points on its way, again and again until all were met.

The service is a real process on real servers; it starts with work before it, is killed (SIGKILL) at an armed point, and
its next life meets the next point with what the last one left. What feeds it, and what follows it, drains in this
process. At the end nothing may be lost or doubled, and the dataset must be the one of a chain that nobody disturbed.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field

from journalclip_devtools.faults.chain import STAGES, figures_of, undisturbed
from journalclip_devtools.faults.cluster import Cluster
from journalclip_pipelines.operations.audit import audit
from journalclip_shared import failpoints
from journalclip_shared.bus import Record
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.events import (
    ArticleSubmitted,
    FiguresExtracted,
    ModelTrained,
    PairsStructured,
    TrainingRequested,
)
from journalclip_shared.names import NOTIFICATIONS

SERVICES = ("intake", *STAGES)
PATIENCE_S = 600.0
_BEGIN, _MORE = 9, 3  # articles before the first life, and whenever a life found too little to reach its point
_ATTEMPTS = 4
_INPUT = {
    "intake": NOTIFICATIONS,
    "extraction": ArticleSubmitted.topic,
    "structuring": FiguresExtracted.topic,
    "freezing": PairsStructured.topic,
    "training": TrainingRequested.topic,
    "promotion": ModelTrained.topic,
}
_BLOBS = ("artifacts.before-blob", "artifacts.blob-written", "artifacts.after-blob")
_MANIFESTS = ("artifacts.before-manifest", "artifacts.manifest-written", "artifacts.after-manifest")
_READS = ("artifacts.before-read", "artifacts.after-read")
# What of the store a service passes, and the points of its own; the light promotion has three of the real one's seven.
_OWN: dict[str, tuple[str, ...]] = {
    "intake": (*_BLOBS, *_MANIFESTS, "submit.recorded", "intake.fetched", "intake.announced", "intake.receipted"),
    "extraction": (*_BLOBS, *_MANIFESTS, *_READS, "extraction.read", "extraction.figure-stored"),
    "structuring": (*_MANIFESTS, *_READS, "structuring.structured"),
    "freezing": (
        *_BLOBS, *_MANIFESTS, *_READS, "freezing.assigned", "freezing.shards-written", "freezing.members-written",
        "freezing.frozen", "freezing.numbered",
    ),
    "training": (*_BLOBS, *_MANIFESTS, "training.trained", "training.registered"),
    "promotion": ("promotion.decided", "promotion.champion", "promotion.done"),
}  # fmt: skip


def way(service: str) -> list[str]:
    """Every point that the light chain's ``service`` passes."""
    common = [point for point in failpoints.POINTS if point.startswith(("consume.", "bus."))]
    return [*common, *_OWN[service]]


def share(service: str, seed: int) -> list[str]:
    """The points at which ``service`` dies under ``seed``.

    Seed 0 kills every service at its whole way. Under any other seed each point falls to one of the services that pass
    it, to another one with the next seed: all points every time, and every service at every point in few seeds.
    """
    if seed == 0:
        return way(service)
    ways = {each: way(each) for each in SERVICES}
    passing = {point: [each for each in SERVICES if point in ways[each]] for point in ways[service]}
    return [
        point for point, those in passing.items()
        if those[(seed + failpoints.POINTS.index(point)) % len(those)] == service
    ]  # fmt: skip


def quarantined(numbers: Iterable[int]) -> frozenset[int]:
    """Every fifth article holds no figure."""
    return frozenset(number for number in numbers if number % 5 == 2)


@dataclass(frozen=True)
class Kill:
    """One death."""

    service: str
    point: str
    seed: int
    times: int  # the pass of the point at which it came


@dataclass
class Torment:
    """One service's run through its `share` of points, in an order and at passes that ``seed`` chooses."""

    cluster: Cluster
    service: str
    seed: int
    kills: list[Kill] = field(default_factory=list)
    _articles: int = 0

    def __post_init__(self) -> None:
        self._rng = random.Random(f"{self.service}/{self.seed}")  # noqa: S311 - an order of faults, no secret

    def go(self) -> list[Kill]:
        """Kill it at each of them, let it finish, and prove the result. Raises `AssertionError` with the logs."""
        self._feed(_BEGIN)
        points = share(self.service, self.seed)
        self._rng.shuffle(points)
        for point in points:
            self._kill_at(point)
        self._live("")
        self._prove()
        return self.kills

    def _kill_at(self, point: str) -> None:
        times = self._rng.choice((1, 1, 2, 3))
        for _ in range(_ATTEMPTS):
            if self._live(_armed(point, times)):
                self.kills.append(Kill(self.service, point, self.seed, times))
                return
            times = 1
            self._feed(_MORE)
        raise AssertionError(f"{self.service} never passed {point}\n{self.cluster.logs()}")

    def _live(self, fail_points: str) -> bool:
        """One life over the backlog; True where it was killed."""
        code = self.cluster.run(self.service, PATIENCE_S, DRAIN="1", FAIL_POINTS=fail_points)
        assert code in (0, -signal.SIGKILL), f"{self.service} ended with {code}\n{self.cluster.logs()}"
        return code == -signal.SIGKILL

    def _feed(self, count: int) -> None:
        """More articles, brought as far as the service's door, and something that is no event at all."""
        numbers = range(self._articles, self._articles + count)
        self._articles += count
        if self.service == "intake":
            self.cluster.drop(numbers, quarantined(numbers))
        else:
            self.cluster.submit(numbers, quarantined(numbers))
            for before in STAGES[: STAGES.index(self.service)]:
                self._drain(before)
        poison = Record(_INPUT[self.service], f"poison-{self._articles}", (("ce_type", b"\xff"),), b"{")
        self.cluster.bus.publish_raw([poison])

    def _drain(self, stage: str) -> int:
        chain = self.cluster.chain
        return Loop(chain.bus, chain.handler(stage), LoopSettings(attempts=5, backoff_s=0.2)).drain()

    def _prove(self) -> None:
        while sum(self._drain(stage) for stage in STAGES):
            pass
        dataset = self.cluster.final_dataset()
        for stage in STAGES[3:]:
            self._drain(stage)
        numbers = range(self._articles)
        bad = quarantined(numbers)
        found = audit(self.cluster.bus, self.cluster.store, {"articles": self.cluster.registry})
        assert found.violations == [], f"{found.violations}\n{self.cluster.logs()}"
        assert found.sources["articles"] == self._articles
        assert found.states["quarantined"] == len(bad)
        assert found.pairs == sum(figures_of(number, bad) for number in numbers)
        assert dataset == undisturbed(self.cluster.folder / "undisturbed", numbers, bad), self.cluster.logs()


def _armed(point: str, times: int) -> str:
    if point == "consume.before-retry":  # passed only where something failed
        return f"consume.before-handle=transient;{point}=kill"
    if point == "consume.stopping":  # passed once in a life
        return f"{point}=kill"
    return f"{point}=kill@{times}"
