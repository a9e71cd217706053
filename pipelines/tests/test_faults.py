"""Faults of the world that nobody's article is charged with; docs/architecture/faults.md lists all of them."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from journalclip_devtools.faults.chain import STAGES, Chain, article_bytes
from journalclip_intake.articles import submit
from journalclip_intake.handler import Reconciler
from journalclip_intake.inbox import INBOX, FolderInbox
from journalclip_shared import failpoints
from journalclip_shared.bus import Bus, dead_letter_topic
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.events import FACTS, ArticleSubmitted, DatasetFrozen, decode
from journalclip_shared.history import facts_of
from journalclip_shared.repeat import repeated
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)
ROOT = Path(__file__).parents[2]


def drained(chain: Chain) -> None:
    while any(Loop(chain.bus, chain.handler(stage), QUICK).drain() for stage in STAGES):
        pass


def said(bus: Bus) -> set[str]:
    return {decode(each.headers, each.body).id for topic in FACTS for each in bus.read(topic)}


def last_dataset(chain: Chain) -> str:
    return list(facts_of(chain.bus, DatasetFrozen))[-1].dataset_id


def test_offsets_that_expired_replay_history_and_change_nothing(tmp_path: Path) -> None:
    chain = Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry())
    for number in range(4):
        submit(chain.store, chain.bus, chain.drop(tmp_path, number))
    drained(chain)
    before, dataset = said(chain.bus), last_dataset(chain)
    chain.bus._committed.clear()  # type: ignore[attr-defined]  # as the broker, after the groups were away for too long
    drained(chain)
    assert said(chain.bus) == before, "every fact is one that was said before"
    assert last_dataset(chain) == dataset
    assert not [each for topic in FACTS for each in chain.bus.read(dead_letter_topic(topic))]


def test_a_full_disk_in_the_reconciler_is_waited_for(tmp_path: Path) -> None:
    bus, ended, done = MemoryBus(), list[BaseException](), threading.Event()
    (tmp_path / INBOX).mkdir(parents=True)
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / INBOX / name).write_bytes(article_bytes(ord(name[0])))
    reconciler = Reconciler(MemoryArtifacts(), FolderInbox(tmp_path), bus)

    def look() -> None:
        if not reconciler.look() and len(list(facts_of(bus, ArticleSubmitted))) == 2:
            done.set()

    failpoints.arm("intake.fetched=full@2")  # the first is taken in, the disk is full at the second
    try:
        with repeated(look, 0.001, ended.append):
            assert done.wait(30)
    finally:
        failpoints.arm("")
    assert ended == [], "the thread lives on"
    assert sorted(fact.name for fact in facts_of(bus, ArticleSubmitted)) == ["a.pdf", "b.pdf"], "once each"


def test_every_fault_of_the_list_has_a_test() -> None:
    page = (ROOT / "docs/architecture/faults.md").read_text()
    named = re.findall(r"`((?:[\w-]+/)+test_\w+\.py)::(\w+)`", page)
    assert len({line for line in page.splitlines() if line.startswith("| ") and "test_" in line}) == 13
    for file, function in named:
        assert f"def {function}(" in (ROOT / file).read_text(), f"{file} has no {function}"
