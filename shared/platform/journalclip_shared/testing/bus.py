"""The contract of a bus as a test suite: subclass `BusContract`, give it a ``bus`` fixture, and it is proven.

Every test reads and writes topics of its own run under a group of its own name, so that a real, shared server can be
tested too. Where ``several_members`` is false a group has one member at a time, as with the SQLite bus.
"""

from __future__ import annotations

import time
import uuid

import pytest

from journalclip_shared.bus import Bus, Consumer, Delivery, Record, dead_letter_topic
from journalclip_shared.events import ArticleSubmitted, PairsStructured, decode
from journalclip_shared.names import FORMER_GROUPS
from journalclip_shared.testing.facts import events, sample_ref, submitted

TOPIC = ArticleSubmitted.topic
_PATIENCE_S = 180.0  # only a failure waits so long; a real broker on a busy machine needs seconds for a join


def receive(consumer: Consumer, count: int, timeout_s: float = _PATIENCE_S) -> list[Delivery]:
    """Poll until ``count`` deliveries came (then once more, so that too many are seen) or the time is up."""
    found: list[Delivery] = []
    deadline = time.monotonic() + timeout_s
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.poll(0.2, 100)
    return found + consumer.poll(0.0, 100)


def names(deliveries: list[Delivery]) -> list[str]:
    """The display names of delivered submissions: the tests' way to tell events apart."""
    facts = [decode(each.headers, each.body).fact for each in deliveries]
    return [fact.name for fact in facts if isinstance(fact, ArticleSubmitted)]


class BusContract:
    """What every bus must do. The ``bus`` fixture gives one whose topics are empty, or hold foreign events only."""

    several_members = True

    @pytest.fixture
    def bus(self) -> Bus:
        raise NotImplementedError("a subclass says which bus is tested")

    @pytest.fixture
    def group(self) -> str:
        return f"g-{uuid.uuid4().hex[:12]}"

    def test_what_is_published_arrives_decodable_and_once(self, bus: Bus, group: str) -> None:
        bus.publish(events(10))
        consumer = bus.consumer([TOPIC], group)
        found = receive(consumer, 10)
        assert sorted(names(found)) == sorted(f"issue-{n}.pdf" for n in range(10))
        assert {each.key for each in found} == {submitted(n).key for n in range(10)}
        consumer.close()

    def test_events_of_one_key_keep_their_order(self, bus: Bus, group: str) -> None:
        same = [Record(TOPIC, f"key-{n % 3}", (("n", str(n).encode()),), b"{}") for n in range(60)]
        bus.publish_raw(same)
        consumer = bus.consumer([TOPIC], group)
        lanes: dict[str, list[int]] = {}
        for each in receive(consumer, 60):
            lanes.setdefault(each.key, []).append(int(dict(each.headers)["n"]))
        assert lanes == {f"key-{k}": list(range(k, 60, 3)) for k in range(3)}
        consumer.close()

    def test_a_topic_is_read_on_from_where_it_was_read_last(self, bus: Bus) -> None:
        bus.publish(events(6))
        before = list(bus.read(TOPIC))
        places: dict[int, int] = {}
        for each in before:
            places[each.partition] = max(places.get(each.partition, 0), each.offset + 1)
        assert list(bus.read(TOPIC, places)) == []
        bus.publish(events(9))
        new = list(bus.read(TOPIC, places))
        assert new
        assert {(each.partition, each.offset) for each in [*before, *new]} == {
            (each.partition, each.offset) for each in bus.read(TOPIC)
        }
        assert not {(each.partition, each.offset) for each in before} & {(each.partition, each.offset) for each in new}

    def test_uncommitted_deliveries_come_again_and_committed_ones_do_not(self, bus: Bus, group: str) -> None:
        bus.publish(events(12))
        first = bus.consumer([TOPIC], group)
        found = receive(first, 12)
        kept = [each for each in found if each.partition == found[0].partition]
        done = kept[: len(kept) // 2 + 1]
        first.commit(done)
        first.close()
        second = bus.consumer([TOPIC], group)
        again = receive(second, 12 - len(done))
        assert {each.key for each in again} == {each.key for each in found} - {each.key for each in done}
        second.close()

    def test_committing_the_last_delivery_commits_all_before_it_in_its_partition(self, bus: Bus, group: str) -> None:
        bus.publish_raw([Record(TOPIC, "one", (), str(n).encode()) for n in range(5)])
        first = bus.consumer([TOPIC], group)
        first.commit(receive(first, 5)[3:4])
        first.close()
        second = bus.consumer([TOPIC], group)
        assert [each.body for each in receive(second, 1)] == [b"4"]
        second.close()

    def test_commits_never_move_backwards(self, bus: Bus, group: str) -> None:
        bus.publish_raw([Record(TOPIC, "one", (), str(n).encode()) for n in range(5)])
        first = bus.consumer([TOPIC], group)
        found = receive(first, 5)
        first.commit(found[4:])
        first.commit(found[:1])
        assert first.lag() == 0
        first.close()

    def test_a_renamed_group_begins_where_the_old_one_stopped(
        self, bus: Bus, group: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(FORMER_GROUPS, f"{group}-articles", group)
        bus.publish(events(4))
        old = bus.consumer([TOPIC], group)
        first = receive(old, 4)
        old.commit(first)
        old.close()
        bus.publish(events(3, start=4))
        new = bus.consumer([TOPIC], f"{group}-articles")
        found = receive(new, 3)
        assert sorted(names(found)) == [f"issue-{n}.pdf" for n in (4, 5, 6)]
        new.commit(found)
        new.close()
        again = bus.consumer([TOPIC], f"{group}-articles")
        assert receive(again, 1, timeout_s=1.0) == [], "its own place counts from then on"
        again.close()

    def test_groups_do_not_disturb_each_other(self, bus: Bus, group: str) -> None:
        bus.publish(events(4))
        one, other = bus.consumer([TOPIC], group), bus.consumer([TOPIC], f"{group}-b")
        one.commit(receive(one, 4))
        assert len(receive(other, 4)) == 4
        one.close()
        other.close()

    def test_a_consumer_of_two_topics_gets_both(self, bus: Bus, group: str) -> None:
        pairs = PairsStructured(article_id="art", document=sample_ref(), pairs=1)
        bus.publish([*events(3), type(events(1)[0])(pairs, "test")])
        consumer = bus.consumer([TOPIC, PairsStructured.topic], group)
        assert sorted(each.topic for each in receive(consumer, 4)) == [TOPIC] * 3 + [PairsStructured.topic]
        consumer.close()

    def test_poll_honours_its_limit_and_returns_empty_when_there_is_nothing(self, bus: Bus, group: str) -> None:
        bus.publish(events(9))
        consumer = bus.consumer([TOPIC], group)
        sizes: list[int] = []
        deadline = time.monotonic() + _PATIENCE_S
        while sum(sizes) < 9 and time.monotonic() < deadline:
            sizes.append(len(consumer.poll(0.2, 4)))
        assert sum(sizes) == 9
        assert max(sizes) <= 4
        assert consumer.poll(0.0, 4) == []
        consumer.close()

    def test_a_heartbeat_fetches_nothing_and_loses_nothing(self, bus: Bus, group: str) -> None:
        bus.publish(events(6))
        consumer = bus.consumer([TOPIC], group)
        found = consumer.poll(_PATIENCE_S, 2)
        for _ in range(3):
            consumer.heartbeat()
        assert len(found) + len(receive(consumer, 6 - len(found))) == 6
        consumer.close()

    def test_poison_is_delivered_as_it_came(self, bus: Bus, group: str) -> None:
        headers = (("ce_type", b"\xff\x00"), ("twice", b"1"), ("twice", b"2"), ("empty", b""))
        poison = Record(dead_letter_topic(TOPIC), "", headers, b"\x00\xff{not json")
        bus.publish_raw([poison])
        consumer = bus.consumer([dead_letter_topic(TOPIC)], group)
        (found,) = receive(consumer, 1)
        assert (found.key, found.headers, found.body) == (poison.key, poison.headers, poison.body)
        consumer.close()

    def test_lag_counts_what_is_not_committed(self, bus: Bus, group: str) -> None:
        bus.publish(events(7))
        consumer = bus.consumer([TOPIC], group)
        found = receive(consumer, 7)
        assert consumer.lag() == 7
        consumer.commit(found)
        assert consumer.lag() == 0
        consumer.close()

    def test_a_bus_that_is_opened_again_goes_on(self, bus: Bus, group: str) -> None:
        first, second = events(2)
        bus.publish([first])
        bus.reopen()
        bus.reopen()  # nothing is open now, and that is no error
        bus.publish([second])
        ids = {decode(each.headers, each.body).id for each in bus.read(first.topic)}
        assert {first.id, second.id} <= ids

    def test_publishing_nothing_is_nothing(self, bus: Bus, group: str) -> None:
        bus.publish([])
        bus.publish_raw([])
        consumer = bus.consumer([TOPIC], group)
        consumer.commit([])
        assert consumer.poll(0.0, 1) == []
        consumer.close()

    def test_members_of_a_group_share_the_work_and_a_leaver_hands_over(self, bus: Bus, group: str) -> None:
        if not self.several_members:
            pytest.skip("a group of this bus has one member at a time")
        bus.publish(events(30))
        one, two = bus.consumer([TOPIC], group), bus.consumer([TOPIC], group)
        seen: dict[str, set[str]] = {"one": set(), "two": set()}
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and (len(seen["one"] | seen["two"]) < 30 or not all(seen.values())):
            for name, consumer in (("one", one), ("two", two)):
                found = consumer.poll(0.2, 5)
                seen[name] |= {each.key for each in found}
                if name == "two":
                    consumer.commit(found)
        assert len(seen["one"] | seen["two"]) == 30
        assert all(seen.values())
        one.close()  # it committed nothing: all it had comes to the other
        received = {each.key for each in receive(two, len(seen["one"] - seen["two"]))}
        assert received >= seen["one"] - seen["two"]
        two.close()
