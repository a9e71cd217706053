"""What people say about a pair besides deciding, and who is to read which pairs.

A remark is a note, a reader's report, a reviewer's dispute, or a steward's settlement of one of the latter two. An
assignment shares out pairs among reviewers; a part of them is read twice, so that agreement can be measured. Neither is
ever changed: a report is settled, and an assignment is ended, by another document that names it. Each is stored before
it is announced, as the manifest ``remarked/<pair_id>/<remark_id>`` or ``assigned/<assignment_id>`` in ``datasets``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from journalclip_shared.records import Document
from journalclip_shared.records.review import Reason

Purpose = Literal["note", "report", "dispute", "settlement"]


class ReviewRemark(Document):
    """Who said what about which pair or study, and when."""

    remark_id: str
    pair_id: str = Field(description="Of a study its id.")
    article_id: str = Field(description="Of a study its id.")
    purpose: Purpose
    author: str = Field(min_length=1, max_length=100)
    role: str
    reason: Reason = "other"
    text: str = Field("", max_length=2_000)
    settles: str | None = Field(None, description="The report or dispute that this one settles.")
    time: str = Field(description="UTC, ISO 8601, milliseconds.")


class ReviewAssignment(Document):
    """Which pairs each reviewer is to read."""

    assignment_id: str
    title: str = Field(min_length=1, max_length=200)
    by: str = Field(min_length=1, max_length=100)
    overlap: float = Field(0.0, ge=0, le=1, description="The share of the pairs that two reviewers read.")
    shares: dict[str, tuple[str, ...]] = Field(description="Pairs by reviewer, in the order in which they are read.")
    ends: str | None = Field(None, description="The assignment that this one ends; then there are no shares.")
    time: str = Field(description="UTC, ISO 8601, milliseconds.")

    @property
    def pairs(self) -> frozenset[str]:
        return frozenset(pair_id for share in self.shares.values() for pair_id in share)
