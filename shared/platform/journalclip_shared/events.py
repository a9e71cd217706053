"""Events are past-tense facts: one frozen model each, one topic each, never bytes.

A fact names its topic (``<plural>.<verb>.v<major>``) and its key (the id of the source it is about, so that all that
concerns one article keeps its order). On the wire it travels as a CloudEvent in binary mode: attributes in ``ce_*``
headers, the fact as JSON in the body. The event's id is a digest of topic and content: the same fact said twice is the
same event, and every consumer may drop the second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import canonical_json, make_id
from journalclip_shared.kinds import OfKind
from journalclip_shared.records.withdrawal import Scope, WithdrawalReason

_NO_TIME = b"1970-01-01T00:00:00Z"  # the attribute is optional in CloudEvents; only tracing and overheads read it
MAX_FILES = 200  # of one delivery, each named with its reference; more are packed into one
MAX_PAYLOAD = 100_000  # bytes; Kafka's default message limit is 1 MB, and a fact is only references


class Fact(BaseModel):
    """Base of every event's payload."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer producer may say more
    topic: ClassVar[str]

    @property
    def key(self) -> str:
        """Id of the source this fact is about."""
        raise TypeError(f"{type(self).__name__} names no key")


class ArticleSubmitted(Fact):
    """A PDF arrived and is stored; nothing has looked inside yet."""

    topic: ClassVar[str] = "articles.submitted.v1"
    article_id: str
    pdf: ArtifactRef
    name: str = Field(max_length=500, description="The file's name as it came, for display only; never a path.")
    receipt: str = Field(
        "",
        max_length=200,
        description="Of the inbox's object, where it came from there.",
        exclude_if=lambda receipt: not receipt,
    )

    @property
    def key(self) -> str:
        return self.article_id


class SubmittedFile(BaseModel):
    """A file of a delivery; ``name`` is its path in it, for display and for reading its siblings' references."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    name: str = Field(max_length=500)
    ref: ArtifactRef


class DeliverySubmitted(Fact):
    """Files arrived together and are stored; nothing has looked inside yet. They may hold several articles."""

    topic: ClassVar[str] = "articles.submitted.v2"
    delivery_id: str
    files: tuple[SubmittedFile, ...] = Field(min_length=1, max_length=MAX_FILES)
    name: str = Field(max_length=500, description="The delivery's name as it came, for display only; never a path.")
    receipt: str = Field(
        "",
        max_length=200,
        description="Of the inbox's object, where it came from there.",
        exclude_if=lambda receipt: not receipt,
    )

    @property
    def key(self) -> str:
        return self.delivery_id


Submitted: TypeAlias = ArticleSubmitted | DeliverySubmitted
SUBMITTED: tuple[type[Fact], ...] = (ArticleSubmitted, DeliverySubmitted)


class StudySubmitted(Fact):
    """A head-MRI study (and perhaps its report) is stored, de-identified; ``study`` is a `SubmittedStudy`."""

    topic: ClassVar[str] = "studies.submitted.v1"
    study_id: str
    study: ArtifactRef
    name: str = Field(max_length=500, description="What it holds, in our words; a file's name may name a person.")

    @property
    def key(self) -> str:
        return self.study_id


class FiguresExtracted(Fact):
    """An article's (or a study's) images and texts are stored; ``document`` is an `ExtractedArticle`."""

    topic: ClassVar[str] = "figures.extracted.v1"
    article_id: str
    document: ArtifactRef
    figures: int = Field(ge=0)
    panels: int = Field(ge=0)
    delivery_id: str = Field("", description="What the article came in.", exclude_if=lambda delivery: not delivery)

    @property
    def source(self) -> str:
        """Id of the submission: the delivery's; before there were deliveries, the article's own."""
        return self.delivery_id or self.article_id

    @property
    def key(self) -> str:
        return self.article_id


class VolumesExtracted(Fact):
    """A study's volumes are stored on one grid; ``document`` is an `ExtractedStudy`."""

    topic: ClassVar[str] = "volumes.extracted.v1"
    study_id: str
    document: ArtifactRef
    volumes: int = Field(ge=0)

    @property
    def key(self) -> str:
        return self.study_id


class StudyStructured(Fact):
    """A study's sequences stand beside what its report says of each; ``document`` is a `StructuredStudy`."""

    topic: ClassVar[str] = "studies.structured.v1"
    study_id: str
    document: ArtifactRef
    pairs: int = Field(ge=0)

    @property
    def key(self) -> str:
        return self.study_id


class PairsStructured(Fact):
    """An article's image-text pairs are stored with their records; ``document`` is a `StructuredArticle`."""

    topic: ClassVar[str] = "pairs.structured.v1"
    article_id: str
    document: ArtifactRef
    pairs: int = Field(ge=0)

    @property
    def key(self) -> str:
        return self.article_id


class DatasetFrozen(OfKind, Fact):
    """A dataset version exists and will never change; ``manifest`` is a `DatasetManifest`.

    It asks for nothing: who wants a model of it says so with `TrainingRequested`.
    """

    topic: ClassVar[str] = "datasets.frozen.v1"
    dataset_id: str
    manifest: ArtifactRef
    pairs: int = Field(ge=0)

    @property
    def key(self) -> str:
        return self.dataset_id


class TrainingRequested(OfKind, Fact):
    """Somebody asks for a model: this recipe, with these changes, on this dataset."""

    topic: ClassVar[str] = "trainings.requested.v1"
    dataset_id: str
    manifest: ArtifactRef = Field(description="The dataset's manifest.")
    recipe: str = Field(max_length=100)
    overrides: tuple[str, ...] = Field((), max_length=100, description="`key=value` over the recipe.")
    asked_by: str = Field(max_length=200)
    attempt: int = Field(1, ge=1, description="Counts requests for the same training; a new one follows a failure.")

    @property
    def training(self) -> tuple[str, str, tuple[str, ...]]:
        """What is trained, whoever asks: dataset, recipe, overrides."""
        return self.dataset_id, self.recipe, self.overrides

    @property
    def request_id(self) -> str:
        return make_id("req", self.dataset_id, self.recipe, *self.overrides, str(self.attempt))

    @property
    def key(self) -> str:
        return self.request_id


class ModelTrained(OfKind, Fact):
    """A candidate model is registered; ``manifest`` is a `ModelManifest`."""

    topic: ClassVar[str] = "models.trained.v1"
    model_id: str
    dataset_id: str
    manifest: ArtifactRef
    version: str = Field(description="The registry's version number of the candidate.")

    @property
    def key(self) -> str:
        return self.model_id


class ModelPromoted(OfKind, Fact):
    """The champion changed, by promotion or by rollback."""

    topic: ClassVar[str] = "models.promoted.v1"
    model_id: str
    dataset_id: str
    manifest: ArtifactRef
    version: str
    previous_version: str | None = None
    change: Literal["promotion", "rollback"] = "promotion"
    sequence: int = Field(default=0, ge=0, description="Counts changes of champion, so that each one is a new fact.")

    @property
    def key(self) -> str:
        return self.model_id


class SourceQuarantined(Fact):
    """A source cannot be used; the reason is for a person, the code is stable."""

    topic: ClassVar[str] = "sources.quarantined.v1"
    source_id: str
    name: str = ""
    stage: str
    code: str
    reason: str = Field(max_length=4000)
    remedy: str = Field(default="", max_length=1000)

    @property
    def key(self) -> str:
        return self.source_id


class _WithdrawalFact(Fact):
    """What both facts about a subject's use say; ``document`` is a `Withdrawal`."""

    scope: Scope
    subject: str = Field(max_length=300)
    sequence: int = Field(ge=1, description="Counts the words on this subject; the highest holds.")
    document: ArtifactRef

    @property
    def key(self) -> str:
        return self.subject


class SourcesWithdrawn(_WithdrawalFact):
    """A person withdrew an article, figure, pair, study, patient or collection."""

    topic: ClassVar[str] = "sources.withdrawn.v1"
    reason: WithdrawalReason


class SourcesReinstated(_WithdrawalFact):
    """A person allowed again what was withdrawn."""

    topic: ClassVar[str] = "sources.reinstated.v1"


class ReviewDecided(Fact):
    """A reviewer decided about a pair, or took a decision back; ``document`` is a `ReviewDecision`."""

    topic: ClassVar[str] = "reviews.decided.v1"
    decision_id: str
    pair_id: str
    article_id: str
    choice: Literal["accept", "reject", "edit", "undo"]
    reviewer: str = Field(max_length=100)
    document: ArtifactRef

    @property
    def key(self) -> str:
        return self.article_id


class ReviewRemarked(Fact):
    """A person noted, reported, disputed or settled something about a pair; ``document`` is a `ReviewRemark`."""

    topic: ClassVar[str] = "reviews.remarked.v1"
    remark_id: str
    pair_id: str
    article_id: str
    purpose: Literal["note", "report", "dispute", "settlement"]
    author: str = Field(max_length=100)
    document: ArtifactRef

    @property
    def key(self) -> str:
        return self.article_id


class ReviewsAssigned(Fact):
    """A steward shared out pairs among reviewers, or ended a share-out; ``document`` is a `ReviewAssignment`."""

    topic: ClassVar[str] = "reviews.assigned.v1"
    assignment_id: str
    pairs: int = Field(ge=0)
    by: str = Field(max_length=100)
    document: ArtifactRef

    @property
    def key(self) -> str:
        return self.assignment_id


FACTS: dict[str, type[Fact]] = {
    fact.topic: fact
    for fact in (
        ArticleSubmitted,
        DeliverySubmitted,
        StudySubmitted,
        VolumesExtracted,
        StudyStructured,
        FiguresExtracted,
        PairsStructured,
        DatasetFrozen,
        TrainingRequested,
        ModelTrained,
        ModelPromoted,
        SourceQuarantined,
        SourcesWithdrawn,
        SourcesReinstated,
        ReviewDecided,
        ReviewRemarked,
        ReviewsAssigned,
    )
}


class UndecodableEvent(PermanentError):
    """The record is not one of our events; it goes to the dead letters as it came."""

    def __init__(self, reason: str) -> None:
        super().__init__("event-undecodable", reason, "Look at the record in the dead-letter topic.")


@dataclass(frozen=True)
class Event:
    """A fact with its envelope."""

    fact: Fact
    source: str
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    traceparent: str | None = None
    replays: int = 0  # how often a person had it replayed from the dead letters; a mere redelivery counts nothing

    @property
    def id(self) -> str:
        return _event_id(self.topic, _body(self.fact))

    @property
    def topic(self) -> str:
        return self.fact.topic

    @property
    def key(self) -> str:
        return self.fact.key


Headers = tuple[tuple[str, bytes], ...]
REPLAYS = "replays"  # header of a record that `replay-dlq` published again: for which time


def encode(event: Event) -> tuple[Headers, bytes]:
    """The CloudEvents 1.0 binary form for Kafka. Raises ValueError above `MAX_PAYLOAD`: a fact that big is a bug.

    Written out rather than left to the CloudEvents SDK, which parses and prints the body again and costs more than all
    else that the loop does for an event; the tests hold both to the same bytes.
    """
    body = _body(event.fact)
    if len(body) > MAX_PAYLOAD:
        raise ValueError(f"{event.topic} payload of {len(body)} bytes; facts carry references, not content")
    attributes = {
        "ce_id": _event_id(event.topic, body),
        "ce_source": event.source,
        "ce_specversion": "1.0",
        "ce_subject": event.key,
        "ce_time": event.time.isoformat().replace("+00:00", "Z"),
        "ce_traceparent": event.traceparent,
        "ce_type": event.topic,
        "content-type": "application/json",
    }
    return tuple((name, value.encode()) for name, value in attributes.items() if value), body


def decode(headers: Headers, body: bytes) -> Event:
    """Inverse of `encode`. Raises `UndecodableEvent` for anything that is not one of our facts."""
    attributes = {name.lower(): value for name, value in headers}
    try:
        topic = attributes["ce_type"].decode()
        source = attributes["ce_source"].decode()
        version, event_id = attributes["ce_specversion"], attributes["ce_id"]
        trace = attributes.get("ce_traceparent", b"").decode("ascii")
        time = datetime.fromisoformat(attributes.get("ce_time", _NO_TIME).decode("ascii"))
        replays = int(attributes.get(REPLAYS, b"0"))
    except KeyError as error:
        raise UndecodableEvent(f"not a CloudEvent: no header {error}") from error
    except ValueError as error:
        raise UndecodableEvent(f"not a CloudEvent: {error}") from error
    if version != b"1.0" or not event_id or not source or time.tzinfo is None:
        raise UndecodableEvent("not a CloudEvent 1.0: version, id, source or time zone is missing or wrong")
    fact_type = FACTS.get(topic)
    if fact_type is None:
        raise UndecodableEvent(f"unknown event type {topic[:200]!r}")
    try:
        fact = fact_type.model_validate_json(body, extra="ignore")  # also within: references
    except ValidationError as error:
        raise UndecodableEvent(f"payload does not fit its schema: {error.error_count()} errors") from error
    return Event(fact, source, time, trace or None, replays)


def _body(fact: Fact) -> bytes:
    return canonical_json(fact.model_dump(mode="json"))


def _event_id(topic: str, body: bytes) -> str:
    return make_id("evt", topic, body.decode())
