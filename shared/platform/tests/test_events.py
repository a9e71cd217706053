"""What goes onto the wire comes back, agrees with the CloudEvents SDK, and nothing else is let in."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from journalclip_shared.events import (
    FACTS,
    MAX_PAYLOAD,
    ArticleSubmitted,
    DatasetFrozen,
    Event,
    Fact,
    SourceQuarantined,
    TrainingRequested,
    UndecodableEvent,
    decode,
    encode,
)
from journalclip_shared.testing.facts import facts, sample_ref, submitted

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.json"))
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_sources = st.text(st.characters(codec="ascii", categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=20)
_times = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))


@given(fact=facts, source=_sources, time=_times, trace=st.sampled_from([None, TRACE]))
def test_an_event_survives_the_wire_and_the_sdk_reads_it(fact: Fact, source: str, time: datetime, trace: str) -> None:
    event = Event(fact, source, time, trace)
    headers, body = encode(event)
    again = decode(headers, body)
    assert again == event
    assert (again.id, again.key, again.topic) == (event.id, event.key, event.topic)
    theirs = from_binary_event(KafkaMessage(headers=dict(headers), key=None, value=body))
    assert theirs.get_id() == event.id
    assert (theirs.get_type(), theirs.get_source(), theirs.get_subject()) == (event.topic, source, event.key)
    assert theirs.get_time() == time
    assert theirs.get_data() == json.loads(body)
    assert theirs.get_extension("traceparent") == trace


@given(st.lists(st.tuples(st.text(max_size=12), st.binary(max_size=30)), max_size=8), st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused_with_a_code(headers: list[tuple[str, bytes]], body: bytes) -> None:
    with pytest.raises(UndecodableEvent) as refused:
        decode(tuple(headers), body)
    assert refused.value.code == "event-undecodable"


@given(fact=facts, place=st.integers(0, 7), junk=st.binary(max_size=20))
def test_damaged_headers_never_crash_the_reader(fact: Fact, place: int, junk: bytes) -> None:
    headers, body = encode(Event(fact, "test"))
    damaged = list(headers)
    damaged[place % len(damaged)] = (damaged[place % len(damaged)][0], junk)
    with suppress(UndecodableEvent):
        assert decode(tuple(damaged), body).fact == fact


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ce_type": None}, "no header 'ce_type'"),
        ({"ce_type": b"articles.submitted.v9"}, "unknown event type"),
        ({"ce_specversion": b"0.3"}, "not a CloudEvent 1.0"),
        ({"ce_id": b""}, "not a CloudEvent 1.0"),
        ({"ce_source": b""}, "not a CloudEvent 1.0"),
        ({"ce_time": b"2026-01-01T00:00:00"}, "time zone"),
        ({"ce_time": b"yesterday"}, "yesterday"),
        ({"ce_type": b"\xff"}, "codec can't decode"),
    ],
)
def test_what_is_not_our_event_says_why(change: dict[str, bytes | None], reason: str) -> None:
    headers, body = encode(Event(submitted(1), "test"))
    changed = {**dict(headers), **change}
    with pytest.raises(UndecodableEvent, match=reason):
        decode(tuple((name, value) for name, value in changed.items() if value is not None), body)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'{"article_id": 5}', b"[" * 100_000, b"\xff"])
def test_a_body_that_does_not_fit_is_refused(body: bytes) -> None:
    headers, _ = encode(Event(submitted(1), "test"))
    with pytest.raises(UndecodableEvent, match="does not fit its schema"):
        decode(headers, body)


def test_an_event_without_a_time_is_read() -> None:
    headers, body = encode(Event(submitted(1), "test"))
    timeless = tuple(each for each in headers if each[0] != "ce_time")
    assert decode(timeless, body).time == datetime.fromtimestamp(0, UTC)


def test_a_newer_producer_may_say_more() -> None:
    headers, body = encode(Event(submitted(1), "test"))
    more = json.dumps({**json.loads(body), "added_later": 1}).encode()
    assert decode(headers, more).fact == submitted(1)


def test_a_fact_is_references_and_never_content() -> None:
    class Fat(ArticleSubmitted):
        content: str = ""

    fat = Fat(article_id="a", pdf=sample_ref(), name="n", content="x" * MAX_PAYLOAD)
    with pytest.raises(ValueError, match="references, not content"):
        encode(Event(fat, "test"))


def test_the_same_fact_said_twice_is_one_event() -> None:
    assert Event(submitted(1), "a").id == Event(submitted(1), "b", traceparent=TRACE).id != Event(submitted(2), "a").id


def test_a_kind_has_no_default_but_where_old_records_are_read() -> None:
    with pytest.raises(ValidationError, match="kind"):
        DatasetFrozen(dataset_id="ds_1", manifest=sample_ref(), pairs=3)  # type: ignore[call-arg]
    stored = {"dataset_id": "ds_1", "manifest": sample_ref().model_dump(), "pairs": 3}
    for said in ({}, {"kind": "figures"}, {"kind": "articles"}):
        assert DatasetFrozen.model_validate_json(json.dumps({**stored, **said})).kind == "articles"
    with pytest.raises(ValidationError, match="kind"):
        DatasetFrozen.model_validate(stored)
    with pytest.raises(ValidationError, match="kind"):
        DatasetFrozen.model_validate_json(json.dumps({**stored, "kind": "sounds"}))


def test_articles_are_written_as_they_always_were_and_studies_by_name() -> None:
    articles = DatasetFrozen(dataset_id="ds_1", manifest=sample_ref(), pairs=3, kind="articles")
    studies = articles.model_copy(update={"kind": "studies"})
    assert b"kind" not in encode(Event(articles, "a"))[1]
    assert decode(*encode(Event(articles, "a"))).fact == articles
    assert decode(*encode(Event(studies, "a"))).fact == studies


def test_a_training_is_its_dataset_recipe_and_overrides_whoever_asks() -> None:
    asked = TrainingRequested(
        dataset_id="ds_1", manifest=sample_ref(), recipe="demo", overrides=("seed=1",), asked_by="ada", kind="articles"
    )
    assert asked.key == asked.model_copy(update={"asked_by": "grace"}).key
    for change in ({"recipe": "other"}, {"overrides": ()}, {"attempt": 2}, {"dataset_id": "ds_2"}):
        assert asked.key != asked.model_copy(update=change).key


def test_a_fact_that_names_no_key_is_a_bug() -> None:
    with pytest.raises(TypeError, match="names no key"):
        _ = Fact().key


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_stored_examples_of_every_version_still_decode(path: Path) -> None:
    stored = json.loads(path.read_text())
    event = decode(tuple((name, value.encode()) for name, value in stored["headers"].items()), stored["body"].encode())
    assert (event.topic, event.key) == (stored["headers"]["ce_type"], stored["headers"]["ce_subject"])
    # An asked-for recipe is a fact of its own now; all else is said again under the id that it had.
    assert event.id == stored["headers"]["ce_id"] or '"recipe"' in stored["body"]


def test_every_topic_has_a_stored_example() -> None:
    assert {path.stem.rpartition("-")[0] for path in EXAMPLES} == set(FACTS)


def test_topics_are_past_tense_facts_with_a_version() -> None:
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+\.v[1-9]", topic) for topic in FACTS)
    assert FACTS[SourceQuarantined.topic] is SourceQuarantined
