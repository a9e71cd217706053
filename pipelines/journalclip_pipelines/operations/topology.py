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
    SourceQuarantined,
    StudyStructured,
    StudySubmitted,
    VolumesExtracted,
)
from journalclip_shared.names import NOTIFICATIONS

# As many as members that could ever share a group's work; more cost memory, and a key's partition must never change.
PARTITIONS = 12
FOREVER = "-1"  # the log is the record of what happened; facts are small
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
    extra_topics: tuple[str, ...] = ()  # read, beside those of facts
    shares_work: bool = True  # one group; without, each process has a group of its own that begins with this name

    @property
    def topics_read(self) -> list[str]:
        return [*(fact.topic for fact in self.consumes), *self.extra_topics]

    @property
    def buckets_written(self) -> tuple[Bucket, ...]:
        """`writes`, and where the body of a dead letter goes that is too large for the log."""
        buries = bool(self.topics_read) and self.shares_work
        return (*self.writes, "quarantine") if buries else self.writes

    @property
    def topics_written(self) -> list[str]:
        letters = [dead_letter_topic(topic) for topic in self.topics_read if self.shares_work]
        quarantine = [SourceQuarantined.topic] if letters else []
        return [*(fact.topic for fact in self.produces), *letters, *quarantine]


SERVICES = (
    Service(
        "intake",
        produces=(ArticleSubmitted, DeliverySubmitted),
        reads=("articles",),
        writes=("articles",),
        extra_topics=(NOTIFICATIONS,),
    ),
    Service(
        "extraction",
        consumes=(ArticleSubmitted, DeliverySubmitted),
        produces=(FiguresExtracted,),
        reads=("articles", "figures"),
        writes=("figures",),
    ),
    Service(
        "structuring",
        consumes=(FiguresExtracted,),
        produces=(PairsStructured,),
        reads=("figures",),
        writes=("figures",),
    ),
    Service(
        "freezing",
        consumes=(PairsStructured,),
        produces=(DatasetFrozen,),
        reads=("figures", "datasets"),
        writes=("datasets",),
    ),
    Service(
        "training",
        consumes=(DatasetFrozen,),
        produces=(ModelTrained,),
        reads=("datasets", "models"),
        writes=("models",),
    ),
    Service(
        "promotion",
        consumes=(ModelTrained, ModelPromoted),
        produces=(ModelPromoted,),
        reads=("datasets", "models"),
        writes=("models",),
    ),
    Service(
        "inference-index",
        consumes=(ModelPromoted,),
        reads=("figures", "datasets", "models"),
        writes=("models",),
    ),
    Service(
        "inference-segments",
        consumes=(PairsStructured,),
        reads=("figures", "datasets", "models"),
        writes=("models",),
    ),
    Service(
        "inference-serve",
        consumes=(ModelPromoted, PairsStructured),
        produces=(ReviewDecided,),
        reads=("articles", "figures", "datasets", "models"),
        writes=("datasets", "figures"),
        shares_work=False,
    ),
)
# Services of studies, started where a hospital's archive is: none reads an article, none of those above reads a study.
STUDY_SERVICES = (
    Service("study-intake", produces=(StudySubmitted, SourceQuarantined), reads=("studies",), writes=("studies",)),
    Service(
        "extraction-studies",
        consumes=(StudySubmitted,),
        produces=(VolumesExtracted,),
        reads=("studies",),
        writes=("studies",),
    ),
    Service(
        "structuring-studies",
        consumes=(VolumesExtracted,),
        produces=(StudyStructured,),
        reads=("studies",),
        writes=("studies",),
    ),
    Service(
        "training-studies",
        consumes=(DatasetFrozen,),
        produces=(ModelTrained,),
        reads=("datasets", "models"),
        writes=("models",),
    ),
    Service(
        "promotion-studies",
        consumes=(ModelTrained, ModelPromoted),
        produces=(ModelPromoted,),
        reads=("datasets", "models"),
        writes=("models",),
    ),
    Service(
        "inference-index-studies",
        consumes=(ModelPromoted,),
        reads=("datasets", "models", "studies"),
        writes=("models",),
    ),
)
# Not a service of ours: the object store tells Kafka of dropped files under this name.
OBJECT_STORE = "object-store"


def topics() -> list[Topic]:
    """Every topic, dead letters and the notifications included."""
    facts = [Topic(topic, PARTITIONS, FOREVER) for topic in FACTS]
    letters = [Topic(dead_letter_topic(topic), 1, DLQ_RETENTION_MS) for topic in (*FACTS, NOTIFICATIONS)]
    return [*facts, *letters, Topic(NOTIFICATIONS, 1, DLQ_RETENTION_MS)]
