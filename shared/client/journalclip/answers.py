"""The part of the server's answers that this client promises; whatever else an answer holds is left out.

Words that the server chooses from a list (a modality, a licence) are plain strings here, so that a new word breaks no
client. The service's tests hold every field against the service's own OpenAPI document.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Answered(BaseModel):
    """Base of answers: frozen, and open to fields of a newer server."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


class Served(Answered):
    """Which model and index answered."""

    model_id: str
    version: str
    dataset_id: str
    index_id: str


class Reason(Answered):
    """A term of the query that a hit has. ``spans``: start and end characters in the caption."""

    said: str
    where: str
    share: float
    spans: tuple[tuple[int, int], ...] = ()


class Region(Answered):
    """Where a panel lies on its figure, as shares of the figure's width and height."""

    left: float
    top: float
    width: float
    height: float


class Quality(Answered):
    """Whether a figure is worth learning from, by which rule or model, with what score (0 to 1)."""

    usefulness: str
    score: float
    by: str
    reason: str = ""


class Hit(Answered):
    """One pair that answers a query. Addresses are relative to the server's."""

    rank: int
    score: float
    share: float | None = Field(None, description="How much of the query's words the pair says, 0 to 1.")
    similarity: float | None = Field(None, description="Cosine of the query with the pair, -1 to 1.")
    exact: str | None = Field(None, description="What was looked up and is this pair's: id, caption, title, phrase.")
    reasons: tuple[Reason, ...] = ()
    pair_id: str
    figure_id: str
    panel_id: str | None = None
    article_id: str
    label: str
    letter: str | None = None
    caption: str
    page: int
    name: str
    title: str | None = None
    journal: str | None = None
    year: str | None = None
    doi: str | None = None
    licence: str
    modality: str
    tier: str
    quality: Quality | None = None
    split: str | None = None
    matched: tuple[str, ...] = ()
    region: Region | None = None
    image_url: str
    figure_image_url: str
    cite: str


class Correction(Answered):
    """A word of the query that was read as another."""

    typed: str
    read_as: str


class Expansion(Answered):
    """A word of the query and what else it means."""

    said: str
    means: str


class SearchAnswer(Answered):
    """Hits in falling order of score, what is to be told about the query, and the filters' counts."""

    served: Served
    pairs: int
    mode: str
    notice: str | None = None
    corrections: tuple[Correction, ...] = ()
    expansions: tuple[Expansion, ...] = ()
    unknown: tuple[str, ...] = ()
    cut: bool = False
    picture: str | None = None
    facets: dict[str, dict[str, int]]
    hits: tuple[Hit, ...]


class EmbedAnswer(Answered):
    """Unit vectors in the order of the request. ``cut``: numbers of the texts of which only the beginning was read."""

    served: Served
    dim: int
    texts: list[list[float]]
    images: list[list[float]]
    cut: tuple[int, ...] = ()


class LabelScore(Answered):
    """One label's share."""

    label: str
    probability: float


class ClassifyAnswer(Answered):
    """Labels, most probable first."""

    served: Served
    labels: tuple[LabelScore, ...]


class Mention(Answered):
    """A sentence of the article that names the figure."""

    page: int
    text: str


class Box(Answered):
    """A rectangle in PDF points, origin top left."""

    x0: float
    y0: float
    x1: float
    y1: float


class Sourced(Answered):
    """A fact with where it was read; both None where it was not found."""

    value: str | None = None
    where: str | None = None


class Facts(Answered):
    """What is known of the article."""

    title: Sourced = Sourced()
    doi: Sourced = Sourced()
    journal: Sourced = Sourced()
    year: Sourced = Sourced()
    volume: Sourced = Sourced()
    page_range: Sourced = Sourced()
    authors: tuple[str, ...] = ()
    licence_url: str | None = None


class Figure(Answered):
    """A figure with its pairs and where it came from."""

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
    mentions: tuple[Mention, ...]
    licence: str
    article_id: str
    name: str
    pages: int
    pdf_sha256: str
    facts: Facts
    extractor: str
    structurer: str
    pairs: tuple[Hit, ...]
    regions: dict[str, Region]


class Health(Answered):
    """What a server serves, and what is wrong."""

    status: str
    served: Served | None = None
    problem: str = ""


class Me(Answered):
    """Who a server takes the caller for."""

    name: str
    role: str


class Problem(Answered):
    """A refusal's body, as far as it is the server's own."""

    code: str = "http"
    reason: str = ""
    remedy: str = ""
