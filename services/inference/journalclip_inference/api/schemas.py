"""Requests and answers of the HTTP interface. Unknown fields are refused, so that a misspelt filter is not ignored."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from journalclip_inference.auth import Role
from journalclip_inference.citations import Format
from journalclip_inference.classify import PROMPTS
from journalclip_inference.errors import ImageRefused
from journalclip_inference.hits import Answer, Browsed, Hit, Region, Served
from journalclip_inference.index.facets import Filters
from journalclip_inference.review.agreement import Agreement
from journalclip_inference.review.assignments import AssignmentProgress
from journalclip_inference.review.queue import Doubt
from journalclip_inference.review.remarks import Dispute
from journalclip_inference.search.asking import MAX_K, Correction, Expansion
from journalclip_inference.search.browsing import Sort
from journalclip_inference.search.ranker import Mode
from journalclip_shared.records.article import ArticleFacts, Box, Licence, Mention, Quality
from journalclip_shared.records.report import SequenceName
from journalclip_shared.records.review import ReviewDecision
from journalclip_shared.records.reviewing import ReviewRemark


class Message(BaseModel):
    """Base of requests: closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Base64 = Annotated[str, Field(min_length=4, description="The image file in base64.", examples=["iVBORw0KGgo="])]
QueryText = Annotated[str, Field(max_length=20_000, description="Words, or a whole caption, title, DOI or id.")]
Id = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_]+$")]


class ErrorBody(BaseModel):
    """What every refusal looks like: a problem document (RFC 9457) with our code, reason and remedy."""

    type: str = Field("about:blank", description="The code as an address that names it.")
    title: str = ""
    status: int = 0
    detail: str = Field("", description="The reason.")
    code: str = Field(description="Stable, for programs.")
    reason: str
    remedy: str = ""


class SearchRequest(Message):
    """Words, a picture, both, or a pair whose likes are wanted."""

    text: QueryText | None = None
    image: Base64 | None = None
    like: Id | None = Field(None, description="A pair's id: answers with similar figures. Excludes text and image.")
    k: int = Field(24, ge=1, le=MAX_K)
    filters: Filters = Filters()
    mode: Mode = Field("best", description="Words and looks together, words alone, or looks alone.")
    compare: Literal["image", "caption"] = Field("image", description="What of each pair is compared with the query.")


class HitView(Hit):
    """A hit with the addresses of what belongs to it."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # reading an answer meets the computed fields again

    @computed_field  # type: ignore[prop-decorator]  # mypy cannot stack a decorator on a property
    @property
    def image_url(self) -> str:
        return f"/v1/images/{self.pair_id}"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def figure_image_url(self) -> str:
        return f"/v1/figures/{self.figure_id}/image"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cite(self) -> str:
        return self.citation


class SearchAnswer(BaseModel):
    """Hits in falling order of score, what is to be told about the query, and the filters' counts."""

    served: Served
    pairs: int
    mode: Mode
    notice: str | None = Field(None, description="Only where the collection does not say what was asked.")
    corrections: tuple[Correction, ...] = ()
    expansions: tuple[Expansion, ...] = ()
    unknown: tuple[str, ...] = Field((), description="Words that nothing in the collection says.")
    cut: bool = Field(False, description="The model read only the beginning of the text; words count in full.")
    picture: str | None = Field(None, description="What became of the picture's values, where anything did.")
    facets: dict[str, dict[str, int]]
    hits: list[HitView]

    @classmethod
    def of(cls, answer: Answer, cut: bool = False, picture: str | None = None) -> SearchAnswer:
        told = {**dict(answer), "hits": views(answer.hits), "cut": cut, "picture": picture}
        return cls.model_construct(**told)


class BrowseRequest(Message):
    """A page of the collection without a query."""

    filters: Filters = Filters()
    sort: Sort = Field("newest", description="Pairs of one figure stand together in every order.")
    k: int = Field(24, ge=1, le=MAX_K)
    cursor: str | None = Field(None, max_length=2_000, description="`next` of the page before.")


class BrowseAnswer(BaseModel):
    """One page, and what the next begins after."""

    served: Served
    pairs: int
    total: int = Field(description="Pairs that pass the filters.")
    facets: dict[str, dict[str, int]]
    hits: list[HitView]
    next: str | None = None

    @classmethod
    def of(cls, found: Browsed) -> BrowseAnswer:
        return cls.model_construct(**{**dict(found), "hits": views(found.hits)})


def views(hits: tuple[Hit, ...]) -> list[HitView]:
    """The same values under more names: they were checked when the hits were made."""
    return [_view(hit) for hit in hits]


def _view(hit: Hit) -> HitView:
    """As pydantic copies a model: `model_construct` looks at each field again, which costs more than the search."""
    made = HitView.__new__(HitView)
    for name, value in (("dict", dict(vars(hit))), ("pydantic_fields_set", hit.model_fields_set),
                        ("pydantic_extra", None), ("pydantic_private", None)):  # fmt: skip
        object.__setattr__(made, f"__{name}__", value)
    return made


class EmbedRequest(Message):
    """Texts and images to embed; at least one of either."""

    texts: list[Annotated[str, Field(min_length=1, max_length=2000)]] = Field([], max_length=256)
    images: list[Base64] = Field([], max_length=64)


class EmbedAnswer(BaseModel):
    """Unit vectors in the order of the request."""

    served: Served
    dim: int
    texts: list[list[float]]
    images: list[list[float]]
    cut: list[int] = Field([], description="Numbers of the texts of which the model read only the beginning.")


class ClassifyRequest(Message):
    """A picture and the labels to choose from."""

    image: Base64
    labels: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(min_length=2, max_length=100)
    prompts: list[Annotated[str, Field(max_length=200, pattern=r"^[^{}]*\{\}[^{}]*$")]] = Field(
        list(PROMPTS), min_length=1, max_length=20, description="Each holds {} where the label goes."
    )


class LabelScore(BaseModel):
    """One label's share."""

    label: str
    probability: float


class ClassifyAnswer(BaseModel):
    """Labels, most probable first. A share among the given labels, not a diagnosis."""

    served: Served
    labels: list[LabelScore]


class PairsRequest(Message):
    """Pairs to look up, as a lasso on the map selects them."""

    pair_ids: list[Id] = Field(min_length=1, max_length=500)


class ExportRequest(Message):
    """A selection to be written as a file."""

    pair_ids: list[Id] = Field(min_length=1, max_length=1_000)
    format: Format


class FigureView(BaseModel):
    """A figure with all that is known of where it came from."""

    served: Served
    figure_id: str
    label: str
    caption: str
    page: int
    caption_page: int
    box: Box | None
    image_url: str
    page_url: str
    kind: str
    tier: str
    quality: Quality | None
    mentions: list[Mention]
    licence: Licence
    article_id: str
    name: str
    pages: int
    pdf_sha256: str
    facts: ArticleFacts
    extractor: str
    structurer: str
    pairs: list[HitView]
    regions: dict[str, Region]


class QueueItem(BaseModel):
    """A doubted pair with what a reviewer needs to decide."""

    pair: HitView
    doubts: list[Doubt]
    loss: float
    box: Box | None
    figure_box: Box | None
    page_url: str


class QueueAnswer(BaseModel):
    """The worst first."""

    served: Served
    items: list[QueueItem]
    left: int = Field(description="Doubted pairs that wait for this reviewer, those of this answer included.")
    decided: int = Field(description="Pairs on which this reviewer has a standing decision.")
    assigned: int = Field(0, description="Pairs assigned to this reviewer that he or she has not decided.")


class StudyQueueItem(BaseModel):
    """A doubted study: what its record says stands beside its volumes, since the report's text is not kept."""

    study_id: str
    patient: str
    doubts: list[Doubt]
    text: str
    descriptions: dict[SequenceName, str]
    sequences: list[SequenceName]


class StudyQueueAnswer(BaseModel):
    """The worst first."""

    items: list[StudyQueueItem]


class DecisionsAnswer(BaseModel):
    """Decisions that the caller may see, oldest first, and how far readers agree."""

    decisions: list[ReviewDecision]
    agreement: list[Agreement]


class DisputeItem(BaseModel):
    """A pair for stewards to settle; without ``pair`` where it is no longer in this collection."""

    dispute: Dispute
    pair: HitView | None = None


class DisputesAnswer(BaseModel):
    """The longest waiting first."""

    items: list[DisputeItem]


class HistoryAnswer(BaseModel):
    """What was decided and said about one pair, oldest first, as far as the caller may see it."""

    decisions: list[ReviewDecision]
    remarks: list[ReviewRemark]
    hidden: int = Field(description="Decisions and remarks of others, shown once you have decided yourself.")


class ProgressAnswer(BaseModel):
    """How far the review has come. A reviewer sees the totals and his or her own share, a steward everyone's."""

    doubted: int = Field(description="Doubted pairs of this collection.")
    decided: int = Field(description="Pairs with a standing decision.")
    disputed: int = Field(description="Pairs that wait for a steward.")
    by_reader: dict[str, int] = Field(description="Pairs with a standing decision, by reviewer.")
    assignments: list[AssignmentProgress]


class LoginRequest(Message):
    """A token to keep in a cookie that scripts cannot read."""

    token: str = Field(min_length=1, max_length=4000)


class SignInOptions(BaseModel):
    """Where one may sign in, besides with a token of this server."""

    issuer: str | None = Field(description="Host of the OpenID Connect issuer whose sign-in is offered.")


class SignedOut(BaseModel):
    """The session here is over."""

    issuer: str | None = Field(None, description="Where the browser ends its session at the issuer too.")


class Me(BaseModel):
    """Who this server takes the caller for."""

    name: str
    role: Role


class Health(BaseModel):
    """Alive, and serving what."""

    status: Literal["ok", "not-ready"]
    served: Served | None = None
    problem: str = ""


def decoded(image: str) -> bytes:
    """Raises `ImageRefused` ``image-not-base64``."""
    try:
        return base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageRefused(
            "image-not-base64", f"the image is not base64: {error}", "Encode the file's bytes."
        ) from error
