"""What the routes share: the parts of a running server, and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from journalclip_inference.aliases import Aliases
from journalclip_inference.api.schemas import ErrorBody, decoded
from journalclip_inference.audit import Audit
from journalclip_inference.auth import Door, Principal, Role, require
from journalclip_inference.backend import Backend
from journalclip_inference.documents import Documents
from journalclip_inference.images import ImageLimits, opened
from journalclip_inference.oidc import SignIn
from journalclip_inference.pictures import Pictures
from journalclip_inference.review.desk import Desk
from journalclip_inference.snapshot import Query
from journalclip_inference.studies.shelf import StudyShelf
from journalclip_inference.withheld import Withholding
from journalclip_shared.artifacts import ArtifactStore

COOKIE = "journalclip_token"
_EIGHT_HOURS = 8 * 3600  # seconds; a working day


@dataclass(frozen=True)
class Serving:
    """A running server's parts."""

    backend: Backend
    store: ArtifactStore
    documents: Documents
    pictures: Pictures
    desk: Desk
    door: Door
    audit: Audit
    images: ImageLimits
    withholding: Withholding
    aliases: Aliases
    sign_in: SignIn | None = None
    studies: StudyShelf | None = None
    max_study_bytes: int = 600_000_000

    def query(self, text: str | None, image: str | None) -> Query:
        """Checked and decoded. Raises `QueryInvalid`, `ImageRefused`."""
        if image is None:
            return Query(text)
        picture = opened(decoded(image), self.images)
        return Query(text, picture.image, picture.done)


def serving(request: Request) -> Serving:
    found: Serving = request.app.state.serving
    return found


def principal(request: Request) -> Principal:
    """Raises `Forbidden`."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    token = bearer if scheme.lower() == "bearer" else request.cookies.get(COOKIE)
    client = request.client.host if request.client else None
    who = serving(request).door.principal(token, client, request.headers.get("host", ""))
    request.state.principal = who
    return who


def keep_token(answer: Response, token: str, secure: bool) -> None:
    """In a cookie that scripts cannot read and other sites cannot send."""
    answer.set_cookie(COOKIE, token, max_age=_EIGHT_HOURS, httponly=True, samesite="strict", secure=secure, path="/")


def needs(role: Role) -> Callable[[Principal], Principal]:
    def check(who: Annotated[Principal, Depends(principal)]) -> Principal:
        require(who, role)
        return who

    return check


Parts = Annotated[Serving, Depends(serving)]
Viewer = Annotated[Principal, Depends(needs("viewer"))]
Reviewer = Annotated[Principal, Depends(needs("reviewer"))]
Steward = Annotated[Principal, Depends(needs("steward"))]

# Every route may end in these; the OpenAPI file says so, and the fuzz test holds us to it.
REFUSALS: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorBody, "description": text}
    for status, text in {
        400: "The body cannot be read.",
        401: "No token, or an unknown one.",
        403: "The role does not allow it.",
        404: "No such thing.",
        410: "Withdrawn, or rejected by reviewers.",
        413: "Too large.",
        422: "The request cannot be answered as asked.",
        429: "Too many queries wait; see Retry-After.",
        503: "Not ready, or a part of it is unwell; see Retry-After.",
    }.items()
}
