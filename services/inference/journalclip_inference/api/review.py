"""The review queues over HTTP: what to look at, deciding, undoing, and how far readers agree."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query

from journalclip_inference.api.schemas import (
    DecisionsAnswer,
    DisputeItem,
    DisputesAnswer,
    HistoryAnswer,
    HitView,
    ProgressAnswer,
    QueueAnswer,
    QueueItem,
    StudyQueueAnswer,
    StudyQueueItem,
)
from journalclip_inference.api.serving import REFUSALS, Parts, Reviewer, Serving, Steward, Viewer
from journalclip_inference.api.studies import archive
from journalclip_inference.hits import Hit, Served
from journalclip_inference.index.rows import Row
from journalclip_inference.reader import Reader
from journalclip_inference.review.agreement import agreements
from journalclip_inference.review.assignments import Assign, assigned_to, progress, progress_for
from journalclip_inference.review.queue import Doubt, Doubted, DoubtedStudy, queue, study_queue
from journalclip_inference.review.remarks import Dispute, Remark, disputes, remarks_for
from journalclip_inference.review.service import Decide
from journalclip_shared.records.article import Box
from journalclip_shared.records.review import ReviewDecision, kind_of
from journalclip_shared.records.reviewing import ReviewAssignment, ReviewRemark
from journalclip_shared.reviews import standing_decisions

router = APIRouter(prefix="/v1/review", responses=REFUSALS, tags=["review"])
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/queue")
async def review_queue(
    parts: Parts,
    who: Reviewer,
    doubt: Doubt | None = None,
    limit: Limit = 50,
    assigned: Annotated[bool, Query(description="Only what was assigned to this reviewer, in that order.")] = False,
) -> QueueAnswer:
    """Doubted pairs that this reviewer has not decided, the worst first; or those assigned to him or her."""
    decided = parts.desk.decided_by(await asyncio.to_thread(parts.desk.decisions), who)
    mine = assigned_to(who.name, await asyncio.to_thread(parts.assignments.standing))
    asked = partial(_queue, decided=decided, doubt=doubt, limit=limit, assigned=mine if assigned else None)
    served, found, left = await parts.backend.read(asked)
    items = [_item(each, box) for each, box in found]
    open_ones = sum(pair_id not in decided for pair_id in mine)
    return QueueAnswer(served=served, items=items, left=left, decided=len(decided), assigned=open_ones)


@router.get("/studies")
async def review_studies(
    parts: Parts, who: Reviewer, doubt: Doubt | None = None, limit: Limit = 50
) -> StudyQueueAnswer:
    """Studies whose record has a flag and that this reviewer has not decided."""
    shelf = archive(parts)
    decided = parts.desk.decided_by(await asyncio.to_thread(parts.desk.study_decisions), who)
    found = study_queue(await asyncio.to_thread(shelf.rows), decided, doubt, limit)
    return StudyQueueAnswer(items=[_study_item(each) for each in found])


@router.get("/studies/decisions")
async def study_decisions(parts: Parts, who: Reviewer) -> DecisionsAnswer:
    """As `decisions`, about studies."""
    found = await asyncio.to_thread(parts.desk.study_decisions)
    return DecisionsAnswer(decisions=parts.desk.seen_by(who, found), agreement=agreements(found))


@router.post("/decisions", status_code=201)
async def decide(wanted: Decide, parts: Parts, who: Reviewer) -> ReviewDecision:
    """Accept, reject, edit, or take a decision of one's own back; stored before it is announced."""
    if kind_of(wanted.pair_id) == "studies":
        await asyncio.to_thread(archive(parts).require, wanted.pair_id)
        return await asyncio.to_thread(parts.desk.decide_study, wanted, who)
    row = await parts.backend.read(partial(_row, pair_id=wanted.pair_id))
    return await asyncio.to_thread(parts.desk.decide, row, wanted, who)


@router.get("/decisions")
async def decisions(parts: Parts, who: Reviewer) -> DecisionsAnswer:
    """Decisions about pairs, and Cohen's kappa of every two readers with pairs in common.

    Stewards see all of them; a reviewer those on what he or she decided, so that second readings are blind.
    """
    found = await asyncio.to_thread(parts.desk.decisions)
    return DecisionsAnswer(decisions=parts.desk.seen_by(who, found), agreement=agreements(found))


@router.post("/remarks", status_code=201)
async def remark(wanted: Remark, parts: Parts, who: Viewer) -> ReviewRemark:
    """Report a pair (any reader), note or dispute it (reviewers), or settle a report or dispute (stewards)."""
    if kind_of(wanted.pair_id) == "studies":
        await asyncio.to_thread(archive(parts).require, wanted.pair_id)
        article_id = wanted.pair_id
    else:
        found = _row if who.may("reviewer") else _shown_row
        article_id = (await parts.backend.read(partial(found, pair_id=wanted.pair_id))).pair.article_id
    return await asyncio.to_thread(parts.remarks.say, wanted, article_id, who)


@router.get("/history/{pair_id}")
async def history(pair_id: Annotated[str, Path(max_length=64)], parts: Parts, who: Reviewer) -> HistoryAnswer:
    """What was decided and said about a pair; of others nothing before the caller has decided."""
    decided = await asyncio.to_thread(parts.desk.about, pair_id)
    said = await asyncio.to_thread(parts.remarks.about, pair_id)
    seen = parts.desk.seen_by(who, decided)
    remarks = remarks_for(who, said, decided=any(each.reviewer == who.name for each in decided))
    return HistoryAnswer(
        decisions=seen, remarks=remarks, hidden=len(decided) + len(said) - len(seen) - len(remarks)
    )  # fmt: skip


@router.get("/disputes")
async def review_disputes(parts: Parts, _who: Steward) -> DisputesAnswer:
    """Pairs whose readers disagree, or that somebody reported or disputed; a steward's decision settles them."""
    found = await _disputes(parts)
    asked = partial(_hits, pair_ids=[each.pair_id for each in found])
    hits = {hit.pair_id: HitView.model_validate(hit.model_dump()) for hit in await parts.backend.read(asked)}
    return DisputesAnswer(items=[DisputeItem(dispute=each, pair=hits.get(each.pair_id)) for each in found])


@router.post("/assignments", status_code=201)
async def assign(wanted: Assign, parts: Parts, who: Steward) -> ReviewAssignment:
    """Share out the most doubted pairs that nobody was asked to read yet."""
    held = {pair_id for each in await asyncio.to_thread(parts.assignments.standing) for pair_id in each.pairs}
    taken = frozenset(held | standing_decisions(await asyncio.to_thread(parts.desk.decisions)).keys())
    _, found, _ = await parts.backend.read(partial(_queue, decided=taken, doubt=wanted.doubt, limit=wanted.pairs))
    pair_ids = [each.hit.pair_id for each, _ in found]
    return await asyncio.to_thread(parts.assignments.assign, wanted, pair_ids, who)


@router.delete("/assignments/{assignment_id}")
async def end_assignment(
    assignment_id: Annotated[str, Path(max_length=64)], parts: Parts, who: Steward
) -> ReviewAssignment:
    """End it; what is left goes back to the queue of all. Decisions stand."""
    return await asyncio.to_thread(parts.assignments.end, assignment_id, who)


@router.get("/progress")
async def review_progress(parts: Parts, who: Reviewer) -> ProgressAnswer:
    """Totals, and how far each assignment has come."""
    decided = await asyncio.to_thread(parts.desk.decisions)
    held = await asyncio.to_thread(parts.assignments.standing)
    _, _, doubted = await parts.backend.read(partial(_queue, decided=frozenset(), doubt=None, limit=1))
    standing = standing_decisions(decided)
    by_reader = Counter(each.reviewer for decisions in standing.values() for each in decisions)
    return ProgressAnswer(
        doubted=doubted,
        decided=len(standing),
        disputed=len(await _disputes(parts)),
        by_reader={name: count for name, count in sorted(by_reader.items()) if who.may("steward") or name == who.name},
        assignments=[each for shown in progress(held, decided) if (each := progress_for(who, shown)) is not None],
    )


async def _disputes(parts: Serving) -> list[Dispute]:
    decided = await asyncio.to_thread(parts.desk.decisions)
    return disputes(decided, await asyncio.to_thread(parts.remarks.every))


def _hits(reader: Reader, pair_ids: list[str]) -> tuple[Hit, ...]:
    return reader.for_reviewers.hits(pair_ids)


def _queue(
    reader: Reader,
    decided: frozenset[str],
    doubt: Doubt | None,
    limit: int,
    assigned: tuple[str, ...] | None = None,
) -> tuple[Served, list[tuple[Doubted, Box | None]], int]:
    reader = reader.for_reviewers
    found = queue(reader, decided, doubt, limit, assigned)
    return reader.served, [(each, reader.row(each.hit.pair_id).figure_box) for each in found.items], found.left


def _row(reader: Reader, pair_id: str) -> Row:
    return reader.for_reviewers.row(pair_id)


def _shown_row(reader: Reader, pair_id: str) -> Row:
    return reader.row(pair_id)


def _study_item(found: DoubtedStudy) -> StudyQueueItem:
    row = found.row
    return StudyQueueItem(
        study_id=row.study_id, patient=row.patient, doubts=list(found.doubts), text=" ".join(row.said),
        descriptions=row.descriptions, sequences=list(row.volumes),
    )  # fmt: skip


def _item(found: Doubted, figure_box: Box | None) -> QueueItem:
    return QueueItem(
        pair=HitView.model_validate(found.hit.model_dump()),
        doubts=list(found.doubts),
        loss=found.loss,
        box=found.box,
        figure_box=figure_box,
        page_url=f"/v1/figures/{found.hit.figure_id}/page",
    )
