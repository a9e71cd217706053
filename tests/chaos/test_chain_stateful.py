"""The whole chain under any sequence of crashes, repetitions and lost notifications: the audit stays clean.

Hypothesis writes the sequence: articles dropped, submitted or found, stages drained, killed at a fail point after any
number of passes, or met by an error; whole topics delivered again; articles withdrawn and reinstated, the champion
rolled back. When the dust has
settled, every article is in one final state, nothing is there twice, and the dataset of all pairs has the digest that
an undisturbed run of the same articles gives.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from journalclip_devtools.faults.chain import STAGES, Chain, article_bytes
from journalclip_devtools.faults.light_index import search_handlers
from journalclip_freezing.handler import FreezeRule
from journalclip_intake.articles import submit
from journalclip_intake.handler import IntakeHandler, reconcile
from journalclip_intake.inbox import INBOX, FolderInbox
from journalclip_intake.notifications import example, translate
from journalclip_pipelines.operations.audit import audit
from journalclip_pipelines.operations.repair import replay
from journalclip_shared import failpoints
from journalclip_shared.bus import Record
from journalclip_shared.consume import BreakerOpen, Handler, Loop, LoopSettings
from journalclip_shared.errors import TransientError
from journalclip_shared.events import FACTS, Event, FiguresExtracted, PairsStructured
from journalclip_shared.failpoints import SimulatedCrash
from journalclip_shared.history import facts_of
from journalclip_shared.names import NOTIFICATIONS
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry
from journalclip_shared.withdrawals import CODE

# `make chaos` asks for 500 examples of 100 steps.
EXAMPLES = int(os.environ.get("JOURNALCLIP_CHAOS_EXAMPLES", "60"))
STEPS = int(os.environ.get("JOURNALCLIP_CHAOS_STEPS", "15"))
QUICK = LoopSettings(attempts=2, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)

TOPICS = [topic for topic in FACTS if not topic.startswith(("studies", "sources", "models.promoted"))]

ARTICLES = st.integers(0, 6)
STAGE = st.sampled_from(STAGES)
POINT = st.sampled_from(failpoints.POINTS)
LOOP_POINTS = [each for each in failpoints.POINTS if each.startswith("consume.")]
STORE_POINTS = [each for each in failpoints.POINTS if each.startswith("artifacts.")]


def figures_of(number: int) -> int:
    """Articles 5 and 6 hold no figure and end in quarantine."""
    return 0 if number >= 5 else 1 + number % 3


def light_chain() -> Chain:
    # Nearly every article makes a freeze due, so that faults fall between a freeze and its event often enough.
    return Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry(), FreezeRule(new_pairs=2))


def settle(chain: Chain) -> None:
    """Drain every stage until nothing moves."""
    while any(Loop(chain.bus, each, QUICK).drain() for each in (*map(chain.handler, STAGES), *search_handlers(chain))):
        pass


def final_dataset(chain: Chain) -> str | None:
    """The dataset of everything structured, whatever was frozen on the way."""
    chain.rule = type(chain.rule)(new_pairs=0)
    chain.bus.publish([Event(fact, "test") for fact in chain.freezer().flush()])
    settle(chain)
    frozen = list(chain.store.list_manifests("datasets", "freezes/"))
    if not frozen:
        return None
    note = chain.store.find_manifest("datasets", frozen[-1])
    assert note is not None
    return str(json.loads(chain.store.get(note))["fact"]["dataset_id"])


@functools.cache
def undisturbed(numbers: frozenset[int]) -> str | None:
    """The dataset of these articles when nothing goes wrong."""
    chain = light_chain()
    with tempfile.TemporaryDirectory() as folder:
        for number in sorted(numbers):
            submit(chain.store, chain.bus, chain.drop(Path(folder), number, figures_of(number)))
    settle(chain)
    return final_dataset(chain)


class ChainMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        failpoints.arm("")
        self.chain = light_chain()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)
        (self.folder / INBOX).mkdir()
        self.inbox = FolderInbox(self.folder)
        self.submitted: set[int] = set()
        self.dropped: set[int] = set()
        self.withdrawn: set[str] = set()

    @rule(number=ARTICLES)
    def submit(self, number: int) -> None:
        submit(self.chain.store, self.chain.bus, self.chain.drop(self.folder, number, figures_of(number)))
        self.submitted.add(number)

    @initialize(numbers=st.sets(ARTICLES, min_size=1, max_size=5))
    def begin(self, numbers: set[int]) -> None:
        for number in sorted(numbers):
            self.submit(number)

    @rule(until=STAGE)
    def drain_up_to(self, until: str) -> None:
        for stage in STAGES[: STAGES.index(until) + 1]:
            self.drain(stage)

    @rule(number=ARTICLES, point=st.sampled_from(STORE_POINTS))
    def die_while_submitting(self, number: int, point: str) -> None:
        failpoints.arm(f"{point}=crash")
        with suppress(SimulatedCrash):
            self.submit(number)
        failpoints.arm("")
        self.submit(number)  # the person tries again

    @rule(number=ARTICLES, notified=st.integers(0, 2))
    def drop_into_the_bucket(self, number: int, notified: int) -> None:
        key = f"{INBOX}Año {number}.pdf"
        (self.folder / key).write_bytes(article_bytes(number, figures_of(number)))
        notification = Record(NOTIFICATIONS, key, (), example("articles", key))
        self.chain.bus.publish_raw([notification] * notified)
        self.dropped.add(number)

    @rule(stage=STAGE)
    def drain(self, stage: str) -> None:
        Loop(self.chain.bus, self.chain.handler(stage), QUICK).drain()

    @rule()
    def take_in(self) -> None:
        Loop(self.chain.bus, self._intake(), QUICK, decode=translate).drain()

    @rule(stage=STAGE, point=st.sampled_from(LOOP_POINTS), count=st.sampled_from([1, 1, 2, 5]))
    def kill_on_the_way(self, stage: str, point: str, count: int) -> None:
        """What comes before is done, so that this stage has work when it dies."""
        for before in STAGES[: STAGES.index(stage)]:
            self.drain(before)
        self._met(stage, f"{point}=crash@{count}")

    @rule(stage=st.sampled_from([*STAGES, "intake"]), point=POINT, count=st.integers(1, 5))
    def kill(self, stage: str, point: str, count: int) -> None:
        self._met(stage, f"{point}=crash@{count}")

    @rule(stage=STAGE, point=st.sampled_from(["consume.before-handle", "artifacts.before-manifest"]))
    def meet_an_error(self, stage: str, point: str) -> None:
        self._met(stage, f"{point}=transient")

    @rule(topic=st.sampled_from(TOPICS), times=st.sampled_from([1, 9]))
    def deliver_again(self, topic: str, times: int) -> None:
        found = list(self.chain.bus.read(topic))[-3:]
        again = [Record(each.topic, each.key, each.headers, each.body) for each in reversed(found)]
        self.chain.bus.publish_raw(again * times)

    @rule()
    def poison(self) -> None:
        self.chain.bus.publish_raw([Record(FiguresExtracted.topic, "who", (("ce_type", b"\xff"),), b"{")])

    @rule()
    def reconcile(self) -> None:
        reconcile(self.chain.store, self.inbox, self.chain.bus)
        self.submitted |= self.dropped

    @rule()
    def replay(self) -> None:
        replay(self.chain.bus, codes=("retries-exhausted", CODE))

    @rule()
    def roll_back(self) -> None:
        """The fact is announced by the reconciler where the process died before; here it is always announced."""
        self.chain.roll_back()

    @rule(number=st.integers(0, 20))
    def withdraw(self, number: int) -> None:
        known = sorted({fact.article_id for fact in facts_of(self.chain.bus, PairsStructured)})
        if known:
            article = known[number % len(known)]
            self._say(article, "reinstate" if article in self.withdrawn else "withdraw")

    def _say(self, article: str, action: Literal["withdraw", "reinstate"]) -> None:
        self.chain.say(article, action)
        self.withdrawn ^= {article}

    def _intake(self) -> Handler:
        return IntakeHandler(self.chain.store, self.inbox)

    def _met(self, stage: str, spec: str) -> None:
        failpoints.arm(spec)
        try:
            if stage == "intake":
                Loop(self.chain.bus, self._intake(), QUICK, decode=translate).drain()
            else:
                Loop(self.chain.bus, self.chain.handler(stage), QUICK).drain()
        except (SimulatedCrash, TransientError, BreakerOpen):
            pass
        finally:
            failpoints.arm("")

    @rule()
    def look(self) -> None:
        """Nothing is broken at any moment, not only at the end."""
        found = audit(self.chain.bus, self.chain.store, {}, settled=False)
        # Stored and not yet announced is the one thing that a kill may leave, until the sender or reconciler is back.
        assert [each for each in found.violations if each.code != "submission-unannounced"] == []

    def teardown(self) -> None:
        failpoints.arm("")
        for article in sorted(self.withdrawn):
            self._say(article, "reinstate")
        self.chain.promotion().recover()
        self.take_in()
        self.reconcile()
        settle(self.chain)
        self.replay()
        settle(self.chain)
        dataset = final_dataset(self.chain)
        found = audit(self.chain.bus, self.chain.store, {"articles": self.chain.registry})
        assert found.violations == []
        assert found.sources["articles"] == len(self.submitted)
        assert found.states["quarantined"] == len(self.submitted & {5, 6})
        assert found.pairs == sum(figures_of(number) for number in self.submitted)
        assert dataset == undisturbed(frozenset(self.submitted))
        self.temporary.cleanup()


@pytest.mark.timeout(1800)
def test_any_sequence_of_faults_ends_as_an_undisturbed_run() -> None:
    run_state_machine_as_test(
        ChainMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("point", LOOP_POINTS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_killed_at_every_point_of_the_loop(stage: str, point: str) -> None:
    machine = ChainMachine()
    machine.begin({0, 1, 2, 5})
    machine.kill_on_the_way(stage, point, 1)
    machine.teardown()
