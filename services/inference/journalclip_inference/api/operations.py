"""The pages for those who run an installation, over HTTP: stewards look, admins change; each change with a reason."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from journalclip_inference.api.schemas import Id, Message
from journalclip_inference.api.serving import REFUSALS, Admin, Parts, Serving, Steward
from journalclip_inference.auth import Role, add_token, read_tokens, revoke_token
from journalclip_inference.errors import NotFound
from journalclip_inference.operations import Change, DatasetEntry, ModelDetail, ModelEntry, Operations, Sources
from journalclip_inference.sessions import SessionEntry
from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import Kind
from journalclip_shared.records.withdrawal import WithdrawalReason

router = APIRouter(prefix="/v1/operations", responses=REFUSALS, tags=["operations"])
Why = Annotated[str, Field(min_length=3, max_length=2_000, description="The reason, for the record.")]
Version = Annotated[str, Field(max_length=20, pattern=r"^[0-9]+$")]


class PromoteRequest(Message):
    kind: Kind
    version: Version
    why: Why


class RollbackRequest(Message):
    kind: Kind
    to: Version | None = Field(None, description="A former champion; left out: the previous one.")
    why: Why


class ReplayRequest(Message):
    source_id: Id


class WithdrawRequest(Message):
    subject: str = Field(min_length=1, max_length=300, description="An id, a DOI, or a journal's name.")
    reason: WithdrawalReason
    note: str = Field("", max_length=2_000)


class TokenRequest(Message):
    name: str = Field(min_length=1, max_length=100)
    role: Role
    days: float = Field(90, gt=0, le=3_660, description="How long it holds.")


class TokenView(BaseModel):
    token_id: str
    name: str
    role: Role
    made: str
    expires: str


class EndSessionsRequest(Message):
    name: str = Field(min_length=1, max_length=300)


class SessionsEnded(BaseModel):
    ended: int


class NewToken(BaseModel):
    """Shown once; only its digest is kept."""

    token: str


@router.get("/models")
async def models(parts: Parts, _who: Steward) -> list[ModelEntry]:
    """Every registered version, newest first."""
    return list(await asyncio.to_thread(_operations(parts).models))


@router.get("/models/{kind}/{version}")
async def model(kind: Kind, version: str, parts: Parts, _who: Steward) -> ModelDetail:
    """A version with every gate of every decision, its training's curves, and what differs from the champion."""
    return await asyncio.to_thread(_operations(parts).model, kind, version)


@router.post("/models/promote", status_code=202)
async def promote(wanted: PromoteRequest, parts: Parts, who: Admin) -> Change:
    """Put a version through the gates, and approve it where they pass; nothing is forced past a gate."""
    work = partial(_operations(parts).promote, wanted.kind, wanted.version, who.name, wanted.why)
    return parts.changes.start(f"promotion of version {wanted.version}", who.name, work)


@router.post("/models/rollback", status_code=202)
async def roll_back(wanted: RollbackRequest, parts: Parts, who: Admin) -> Change:
    """Point the champion back; every byte is verified first."""
    work = partial(_operations(parts).roll_back, wanted.kind, wanted.to, who.name, wanted.why)
    return parts.changes.start(f"rollback to {wanted.to or 'the previous version'}", who.name, work)


@router.get("/change")
async def change(parts: Parts, _who: Steward) -> Change | None:
    """The last change that was asked for here, and what came of it."""
    return parts.changes.last


@router.get("/sources")
async def sources(
    parts: Parts,
    _who: Steward,
    state: Annotated[str, Query(max_length=40)] = "",
    after: Annotated[str, Query(max_length=400)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Sources:
    """What arrived and where it stands; of what is in quarantine the reason and the remedy."""
    return await asyncio.to_thread(_operations(parts).sources, state, after, limit)


@router.post("/sources/replay", status_code=202)
async def replay(wanted: ReplayRequest, parts: Parts, who: Admin) -> Change:
    """Publish a delivery's dead letters again."""
    work = partial(_operations(parts).replay, wanted.source_id)
    return parts.changes.start(f"replay of {wanted.source_id}", who.name, work)


@router.post("/sources/withdraw", status_code=202)
async def withdraw(wanted: WithdrawRequest, parts: Parts, who: Steward) -> Change:
    """Take a source out of search and of all later datasets, until reinstated by command."""
    work = partial(_operations(parts).withdraw, wanted.subject, wanted.reason, who.name, wanted.note)
    return parts.changes.start(f"withdrawal of {wanted.subject}", who.name, work)


@router.get("/datasets")
async def datasets(parts: Parts, _who: Steward) -> list[DatasetEntry]:
    """Frozen datasets, with what was left out of each."""
    return list(await asyncio.to_thread(_operations(parts).datasets))


@router.get("/tokens")
async def tokens(parts: Parts, _who: Admin) -> list[TokenView]:
    """Who has a token, and until when; tokens themselves are not kept."""
    path = _token_file(parts)
    entries = await asyncio.to_thread(read_tokens, path) if path.exists() else []
    return [
        TokenView(token_id=each.token_id, name=each.name, role=each.role, made=each.made, expires=each.expires)
        for each in entries
    ]


@router.post("/tokens", status_code=201)
async def new_token(wanted: TokenRequest, parts: Parts, _who: Admin) -> NewToken:
    token = await asyncio.to_thread(add_token, _token_file(parts), wanted.name, wanted.role, wanted.days)
    return NewToken(token=token)


@router.delete("/tokens/{token_id}", status_code=204)
async def revoke(token_id: str, parts: Parts, _who: Admin) -> None:
    """Unknown from the next request on."""
    await asyncio.to_thread(revoke_token, _token_file(parts), token_id)


@router.get("/sessions")
async def sessions(parts: Parts, _who: Admin) -> list[SessionEntry]:
    """Browsers that are signed in, the newest first."""
    return await asyncio.to_thread(parts.sessions.entries)


@router.post("/sessions/end")
async def end_sessions(wanted: EndSessionsRequest, parts: Parts, _who: Admin) -> SessionsEnded:
    """End all sessions of a person, and the issuer's tokens of before now. A token of ours is revoked by its id."""
    return SessionsEnded(ended=await asyncio.to_thread(parts.sessions.revoke, wanted.name))


def _operations(parts: Serving) -> Operations:
    if parts.operations is None:
        remedy = "Use the `journalclip` command where the whole installation is reached."
        raise PermanentError("not-operated-here", "this server only answers readers and reviewers", remedy)
    return parts.operations


def _token_file(parts: Serving) -> Path:
    if parts.tokens is None:
        raise NotFound("file of tokens", "JOURNALCLIP_TOKENS", "Set it, or sign in at the issuer.")
    return parts.tokens
