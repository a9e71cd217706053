"""What the routes share: the parts of a running server, and who is asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie, HTTPBearer
from pydantic import BaseModel

from journalclip_inference.aliases import Aliases
from journalclip_inference.api.callers import Pace
from journalclip_inference.api.schemas import ErrorBody, decoded
from journalclip_inference.audit import Audit
from journalclip_inference.auth import Authenticator, Principal, Role, require
from journalclip_inference.backend import Backend
from journalclip_inference.documents import Documents
from journalclip_inference.images import ImageLimits, Opened, PixelBudget, opened
from journalclip_inference.oidc import SignIn
from journalclip_inference.operations import OneAtATime, Operations
from journalclip_inference.pictures import Pictures
from journalclip_inference.review.assignments import Assignments
from journalclip_inference.review.remarks import Remarks
from journalclip_inference.review.service import ReviewService
from journalclip_inference.sessions import SavedSearches, Sessions
from journalclip_inference.sessions.sessions import HOST_COOKIE, PLAIN_COOKIE
from journalclip_inference.snapshot import Query
from journalclip_inference.studies.shelf import StudyShelf
from journalclip_inference.withheld import Withholding
from journalclip_shared.artifacts import ArtifactStore


@dataclass(frozen=True)
class Serving:
    """A running server's parts."""

    backend: Backend
    store: ArtifactStore
    documents: Documents
    pictures: Pictures
    desk: ReviewService
    remarks: Remarks
    assignments: Assignments
    sessions: Sessions
    searches: SavedSearches
    door: Authenticator
    audit: Audit
    images: ImageLimits
    withholding: Withholding
    aliases: Aliases
    sign_in: SignIn | None = None
    studies: StudyShelf | None = None
    max_study_bytes: int = 600_000_000
    pace: Pace = field(default_factory=lambda: Pace(0))
    guesses: Pace = field(default_factory=lambda: Pace(0))
    cors_origins: tuple[str, ...] = ()
    decoding: PixelBudget = field(default_factory=PixelBudget)
    operations: Operations | None = None
    tokens: Path | None = None
    public_url: str = ""
    changes: OneAtATime = field(default_factory=OneAtATime)

    async def query(self, text: str | None, image: str | None) -> Query:
        """Checked and decoded. Raises `QueryInvalid`, `ImageRefused`."""
        return Query(text) if image is None else await self._decoded(text, image)

    async def _decoded(self, text: str | None, image: str) -> Query:
        """In threads of their own, so that pictures wait for each other and for nothing else."""
        picture = await to_thread.run_sync(self._open, image, limiter=self.decoding.threads)
        return Query(text, picture.image, picture.done)

    def _open(self, image: str) -> Opened:
        return opened(decoded(image), self.images, self.decoding)


# These are coroutines although they wait for nothing: the framework runs plain functions in threads, three changes of
# thread a request.
async def serving(request: Request) -> Serving:
    found: Serving = request.app.state.serving
    return found


_BEARER = HTTPBearer(auto_error=False, description="A token of this server, or an access token of its issuer.")
_COOKIE = APIKeyCookie(
    name=HOST_COOKIE, auto_error=False, description=f"A session, as the page keeps it; without https `{PLAIN_COOKIE}`."
)


async def principal(
    request: Request,
    _bearer: Annotated[object, Depends(_BEARER)],  # for the description of the API alone: the edge reads them
    _cookie: Annotated[object, Depends(_COOKIE)],
) -> Principal:
    """Whom the edge let in."""
    who: Principal = request.state.principal
    return who


def written(answer: BaseModel) -> Response:
    """An answer as JSON at once: its values were checked when its parts were made, and a second check of two dozen
    hits would take as long as the search."""
    return Response(answer.model_dump_json(), media_type="application/json")


def needs(role: Role) -> Callable[[Principal], Awaitable[Principal]]:
    async def check(who: Annotated[Principal, Depends(principal)]) -> Principal:
        require(who, role)
        return who

    return check


Parts = Annotated[Serving, Depends(serving)]
Viewer = Annotated[Principal, Depends(needs("viewer"))]
Reviewer = Annotated[Principal, Depends(needs("reviewer"))]
Steward = Annotated[Principal, Depends(needs("steward"))]
Admin = Annotated[Principal, Depends(needs("admin"))]

# Every route may end in these; the OpenAPI file says so, and the fuzz test holds us to it.
REFUSALS: dict[int | str, dict[str, object]] = {
    status: {"description": text, "content": {"application/problem+json": {"schema": ErrorBody.model_json_schema()}}}
    for status, text in {
        400: "The body cannot be read.",
        401: "No token, or an unknown one.",
        403: "The role does not allow it.",
        404: "No such thing.",
        409: "Another change is under way.",
        410: "Withdrawn, or rejected by reviewers.",
        413: "Too large.",
        422: "The request cannot be answered as asked.",
        429: "Too many queries wait; see Retry-After.",
        503: "Not ready, or a part of it is unwell; see Retry-After.",
    }.items()
}
