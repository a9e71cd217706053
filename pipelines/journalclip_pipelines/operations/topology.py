"""What stands on a cluster, declared in one place: topics, buckets, and who may do what with them.

`bootstrap` makes it so, the chart renders it, and the tests hold the services to it. A service may read the topics it
consumes, write the ones it produces, bury what it consumes, say what it quarantined, and touch only its buckets.
"""

from __future__ import annotations

from dataclasses import dataclass

from journalclip_shared.artifacts import Bucket
from journalclip_shared.bus import dead_letter_topic
from journalclip_shared.events import (
    FACTS,
    ArticleSubmitted,
    DatasetFrozen,
    DeliverySubmitted,
    Fact,
    FiguresExtracted,
    ModelPromoted,
    ModelTrained,
    PairsStructured,
    ReviewDecided,
    ReviewRemarked,
    ReviewsAssigned,
    SourceQuarantined,
    StudyStructured,
    StudySubmitted,
    TrainingRequested,
    VolumesExtracted,
)
from journalclip_shared.names import FORMER_GROUPS, NOTIFICATIONS, group

# As many as members that could ever share a group's work; more cost memory, and a key's partition must never change.
PARTITIONS = 12
FOREVER = "-1"  # the log is the record of what happened; facts are small
# A group that is scaled to zero keeps its place, else it would read all history again when it is needed. The broker's
# own setting, since Kafka has none by group; as long as it takes.
OFFSETS_RETENTION = ("offsets.retention.minutes", "2147483647")
DLQ_RETENTION_MS = str(90 * 24 * 3600 * 1000)


@dataclass(frozen=True)
class Topic:
    """One topic and its configuration."""

    name: str
    partitions: int
    retention_ms: str

    @property
    def config(self) -> dict[str, str]:
        return {"retention.ms": self.retention_ms, "cleanup.policy": "delete"}


@dataclass(frozen=True)
class Service:
    """What one service may do."""

    group: str
    consumes: tuple[type[Fact], ...] = ()
    produces: tuple[type[Fact], ...] = ()
    reads: tuple[Bucket, ...] = ()
    writes: tuple[Bucket, ...] = ()
    erases: tuple[Bucket, ...] = ()
    extra_topics: tuple[str, ...] = ()  # read, beside those of facts
    history: tuple[type[Fact], ...] = ()  # topics read as a history, outside the group
    shares_work: bool = True  # one group; without, each process has a group of its own that begins with this name

    @property
    def former_group(self) -> str | None:
        """The group's name in the last release, whose places in the log it begins at."""
        return FORMER_GROUPS.get(self.group)

    @property
    def topics_consumed(self) -> list[str]:
        return [*(fact.topic for fact in self.consumes), *self.extra_topics]

    @property
    def topics_read(self) -> list[str]:
        return [*self.topics_consumed, *(fact.topic for fact in self.history)]

    @property
    def buckets_written(self) -> tuple[Bucket, ...]:
        """`writes`, and where the body of a dead letter goes that is too large for the log."""
        buries = bool(self.topics_consumed) and self.shares_work
        return (*self.writes, "quarantine") if buries else self.writes

    @property
    def topics_written(self) -> list[str]:
        letters = [dead_letter_topic(topic) for topic in self.topics_consumed if self.shares_work]
        quarantine = [SourceQuarantined.topic] if letters else []
        return [*(fact.topic for fact in self.produces), *letters, *quarantine]


def of_articles(step: str) -> str:
    return group(step, "articles")


def of_studies(step: str) -> str:
    return group(step, "studies")


# A step is deployed once for each kind, with a login of its own: neither kind's reads the other's sources.
SERVICES = (
    Service(
        "intake",
        produces=(ArticleSubmitted, DeliverySubmitted),
        reads=("articles",),
        writes=("articles",),
        extra_topics=(NOTIFICATIONS,),
    ),
    Service(
        of_articles("extraction"),
        consumes=(ArticleSubmitted, DeliverySubmitted),
        produces=(FiguresExtracted,),
        reads=("articles", "figures"),
        writes=("figures",),
    ),
    Service(
        of_articles("structuring"),
        consumes=(FiguresExtracted,),
        produces=(PairsStructured,),
        reads=("figures",),
        writes=("figures",),
    ),
    Service(
        of_articles("freezing"),
        consumes=(PairsStructured,),
        produces=(DatasetFrozen,),
        reads=("figures", "datasets"),
        writes=("datasets",),
    ),
    Service(
        of_articles("training"),
        consumes=(DatasetFrozen, TrainingRequested),
        produces=(TrainingRequested, ModelTrained),
        reads=("datasets", "models"),
        writes=("models",),
    ),
    Service(
        of_articles("promotion"),
        consumes=(ModelTrained, ModelPromoted),
        produces=(ModelPromoted,),
        reads=("datasets", "models"),
        writes=("models",),
    ),
    Service(
        of_articles("inference-index"),
        consumes=(ModelPromoted,),
        history=(PairsStructured,),
        reads=("figures", "datasets", "models"),
        writes=("models",),
    ),
    Service(
        of_articles("inference-segments"),
        consumes=(PairsStructured,),
        reads=("figures", "datasets", "models"),
        writes=("models",),
    ),
    Service(
        "inference-serve",
        consumes=(ModelPromoted, PairsStructured),
        produces=(ReviewDecided, ReviewRemarked, ReviewsAssigned),
        reads=("articles", "figures", "datasets", "models", "quarantine"),  # withdrawals lie in the last
        writes=("datasets", "figures"),
        shares_work=False,
    ),
    Service(
        "study-intake",
        produces=(StudySubmitted, SourceQuarantined),
        reads=("studies", "quarantine"),
        writes=("studies", "reports", "vault"),
    ),
    Service(
        of_studies("extraction"),
        consumes=(StudySubmitted,),
        produces=(VolumesExtracted,),
        reads=("studies",),
        writes=("studies",),
    ),
    Service(
        of_studies("structuring"),
        consumes=(VolumesExtracted,),
        produces=(StudyStructured,),
        reads=("studies", "reports", "vault"),
        writes=("studies",),
        erases=("reports",),
    ),
    Service(
        of_studies("freezing"),
        consumes=(StudyStructured,),
        produces=(DatasetFrozen,),
        reads=("studies", "datasets"),
        writes=("datasets",),
    ),
    Service(
        of_studies("training"),
        consumes=(DatasetFrozen, TrainingRequested),
        produces=(TrainingRequested, ModelTrained),
        reads=("datasets", "models"),
        writes=("models",),
    ),
    Service(
        of_studies("promotion"),
        consumes=(ModelTrained, ModelPromoted),
        produces=(ModelPromoted,),
        reads=("datasets", "models"),
        writes=("models",),
    ),
    Service(
        of_studies("inference-index"),
        consumes=(ModelPromoted,),
        history=(StudyStructured,),
        reads=("studies", "datasets", "models"),
        writes=("models",),
    ),
    Service(
        of_studies("inference-segments"),
        consumes=(StudyStructured,),
        reads=("studies", "datasets", "models"),
        writes=("models",),
    ),
    # It reads the log whole and dead-letters nothing: what it cannot project it keeps in a table.
    Service(
        "catalogue",
        consumes=tuple(FACTS.values()),
        reads=("figures", "studies", "datasets", "models", "quarantine"),
        shares_work=False,
    ),
)
# Not a service of ours: the object store tells Kafka of dropped files under this name.
OBJECT_STORE = "object-store"


def topics() -> list[Topic]:
    """Every topic, dead letters and the notifications included."""
    facts = [Topic(topic, PARTITIONS, FOREVER) for topic in FACTS]
    letters = [Topic(dead_letter_topic(topic), 1, DLQ_RETENTION_MS) for topic in (*FACTS, NOTIFICATIONS)]
    return [*facts, *letters, Topic(NOTIFICATIONS, 1, DLQ_RETENTION_MS)]
