"""The catalogue's tables, the same on SQLite and PostgreSQL. Migrations live in the service `catalogue`.

What an event says is stored so that the order of events does not matter: a row is replaced only by one of a higher
rank, and never because an event came later. Ids are those of facts and documents.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Row, String, Table, Text

from journalclip_shared.artifacts import ArtifactRef

METADATA = MetaData()
_ID, _NAME = String(200), String(500)
UNPLACED = -1  # of a dataset whose members were not looked at yet
OPEN = 2**31 - 1  # of a span that has no end yet

# One row a submission that any fact speaks of. ``state`` is derived from the rows below in the same transaction.
SOURCE = Table(
    "source",
    METADATA,
    Column("source_id", _ID, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("name", _NAME, nullable=False, server_default=""),
    Column("received", String(40), nullable=False, server_default="", comment="time of the first submission, ISO 8601"),
    Column("state", String(40), nullable=False),
    Column("stage", String(100), nullable=False, server_default="", comment="of the quarantine, where it is in one"),
    Column("code", String(100), nullable=False, server_default=""),
    Column("items", Integer, nullable=False, server_default="0", comment="figures or volumes"),
    Column("pairs", Integer, nullable=False, server_default="0"),
    Index("source_by_state", "state", "code"),
    Index("source_by_received", "received", "source_id"),
    Index("source_by_name", "name"),
)

# Which submission a source came in: a delivery holds one article or several, an article may come in several deliveries.
PARENT = Table(
    "parent",
    METADATA,
    Column("child_id", _ID, primary_key=True, comment="the article or study"),
    Column("source_id", _ID, primary_key=True, comment="the submission"),
    Index("parent_by_source", "source_id"),
)

# One row a document that a fact referred to. ``source_id`` is the article's or study's own. The newest of a stage has
# the highest (rank, document_id).
DOCUMENT = Table(
    "document",
    METADATA,
    Column("document_id", _NAME, primary_key=True, comment="the reference's address"),
    Column("source_id", _ID, nullable=False),
    Column("stage", String(40), nullable=False),
    Column("producer", _ID, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("items", Integer, nullable=False),
    Index("document_by_source", "source_id", "stage", "rank", "document_id"),
)

# The pairs of each source's newest structured document.
PAIR = Table(
    "pair",
    METADATA,
    Column("pair_id", _ID, primary_key=True),
    Column("source_id", _ID, nullable=False),
    Column("document_id", _NAME, nullable=False),
    Column("parent_id", _ID, nullable=False, comment="the figure or series"),
    Column("part_id", _ID, nullable=False, server_default="", comment="the panel, where it is one"),
    Column("image", String(64), nullable=False, comment="SHA-256 of picture or volume"),
    Column("phash", String(16), nullable=False, server_default=""),
    Index("pair_by_source", "source_id"),
    Index("pair_by_parent", "parent_id"),
    Index("pair_by_image", "image"),
)

# The verdict of one step on one source. It falls to any document of the same stage.
QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("source_id", _ID, primary_key=True),
    Column("stage", String(100), primary_key=True, comment="the consumer group"),
    Column("step", String(40), nullable=False, comment="the group's module, as `document.stage`"),
    Column("name", _NAME, nullable=False, server_default=""),
    Column("code", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("at", String(40), nullable=False),
    Index("quarantine_by_code", "code", "source_id"),
)

# The last word on each subject that a person withdrew or reinstated: of the highest sequence.
WITHDRAWN = Table(
    "withdrawn",
    METADATA,
    Column("scope", String(40), primary_key=True),
    Column("subject", _NAME, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("action", String(40), nullable=False),
    Column("reason", String(40), nullable=False, server_default=""),
    Column("who", _ID, nullable=False),
    Column("at", String(40), nullable=False),
    Column("erase", Integer, nullable=False, server_default="0"),
    Column("document_id", _NAME, nullable=False),
    Index("withdrawn_by_subject", "subject"),
)

# What an article or study belongs to, beside its submission: a collection by its folded name, a patient.
BELONGS = Table(
    "belongs",
    METADATA,
    Column("child_id", _ID, primary_key=True),
    Column("scope", String(40), primary_key=True),
    Column("subject", _NAME, primary_key=True),
    Index("belongs_by_subject", "scope", "subject"),
)

# Every id that any document gave to a thing, and which thing that is: ``key`` within ``within``. Of an article that is
# its first page within a submission, of a figure, panel or series its number or name within the article or study, of
# a pair the figure, panel or sequence that it is of.
ALIAS = Table(
    "alias",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("within", _ID, primary_key=True),
    Column("key", _NAME, primary_key=True),
    Column("rank", Integer, primary_key=True, autoincrement=False, comment="of the document's producer"),
    Index("alias_by_key", "within", "key", "rank"),
)

# ``place`` counts the datasets of a kind in order of ``at``. It follows from the rows and is given when the projection
# has caught up (see the service's module `members`).
DATASET = Table(
    "dataset",
    METADATA,
    Column("dataset_id", _ID, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("document_id", _NAME, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("pairs", Integer, nullable=False),
    Column("at", String(40), nullable=False, server_default="", comment="when it was first announced, ISO 8601"),
    Column("place", Integer, nullable=False, server_default=str(UNPLACED)),
    Index("dataset_by_place", "kind", "place"),
)

# Which datasets hold a pair (or a study), as spans of their places: a freeze of 1 % new writes 1 % of rows.
MEMBER = Table(
    "member",
    METADATA,
    Column("member_id", _ID, primary_key=True),
    Column("since", Integer, primary_key=True, autoincrement=False, comment="the first place that holds it"),
    Column("until", Integer, nullable=False, comment="the first place after it that does not; `OPEN` for none"),
    Column("kind", String(40), nullable=False),
    Column("split", String(40), nullable=False),
    Index("member_by_kind", "kind", "until"),
)

MODEL = Table(
    "model",
    METADATA,
    Column("model_id", _ID, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("dataset_id", _ID, nullable=False),
    Column("version", String(40), nullable=False),
    Column("document_id", _NAME, nullable=False),
    Column("run_id", _ID, nullable=False, server_default="", comment="of the tracking server"),
    Column("recipe", _ID, nullable=False, server_default=""),
    Column("promoted", Integer, nullable=False, server_default="-1", comment="highest sequence of its promotions"),
    Index("model_by_dataset", "dataset_id"),
    Index("model_by_promotion", "kind", "promoted"),
)

# What was said of a thing, and when first: each fact once, under the key of its event.
STEP = Table(
    "step",
    METADATA,
    Column("source_id", _ID, primary_key=True),
    Column("event_id", _ID, primary_key=True),
    Column("topic", _ID, nullable=False),
    Column("at", String(40), nullable=False, comment="ISO 8601, UTC"),
    Column("by", _ID, nullable=False, comment="who said it"),
    Column("trace", String(32), nullable=False, server_default="", comment="of OpenTelemetry, where there is one"),
)

# Objects of the inbox that a submission says it came from, by the name of their receipt.
RECEIPT = Table(
    "receipt",
    METADATA,
    Column("receipt", _ID, primary_key=True),
    Column("source_id", _ID, primary_key=True),
)

# Where the projection stands: the next offset of each partition. Moved in the transaction of the rows it speaks of.
PLACE = Table(
    "place",
    METADATA,
    Column("topic", _ID, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False),
)

# A record that could not be projected; the projection goes on without it.
FAILED = Table(
    "failed_event",
    METADATA,
    Column("topic", _ID, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("error", Text, nullable=False),
)


def ref_of(row: Row[Any]) -> ArtifactRef:
    """The document of a row of `DOCUMENT`."""
    return ArtifactRef(uri=row.document_id, sha256=row.sha256, bytes=row.bytes, media_type=row.media_type)
