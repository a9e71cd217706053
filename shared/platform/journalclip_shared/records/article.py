"""An article as extraction leaves it: facts about it, its figures, their panels and mentions.

Every figure that was found is listed, also those that quality control rejected: a rejected figure keeps its reason and
is never made into a pair. Numbers are normalised (``"1"``, ``"S2"``); labels are as printed.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records import Document

Licence = Literal[
    "CC0",
    "CC BY",
    "CC BY-SA",
    "CC BY-ND",
    "CC BY-NC",
    "CC BY-NC-SA",
    "CC BY-NC-ND",
    "all rights reserved",
    "unknown",
]
Modality = Literal[
    "CT", "MRI", "angiography", "X-ray", "ultrasound", "nuclear", "histology", "endoscopy", "photograph", "chart",
    "diagram", "other", "unknown",
]  # fmt: skip
Usefulness = Literal["imaging", "other", "discard"]


class Box(Document):
    """A rectangle in PDF points, origin top left."""

    x0: float
    y0: float
    x1: float
    y1: float


class Sourced(Document):
    """A fact with where it was read, e.g. ``page 1, footer`` or ``metadata``; value None where it was not found."""

    value: str | None = None
    where: str | None = None


Source = Literal["pdf", "xml", "package"]  # what an article was read from: its pages, its XML, pictures beside them


class Agreement(Document):
    """What the PDF reader found of an article, measured against the article's own XML.

    ``figures`` counts the XML's figures whose words the PDF prints, ``found`` those that the reader found with the same
    number and at least 90 % of the words, ``extra`` figures that the XML does not have.
    """

    figures: int = Field(ge=0)
    found: int = Field(ge=0)
    extra: int = Field(ge=0)
    similarity: tuple[tuple[str, float], ...] = Field((), description="Number and likeness of each XML figure.")
    pictures: tuple[tuple[str, str], ...] = Field((), description="Number of each figure, and which picture was taken.")
    doi: bool | None = Field(None, description="Both have one: are they the same?")
    licence: bool | None = Field(None, description="Both have one: are they the same?")


class ArticleFacts(Document):
    """What the article says of itself."""

    title: Sourced = Sourced()
    doi: Sourced = Sourced()
    journal: Sourced = Sourced()
    year: Sourced = Sourced()
    licence_statement: Sourced = Sourced()
    licence: Licence = "unknown"
    licence_version: str | None = Field(None, description='"4.0"')
    licence_url: str | None = Field(
        None, description="The licence's own address, as the article prints it, with https."
    )
    authors: tuple[str, ...] = Field((), description="As printed, without marks; empty where they were not found.")
    authors_where: str | None = None
    volume: Sourced = Sourced()
    page_range: Sourced = Sourced()


class Mention(Document):
    """A paragraph of the body text that refers to the figure."""

    page: int = Field(ge=1)
    text: str


class Quality(Document):
    """Is this figure worth learning from; by which rule or model; with what score (0 to 1)."""

    usefulness: Usefulness
    score: float = Field(ge=0, le=1)
    by: str
    reason: str = ""


PictureKind = Literal["radiology", "microscopy", "endoscopy", "photograph", "chart", "diagram", "mixed", "other"]
RadiologyModality = Literal[
    "CT", "MR", "X-ray", "ultrasound", "angiography", "PET", "SPECT", "fluoroscopy", "other"
]  # fmt: skip


class PictureContent(Document):
    """What a picture shows, by the classifier named in ``by``; scores are its probabilities."""

    kind: PictureKind
    kind_score: float = Field(ge=0, le=1)
    modalities: tuple[RadiologyModality, ...] = Field((), description="Of radiology.")
    useful: bool = Field(description="A medical picture that a reader can learn from together with its caption.")
    useful_score: float = Field(ge=0, le=1)
    marks: bool | None = Field(None, description="Arrows or letters drawn into it; None for charts and diagrams.")
    by: str


Fingerprint = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9+/]{1451}=$", description="`journalclip_shared.fingerprints`: also of altered copies."),
]


class Panel(Document):
    """One part of a compound figure, with its own subcaption."""

    panel_id: str
    letter: str | None = None
    page: int = Field(ge=1)
    box: Box
    subcaption: str | None = None
    text: str | None = Field(None, description="What its pair says: the words common to all panels, then its own.")
    image: ArtifactRef | None = None
    phash: str | None = Field(None, description="64-bit perceptual hash of the crop, 16 hexadecimal digits.")
    fingerprint: Fingerprint | None = None
    content: PictureContent | None = None


class FigurePart(Document):
    """What continues a figure on a later page ("Figure 2 (continued)")."""

    page: int = Field(ge=1)
    box: Box | None = None
    boxes: tuple[Box, ...] = ()
    image: ArtifactRef | None = None
    pixels: tuple[int, int] | None = None
    phash: str | None = None


class Figure(Document):
    """A figure, its caption, and what is known of it. Page, box and image are those of its first part."""

    figure_id: str
    number: str
    label: str
    caption: str
    caption_page: int = Field(ge=1)
    page: int = Field(ge=1)
    box: Box | None = None
    boxes: tuple[Box, ...] = Field((), description="The parts, where the figure is spread over several images.")
    kind: Literal["raster", "vector", "mixed", "none"] = "raster"
    image: ArtifactRef | None = None
    pixels: tuple[int, int] | None = Field(None, description="Width and height of ``image``.")
    phash: str | None = None
    fingerprint: Fingerprint | None = None
    tier: Literal["panels", "whole"] = "whole"
    panels: tuple[Panel, ...] = ()
    mentions: tuple[Mention, ...] = ()
    quality: Quality | None = None
    modality: Modality = "unknown"
    modality_by: str = "none"
    content: PictureContent | None = None
    continued: tuple[FigurePart, ...] = Field((), description="The parts on later pages; panels name their own page.")
    series: str = Field("", description='What is numbered beside the figures: "supplementary", "plate", "case 2".')
    suffix: str = Field("", description='"A" where 1A and 1B have captions of their own.')
    licence: Licence | None = Field(None, description="Where the figure states terms of its own; never looser.")
    flags: tuple[str, ...] = Field((), description='"symbols-uncertain": a sign may be another than print shows.')
    caption_translation: str = Field("", description="The caption in the article's other language.")


class ExtractedArticle(Document):
    """Everything one extractor version read of one article."""

    article_id: str
    extractor: str = Field(description="Name and version of the extractor and its options; part of every id below.")
    pdf: ArtifactRef
    name: str
    pages: int = Field(ge=1)
    facts: ArticleFacts = ArticleFacts()
    figures: tuple[Figure, ...] = ()
    delivery_id: str = Field("", description="What it came in; where that held several articles, their parent.")
    first_page: int = Field(1, ge=1, description="Its first page in the file that it came in.")
    confidence: float = Field(1.0, ge=0, le=1, description="That it begins and ends on these pages.")
    pmcid: str | None = None
    article_type: str = ""
    sources: tuple[Source, ...] = ("pdf",)
    agreement: Agreement | None = None
    unseen: tuple[str, ...] = Field((), description="Texts of the file that no reader sees: white, tiny, off the page.")
    captions_seen: int | None = Field(None, description="Captions of figures that were seen; figures may be fewer.")


class DeliveredArticle(Document):
    """One article of a delivery: where it stood, and its document or why there is none."""

    article_id: str
    first_page: int = Field(ge=1)
    last_page: int = Field(ge=1)
    title: str | None = None
    document: ArtifactRef
    figures: int = Field(ge=0)
    panels: int = Field(ge=0)


class ExtractedDelivery(Document):
    """What one extractor version found in one delivery: the parent of its articles."""

    delivery_id: str
    extractor: str
    name: str
    pages: int = Field(ge=0)
    title: str = ""
    articles: tuple[DeliveredArticle, ...]
    left_over: tuple[str, ...] = Field((), description="Pages and files that belong to no article.")
