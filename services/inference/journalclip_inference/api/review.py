"""The review queues over HTTP: what to look at, deciding, undoing, and how far readers agree."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from journalclip_inference.api.schemas import (
    DecisionsAnswer,
    HitView,
    QueueAnswer,
    QueueItem,
    StudyQueueAnswer,
    StudyQueueItem,
)
from journalclip_inference.api.serving import REFUSALS, Parts, Reviewer
from journalclip_inference.api.studies import archive
from journalclip_inference.hits import Served
from journalclip_inference.index.rows import Row
from journalclip_inference.reader import Reader
from journalclip_inference.review.agreement import agreements
from journalclip_inference.review.desk import Decide
from journalclip_inference.review.queue import Doubt, Doubted, DoubtedStudy, queue, study_queue
from journalclip_shared.records.article import Box
from journalclip_shared.records.review import ReviewDecision, kind_of

router = APIRouter(prefix="/v1/review", responses=REFUSALS, tags=["review"])
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/queue")
async def review_queue(parts: Parts, who: Reviewer, doubt: Doubt | None = None, limit: Limit = 50) -> QueueAnswer:
    """Doubted pairs that this reviewer has not decided, the worst first."""
    decided = parts.desk.decided_by(await asyncio.to_thread(parts.desk.decisions), who)
    served, found, left = await parts.backend.read(partial(_queue, decided=decided, doubt=doubt, limit=limit))
    items = [_item(each, box) for each, box in found]
    return QueueAnswer(served=served, items=items, left=left, decided=len(decided))


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


def _queue(
    reader: Reader, decided: frozenset[str], doubt: Doubt | None, limit: int
) -> tuple[Served, list[tuple[Doubted, Box | None]], int]:
    reader = reader.for_reviewers
    found = queue(reader, decided, doubt, limit)
    return reader.served, [(each, reader.row(each.hit.pair_id).figure_box) for each in found.items], found.left


def _row(reader: Reader, pair_id: str) -> Row:
    return reader.for_reviewers.row(pair_id)


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
