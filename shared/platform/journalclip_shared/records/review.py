"""A reviewer's decision on a pair or on a study, and what all decisions on it come to.

It holds for the pair of that id, and for the same picture of the same article when a later version of extractor or
structurer gives the pair another id. A decision is never changed: it is undone by another one that names it. It is
stored before it is announced, as the manifest ``reviewed/<pair_id>/<decision_id>`` in the ``datasets`` bucket
(``reviewed-studies/<study_id>/...`` of a study), so that the freeze job needs no event log.

A study is decided about as a whole, since its report is one text: its id stands for pair and article.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.ids import make_id
from journalclip_shared.kinds import Kind
from journalclip_shared.records import Document
from journalclip_shared.records.article import Box
from journalclip_shared.records.withdrawal import Picture

Choice = Literal["accept", "reject", "edit", "undo"]
Reason = Literal[
    "good", "wrong-panel", "wrong-caption", "not-a-figure", "poor-image", "identifiable-person", "duplicate",
    "off-topic", "other",
]  # fmt: skip


class ReviewDecision(Document):
    """Who decided what about which pair or study, and when."""

    decision_id: str
    pair_id: str = Field(description="Of a study its id.")
    article_id: str = Field(description="Of a study its id.")
    reviewer: str = Field(min_length=1, max_length=100)
    role: str
    choice: Choice
    reason: Reason = "good"
    note: str = Field("", max_length=2000)
    undoes: str | None = Field(None, description="The decision that this one takes back.")
    text: str | None = Field(None, max_length=20_000, description="The caption as the reviewer mended it.")
    box: Box | None = Field(None, description="The box as the reviewer drew it, in PDF points on the pair's page.")
    image: ArtifactRef | None = Field(None, description="The crop of that box.")
    time: str = Field(description="UTC, ISO 8601, milliseconds.")
    picture: Picture | None = Field(
        None,
        description="What was looked at: the decision holds for it whatever id the pair gets.",
        exclude_if=lambda picture: picture is None,  # decisions from before are written as they were
    )


def decision_id(pair_id: str, reviewer: str, time: str) -> str:
    return make_id("evt", "review", pair_id, reviewer, time)


def decision_name(decision: ReviewDecision) -> str:
    return f"{names.reviewed(kind_of(decision.pair_id), decision.pair_id)}{decision.decision_id}"


def kind_of(subject_id: str) -> Kind:
    """What a decision is about: a study has an id of its own form, all else is a pair of an article."""
    return "studies" if subject_id.startswith("std_") else "articles"
