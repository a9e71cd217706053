"""A storm over the light chain on real servers: random faults, and people who work meanwhile.

Every few seconds something happens that a seed chooses: a service is killed or stopped for a minute and a half, the
broker or the store is killed and comes back, objects are overwritten or deleted and restored, articles arrive, are
withdrawn and reinstated, pairs are reviewed, the champion is rolled back. Then everything is put right by what a person
would do, and it must be as if there had been no storm.
"""

from __future__ import annotations

import io
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Literal, TypeVar

from journalclip_devtools.faults.cluster import Cluster
from journalclip_devtools.faults.fork_server import Child
from journalclip_devtools.faults.kill_matrix import quarantined
from journalclip_devtools.servers.process import Server
from journalclip_pipelines.operations.repair import replay
from journalclip_shared.artifacts import ArtifactRef, Bucket
from journalclip_shared.errors import TransientError
from journalclip_shared.events import Event, FiguresExtracted, PairsStructured
from journalclip_shared.history import facts_of
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.records.review import ReviewDecision, decision_id
from journalclip_shared.records.withdrawal import Picture
from journalclip_shared.reviews import fact_of, write_decision

_T = TypeVar("_T")

STOPPED_S = 90.0  # longer than a session of the broker's, so that the stopped one comes back as a zombie
_PAUSE_S = (1.0, 4.0)  # between two faults
_AWAY_S = (1.0, 5.0)  # how long a server stays killed
_DAMAGED_S = (3.0, 12.0)  # until an object is restored
_PATIENCE_S = 300.0
_DAMAGED: tuple[Bucket, ...] = ("articles", "figures")


@dataclass(frozen=True)
class _Damaged:
    """An object, when it is restored, and its right bytes."""

    until: float
    bucket: Bucket
    ref: ArtifactRef
    data: bytes


@dataclass
class Storm:
    """Blows for ``seconds`` over one cluster and the two servers that it stands on."""

    cluster: Cluster
    broker: Server
    store: Server
    seed: int
    seconds: float
    happened: Counter[str] = field(default_factory=Counter)
    articles: int = 0
    reviews: list[ReviewDecision] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311 - an order of faults, no secret
        self._stopped: tuple[float, Child] | None = None
        self._damaged: list[_Damaged] = []
        self._withdrawn: list[str] = []

    def blow(self) -> None:
        """Start the services, let it storm, and put right what a person can put right."""
        self.cluster.start("intake")
        self.cluster.start_all()
        self._arrive()
        kinds: dict[str, tuple[int, Callable[[], bool]]] = {
            "killed": (6, self._kill), "stopped": (2, self._stop), "broker": (1, partial(self._away, self.broker)),
            "store": (1, partial(self._away, self.store)), "damaged": (3, self._damage), "arrived": (4, self._arrive),
            "withdrawn": (2, self._withdraw), "reinstated": (1, self._reinstate), "reviewed": (2, self._review),
            "rolled back": (2, self._roll_back),
        }  # fmt: skip
        end, last = time.monotonic() + self.seconds, time.monotonic() + 4 * self.seconds
        while time.monotonic() < end or (self._missing(kinds) and time.monotonic() < last):
            # What has not happened yet comes first; many a thing must wait until there are pairs and models.
            missing = self._missing(kinds)
            ready = missing if missing and self._rng.random() < 0.5 else list(kinds)
            kind = self._rng.choices(ready, [kinds[each][0] for each in ready])[0]
            self.happened[kind] += kinds[kind][1]()
            time.sleep(self._rng.uniform(*_PAUSE_S))
            self._heal(time.monotonic())
            self.cluster.keep_alive()
        self._calm()

    def _missing(self, kinds: Iterable[str]) -> list[str]:
        return [kind for kind in kinds if not self.happened[kind]]

    def twice_told(self) -> list[str]:
        """Articles of which other than one extraction or structuring was announced."""
        told = [
            Counter(fact.key for fact in set(facts_of(self.cluster.bus, kind)))
            for kind in (FiguresExtracted, PairsStructured)
        ]
        good = {each for count in told for each in count}
        return sorted(each for each in good if [count[each] for count in told] != [1, 1])

    def _kill(self) -> bool:
        self._rng.choice(list(self.cluster.workers.values())).kill()
        return True

    def _stop(self) -> bool:
        if self._stopped is not None:
            return False
        worker = self._rng.choice(list(self.cluster.workers.values()))
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGSTOP)
            self._stopped = (time.monotonic() + STOPPED_S, worker)
        return self._stopped is not None

    def _away(self, server: Server) -> bool:
        server.kill()
        time.sleep(self._rng.uniform(*_AWAY_S))
        server.start()
        return True

    def _damage(self) -> bool:
        """Half of the time an object is overwritten, half of the time it is deleted."""
        damaged = {each.ref.uri for each in self._damaged}
        found = [(bucket, ref) for bucket in _DAMAGED for ref in self.cluster.store.list_blobs(bucket)]
        sound = [each for each in found if each[1].uri not in damaged]
        if not sound:
            return False
        bucket, ref = self._rng.choice(sound)
        data = self.cluster.store.get(ref)
        client, name = self.cluster.behind(bucket)
        if self._rng.random() < 0.5:
            client.remove_object(name, ref.key)
        else:
            junk = self._rng.randbytes(len(data))
            client.put_object(name, ref.key, io.BytesIO(junk), len(junk))
        self._damaged.append(_Damaged(time.monotonic() + self._rng.uniform(*_DAMAGED_S), bucket, ref, data))
        return True

    def _heal(self, now: float) -> None:
        if self._stopped is not None and now >= self._stopped[0]:
            with suppress(ProcessLookupError):
                os.kill(self._stopped[1].pid, signal.SIGCONT)
            self._stopped = None
        for each in [each for each in self._damaged if now >= each.until]:
            client, name = self.cluster.behind(each.bucket)
            client.put_object(name, each.ref.key, io.BytesIO(each.data), len(each.data), each.ref.media_type)
            self._damaged.remove(each)

    def _arrive(self) -> bool:
        numbers = range(self.articles, self.articles + self._rng.randrange(1, 4))
        drop = self.cluster.drop if self._rng.random() < 0.5 else self.cluster.submit
        _persistently(lambda: drop(numbers, quarantined(numbers)))
        self.articles = numbers.stop
        return True

    def _withdraw(self) -> bool:
        known = [each for each in self._structured() if each not in self._withdrawn]
        if not known:
            return False
        article = self._rng.choice(known)
        self._say(article, "withdraw")
        self._withdrawn.append(article)
        return True

    def _reinstate(self) -> bool:
        if not self._withdrawn:
            return False
        self._say(self._withdrawn.pop(self._rng.randrange(len(self._withdrawn))), "reinstate")
        return True

    def _say(self, article: str, action: Literal["withdraw", "reinstate"]) -> None:
        _persistently(lambda: self.cluster.chain.say(article, action))

    def _review(self) -> bool:
        pairs = list(self._pairs())
        if not pairs:
            return False
        pair, at = self._rng.choice(pairs), _now()
        decision = ReviewDecision(
            decision_id=decision_id(pair.pair_id, "reader", at),
            pair_id=pair.pair_id,
            article_id=pair.article_id,
            reviewer="reader",
            role="steward",
            choice=self._rng.choice(("accept", "reject")),
            time=at,
            picture=Picture(sha256=pair.image.sha256, phash=pair.phash),
        )

        def decided() -> None:
            ref = write_decision(self.cluster.store, decision)
            self.cluster.bus.publish([Event(fact_of(decision, ref), "storm")])

        _persistently(decided)
        self.reviews.append(decision)
        return True

    def _roll_back(self) -> bool:
        return _persistently(self.cluster.chain.roll_back)

    def _structured(self) -> list[str]:
        return sorted({fact.article_id for fact in facts_of(self.cluster.bus, PairsStructured)})

    def _pairs(self) -> Iterator[Pair]:
        refs = {fact.document.uri: fact.document for fact in facts_of(self.cluster.bus, PairsStructured)}
        for ref in refs.values():
            yield from StructuredArticle.model_validate_json(self.cluster.store.get(ref)).pairs

    def _calm(self) -> None:
        """Objects restored, words taken back, and what an outage buried replayed."""
        self._heal(float("inf"))
        while self._reinstate():
            pass
        self.cluster.settle(_PATIENCE_S)
        _persistently(lambda: replay(self.cluster.bus, store=self.cluster.store))
        _persistently(self.cluster.chain.promotion().recover)


def _persistently(work: Callable[[], _T]) -> _T:
    """As a person does: try again while the world is away."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return work()
        except TransientError:
            if time.monotonic() > end:
                raise
            time.sleep(1.0)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
