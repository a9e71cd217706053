"""The declaration fits the code: what handlers consume is what their service may read, and no one may do more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest
from kafka.admin import ACLOperation, ResourceType

from journalclip_devtools.faults.chain import LineReader
from journalclip_devtools.up import COMMANDS, STUDY_COMMANDS
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.handler import ExtractionHandler
from journalclip_extraction.studies import Normaliser, StudyHandler
from journalclip_freezing import FreezeOptions
from journalclip_freezing.handler import Freezer, FreezeRule, FreezingHandler
from journalclip_freezing.studies import StudyFreezeOptions
from journalclip_inference.handler import FigureIndexer, Indexer, IndexHandler, SegmentHandler
from journalclip_inference.studies.index import StudyIndexer
from journalclip_pipelines.operations.bootstrap import bucket_policy, service_acls
from journalclip_pipelines.operations.topology import OFFSETS_RETENTION, SERVICES, Service, topics
from journalclip_promotion.handler import PromotionHandler
from journalclip_promotion.promoter import Promoter
from journalclip_shared.bus import dead_letter_topic
from journalclip_shared.consume import Handler
from journalclip_shared.events import FACTS, SourceQuarantined
from journalclip_shared.kinds import KINDS
from journalclip_shared.names import NOTIFICATIONS, group
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryRegistry
from journalclip_structuring.handler import StructuringHandler
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.studies.handler import StudyStructuringHandler
from journalclip_training.articles.learning import ArticleTraining
from journalclip_training.handler import TrainingHandler
from journalclip_training.studies.learning import StudyTraining

STORE = MemoryArtifacts()
NOTHING = Freezer(STORE, FreezeRule(), list, FreezeOptions()), Freezer(STORE, FreezeRule(), list, StudyFreezeOptions())
INDEXERS: tuple[Indexer, ...] = (FigureIndexer(STORE, Path()), StudyIndexer(STORE, Path()))
# One of each handler, as far as its group and what it consumes.
EVERY: list[Handler] = [
    ExtractionHandler(STORE, LineReader(), ExtractOptions()),
    StudyHandler(STORE, cast(Normaliser, None)),
    StructuringHandler(STORE, RuleStructurer()),
    StudyStructuringHandler(STORE, RuleStructurer()),
    *map(FreezingHandler, NOTHING),
    TrainingHandler(STORE, MemoryRegistry(), ArticleTraining(), Path()),
    TrainingHandler(STORE, MemoryRegistry(), StudyTraining(), Path()),
    *(PromotionHandler(cast(Promoter, None), kind) for kind in KINDS),
    *(IndexHandler(STORE, indexer, dict) for indexer in INDEXERS),
    *(SegmentHandler(STORE, indexer, lambda: None) for indexer in INDEXERS),
]
HANDLERS = {each.group: each for each in EVERY}
BY_GROUP = {service.group: service for service in SERVICES}


@pytest.mark.parametrize("group", sorted(HANDLERS))
def test_a_service_may_read_what_its_handler_consumes_and_nothing_else(group: str) -> None:
    assert set(BY_GROUP[group].consumes) == set(HANDLERS[group].consumes)


def test_every_step_is_deployed_once_for_each_kind_under_its_name() -> None:
    steps = {"extraction", "structuring", "freezing", "training", "promotion", "inference-index", "inference-segments"}
    assert set(HANDLERS) == {group(step, kind) for step in steps for kind in KINDS}


def test_neither_kinds_login_reads_the_others_sources() -> None:
    for service in SERVICES:
        if service.group == "catalogue":  # one for both kinds: it projects the documents of either, and writes none
            assert not service.writes
            continue
        touched = {*service.reads, *service.writes}
        assert not (touched & {"articles", "figures"} and "studies" in touched), service.group
        if service.group.endswith("-studies"):
            assert not touched & {"articles", "figures"}, service.group


def test_every_declared_service_can_be_started() -> None:
    # `up` starts no catalogue: on a laptop the command that asks brings its file up to date.
    assert {*COMMANDS, *STUDY_COMMANDS, "study-intake", "catalogue"} == set(BY_GROUP)


def test_every_fact_has_its_topic_and_its_dead_letters() -> None:
    declared = {topic.name: topic for topic in topics()}
    assert set(declared) == {
        *FACTS, *map(dead_letter_topic, FACTS), NOTIFICATIONS, dead_letter_topic(NOTIFICATIONS)
    }  # fmt: skip
    assert all(declared[name].retention_ms == "-1" for name in FACTS), "the log is the record"


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.group)
def test_access_rights_are_the_least(service: Service) -> None:
    acls = service_acls(service, "p.")
    assert {acl.principal for acl in acls} == {f"User:{service.group}"}
    rights = {(acl.operation, acl.resource_pattern.resource_type, acl.resource_pattern.resource_name) for acl in acls}
    assert {name for op, kind, name in rights if (op, kind) == (ACLOperation.READ, ResourceType.TOPIC)} == {
        f"p.{topic}" for topic in service.topics_read
    }
    assert {name for op, _, name in rights if op == ACLOperation.WRITE} == {f"p.{t}" for t in service.topics_written}
    assert (ACLOperation.READ, ResourceType.GROUP, f"p.{service.group}") in rights
    written = {name for operation, _, name in rights if operation == ACLOperation.WRITE}
    assert (f"p.{SourceQuarantined.topic}" in written) == service.shares_work


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.group)
def test_a_bucket_policy_lets_a_service_delete_sealed_reports_or_nothing(service: Service) -> None:
    policy = json.loads(bucket_policy(service, "p-"))
    assert not any("*" in action for each in policy["Statement"] for action in each["Action"])
    deleted = {
        resource
        for each in policy["Statement"]
        if any("Delete" in action for action in each["Action"])
        for resource in each["Resource"]
    }
    # A sealed report goes once the study's record is stored.
    erases = service.group == group("structuring", "studies")
    assert deleted == ({"arn:aws:s3:::p-reports", "arn:aws:s3:::p-reports/*"} if erases else set())
    written = {
        resource for each in policy["Statement"] if "s3:PutObject" in each["Action"] for resource in each["Resource"]
    }
    assert written == {f"arn:aws:s3:::p-{bucket}/*" for bucket in service.buckets_written}


@pytest.mark.parametrize(
    "file", ["journalclip/templates/kafka/_bundled.tpl", "journalclip/templates/kafka/strimzi.yaml",
             "images/compose/server.properties"],
)  # fmt: skip
def test_every_broker_of_ours_keeps_the_places_of_groups_that_are_scaled_to_zero(file: str) -> None:
    name, value = OFFSETS_RETENTION
    text = (Path(__file__).parents[2] / "charts" / file).read_text()
    assert f"{name}={value}" in text or f"{name}: {value}" in text
