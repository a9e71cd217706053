"""A person's word that a source, or a part of one, may not be used any more, or may be used again.

It is stored before it is announced, as the manifest ``withdrawn/<scope>/<subject>/<sequence>`` in the ``quarantine``
bucket, and never changed: what holds is the word of the highest sequence. It names things by ids and digests only, a
patient by its pseudonym, so that it can stay when everything else of the source is erased.
"""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records import Document

Scope = Literal["article", "figure", "pair", "study", "patient", "collection"]
WithdrawalReason = Literal["retraction", "licence", "erasure-request", "identifiable-person"]
REASONS: tuple[WithdrawalReason, ...] = get_args(WithdrawalReason)


class Picture(Document):
    """A picture by its content: SHA-256 of its bytes, and the 64-bit perceptual hash where one was taken."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    phash: str | None = None


class Withdrawal(Document):
    """Withdrawn, or reinstated: who said so, when and why."""

    scope: Scope
    subject: str = Field(min_length=1, max_length=300, description="An id; of a collection, its folded name.")
    sequence: int = Field(ge=1, description="Counts the words on this subject.")
    action: Literal["withdraw", "reinstate"]
    reason: WithdrawalReason | None = Field(None, description="Of a withdrawal.")
    note: str = Field("", max_length=2000)
    who: str = Field(min_length=1, max_length=200)
    time: str = Field(description="UTC, ISO 8601.")
    erase: bool = Field(False, description="The bytes are to be deleted as well.")
    articles: tuple[str, ...] = Field((), description="Articles that a figure or pair is of.")
    deliveries: tuple[str, ...] = Field((), description="Submissions that hold nothing that may be used.")
    parts: tuple[str, ...] = Field((), description="Of a pair: its figure or panel. Pair ids change with versions.")
    pictures: tuple[Picture, ...] = Field((), description="Of a figure or pair: its pictures, whatever ids they get.")

    @model_validator(mode="after")
    def _reasoned(self) -> Withdrawal:
        if (self.action == "withdraw") != (self.reason is not None):
            raise ValueError("a withdrawal has a reason, and nothing else has")
        return self


class Tombstone(Document):
    """What is left of an object that was erased: its digest, and of a document the ids that the catalogue knows."""

    uri: str
    sha256: str
    bytes: int
    rows: str = Field("", description="Of a document: its rows in the catalogue as JSON; ids and digests only.")
    successor: ArtifactRef | None = Field(
        None,
        description="Of a dataset's or index's part: the same without what was erased.",
        exclude_if=lambda ref: ref is None,
    )
    removed: dict[str, int] = Field(
        default_factory=dict,
        description="Pairs that the successor lacks, by the word (`study std_... (erasure-request)`).",
        exclude_if=lambda counts: not counts,
    )


class Erasure(Document):
    """What erasing a subject deleted, and what still holds copies of it."""

    scope: Scope
    subject: str
    who: str
    time: str
    erased: tuple[Tombstone, ...] = ()
    rewritten: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Ids of the `datasets` and names of the `indexes` that were written anew."
    )
    kept: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Ids of what holds copies, by `models` and `shared`."
    )


class Proposal(Document):
    """A reason to withdraw an article that was found while reading; only a person acts on it."""

    notice: str = Field(description="The article that says so: a notice, or the target itself.")
    delivery: str = Field(description="What it came in.")
    title: str = Field("", description="Of the notice.")
    target: str = Field("", description="Id of the article; empty where only a title, or nothing, is said.")
    target_doi: str | None = None
    target_title: str = ""
    why: str
