"""Notes, reports and disputes about pairs, and what stewards are asked to settle.

A reader reports a pair, a reviewer notes or disputes it; a report or dispute stays open until a steward settles it, by
a settlement that names it or by deciding about the pair. What reviewers say stays hidden from a reviewer who has not
decided yet, as decisions do, so that second readings are blind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from journalclip_inference.auth import Principal, Role, require
from journalclip_inference.errors import NotFound, QueryInvalid
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.events import ReviewRemarked
from journalclip_shared.ids import make_id
from journalclip_shared.records import Document
from journalclip_shared.records.review import Reason, ReviewDecision
from journalclip_shared.records.reviewing import Purpose, ReviewRemark
from journalclip_shared.reviewing import open_remarks, read_remarks, write_remark
from journalclip_shared.reviews import Verdict, verdicts_of

_NEEDS: dict[Purpose, Role] = {"report": "viewer", "note": "reviewer", "dispute": "reviewer", "settlement": "steward"}


class Remark(Document):
    """What a person sends."""

    pair_id: str = Field(max_length=64, pattern=r"^[A-Za-z0-9_]+$", description="Of a study its id.")
    purpose: Purpose
    reason: Reason = Field("other", description="Of a report or dispute: what is wrong.")
    text: str = Field("", max_length=2_000)
    settles: str | None = Field(None, max_length=64, description="Of a settlement: the report or dispute.")


class Dispute(Document):
    """A pair that a steward is asked to settle."""

    pair_id: str
    article_id: str
    why: tuple[Literal["readers-disagree", "reported", "disputed"], ...]
    decisions: tuple[ReviewDecision, ...] = Field(description="The standing ones, oldest first.")
    remarks: tuple[ReviewRemark, ...] = Field(description="Open reports and disputes, and all notes, oldest first.")


class Remarks:
    """Takes remarks for one store; ``announce`` puts the event on the bus."""

    def __init__(
        self,
        store: ArtifactStore,
        announce: Callable[[ReviewRemarked], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._announce, self._clock = store, announce, clock

    def say(self, wanted: Remark, article_id: str, who: Principal) -> ReviewRemark:
        """Stored, then announced. Raises `Forbidden`, `QueryInvalid` where nothing is said, `NotFound`."""
        require(who, _NEEDS[wanted.purpose])
        if wanted.purpose in ("note", "dispute") and not wanted.text.strip():
            raise QueryInvalid(f"a {wanted.purpose} says something", "Send `text`.")
        if (wanted.settles is not None) != (wanted.purpose == "settlement"):
            raise QueryInvalid("a settlement names what it settles, and nothing else does", "Look at `settles`.")
        if wanted.settles is not None and not self._is_open(wanted.pair_id, wanted.settles):
            raise NotFound(
                "report or dispute of this pair", wanted.settles, "`GET /v1/review/history/PAIR` lists them."
            )
        time = self._clock().isoformat(timespec="milliseconds")
        remark = ReviewRemark(
            **wanted.model_dump(),
            remark_id=make_id("evt", "remark", wanted.pair_id, wanted.purpose, who.name, wanted.text, time),
            article_id=article_id,
            author=who.name,
            role=who.role,
            time=time,
        )
        self._announce(write_remark(self._store, remark))
        return remark

    def about(self, subject_id: str) -> list[ReviewRemark]:
        return read_remarks(self._store, subject_id)

    def every(self) -> list[ReviewRemark]:
        return read_remarks(self._store)

    def _is_open(self, pair_id: str, remark_id: str) -> bool:
        return any(
            each.remark_id == remark_id and each.purpose in ("report", "dispute") for each in self.about(pair_id)
        )


def remarks_for(who: Principal, remarks: Sequence[ReviewRemark], decided: bool) -> list[ReviewRemark]:
    """Those that a person may see: stewards all, a reviewer who has decided all, others their own."""
    return [each for each in remarks if decided or who.may("steward") or each.author == who.name]


def disputes(decisions: Sequence[ReviewDecision], remarks: Sequence[ReviewRemark]) -> list[Dispute]:
    """Pairs whose readers disagree, or that have an open report or dispute: the longest waiting first."""
    verdicts = verdicts_of([], decisions)
    waiting = open_remarks(remarks, decisions)
    asked = {each.pair_id: each.article_id for each in waiting}
    asked |= {
        pair_id: verdict.decisions[0].article_id
        for pair_id, verdict in verdicts.items()
        if verdict.standing == "disputed"
    }
    found = [_dispute(pair_id, asked[pair_id], verdicts, waiting, remarks) for pair_id in asked]
    return sorted(found, key=lambda each: (_since(each), each.pair_id))


def _dispute(
    pair_id: str,
    article_id: str,
    verdicts: dict[str, Verdict],
    waiting: Sequence[ReviewRemark],
    remarks: Sequence[ReviewRemark],
) -> Dispute:
    verdict = verdicts.get(pair_id)
    mine = [each for each in waiting if each.pair_id == pair_id]
    why: list[Literal["readers-disagree", "reported", "disputed"]] = []
    if verdict is not None and verdict.standing == "disputed":
        why.append("readers-disagree")
    if any(each.purpose == "report" for each in mine):
        why.append("reported")
    if any(each.purpose == "dispute" for each in mine):
        why.append("disputed")
    notes = [each for each in remarks if each.pair_id == pair_id and each.purpose == "note"]
    shown = sorted([*mine, *notes], key=lambda each: (each.time, each.remark_id))
    return Dispute(
        pair_id=pair_id, article_id=article_id, why=tuple(why),
        decisions=verdict.decisions if verdict is not None else (), remarks=tuple(shown),
    )  # fmt: skip


def _since(dispute: Dispute) -> str:
    return min([*(each.time for each in dispute.decisions), *(each.time for each in dispute.remarks)])
