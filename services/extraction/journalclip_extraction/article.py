"""What reading a delivery yields, before anything is stored: plain values that can leave the parser's child process.

No PDF library object, no path and no id is in here: only numbers, text and encoded image bytes. Boxes are in PDF
points, origin at the top left of the page; pages count from 1. A delivery (a PDF, or a bundle of files) holds
one article or several. The handler turns each `ReadArticle` into an `ExtractedArticle` by storing the crops and making
the ids.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from PIL import Image

from journalclip_shared.records.article import (
    Agreement,
    ArticleFacts,
    Box,
    Fingerprint,
    Licence,
    Mention,
    Modality,
    PictureContent,
    Quality,
    Source,
)
from journalclip_sources.pdf.labels import series_key

LOOK = 512  # pixels a side


@dataclass(frozen=True)
class ExtractOptions:
    """What a caller may choose; part of the extractor's version, since other options give other bytes."""

    crops: bool = True  # False: boxes and text only, as the speed benchmark and --no-crops use it
    dpi: int = 200  # for figures that must be rendered; a figure that is one raster keeps its own pixels
    max_pixels: int = 24_000_000  # per crop; larger ones are rendered smaller
    panels: bool = True
    ocr: str = ""  # language of scanned pages, e.g. "eng" or "eng+deu"; empty: they are refused as needs-ocr
    crossref: str = ""  # address of Crossref's API, asked for what an article leaves open; empty: nobody is asked
    quality_model: str = ""  # a trained quality model as JSON; empty: measured rules judge


@dataclass(frozen=True)
class Crop:
    """An encoded image."""

    data: bytes = field(repr=False)
    media_type: Literal["image/jpeg", "image/png"]
    width: int
    height: int

    @cached_property
    def look(self) -> Image.Image:
        """The picture at no more than twice what any measurement needs: what classifiers and hashes are shown."""
        image = Image.open(io.BytesIO(self.data))
        image.draft("RGB", (LOOK, LOOK))  # a JPEG is decoded at an eighth of its cost
        image.thumbnail((LOOK, LOOK), Image.Resampling.BOX)
        return image

    def shown_by(self, image: Image.Image) -> Crop:
        """Itself, with its `look` made from ``image``: its pixels, which are used up. Spares decoding them again."""
        image.thumbnail((LOOK, LOOK), Image.Resampling.BOX)
        vars(self)["look"] = image
        return self


@dataclass(frozen=True)
class ReadPanel:
    """A part of a compound figure."""

    letter: str | None
    page: int
    box: Box
    subcaption: str | None = None
    crop: Crop | None = None
    phash: str | None = None
    text: str | None = None  # the words common to all panels, then its own
    content: PictureContent | None = None
    fingerprint: Fingerprint | None = None


@dataclass(frozen=True)
class ReadPart:
    """What continues a figure on a later page."""

    page: int
    box: Box | None
    boxes: tuple[Box, ...] = ()
    crop: Crop | None = None
    phash: str | None = None


@dataclass(frozen=True)
class ReadFigure:
    """A figure as found on its page(s). ``page``, ``box`` and ``crop`` are those of its first part."""

    number: str  # normalised: "1", "S2", "2.1", "1-4"; "" where none is printed
    label: str  # as printed: "FIG. 1."
    caption: str
    caption_page: int
    page: int
    box: Box | None
    boxes: tuple[Box, ...] = ()
    kind: Literal["raster", "vector", "mixed", "none"] = "raster"
    crop: Crop | None = None
    phash: str | None = None
    tier: Literal["panels", "whole"] = "whole"
    panels: tuple[ReadPanel, ...] = ()
    mentions: tuple[Mention, ...] = ()
    quality: Quality | None = None
    modality: Modality = "unknown"
    modality_by: str = "none"
    content: PictureContent | None = None
    fingerprint: Fingerprint | None = None
    continued: tuple[ReadPart, ...] = ()
    series: str = ""  # what is numbered beside the figures: "supplementary", "plate", "case 2"
    suffix: str = ""  # "A" where 1A and 1B have captions of their own
    licence: Licence | None = None  # where the caption states terms of its own; never looser than the article's
    flags: tuple[str, ...] = ()
    caption_translation: str = ""
    lettered: bool = False  # the names of its panels are drawn into their pictures

    @property
    def key(self) -> str:
        """Names the figure in its article: series, number and suffix."""
        return series_key(self.series, self.number) + self.suffix.lower()


@dataclass(frozen=True)
class ReadArticle:
    """One article, read. ``pages`` counts its pages, ``first_page`` says where in its file they begin."""

    pages: int
    facts: ArticleFacts
    figures: tuple[ReadFigure, ...]
    unseen: tuple[str, ...] = ()  # texts of the file that no reader sees
    captions_seen: int = 0  # captions of figures; what is more than the figures was seen and not kept
    first_page: int = 1
    confidence: float = 1.0  # that the article begins and ends on these pages
    pmcid: str | None = None
    digest: str = ""  # of what its pages say: its identity where it has neither DOI nor PMCID
    article_type: str = ""  # as its XML says ("case-report", "retraction"); of pages alone only that of a notice
    sources: tuple[Source, ...] = ("pdf",)
    agreement: Agreement | None = None  # where both PDF and XML are there
    retracts: tuple[str, ...] = ()  # DOIs of articles that it says are retracted
    retracted: bool = False  # as the metadata beside it says

    @property
    def last_page(self) -> int:
        return self.first_page + self.pages - 1


@dataclass(frozen=True)
class ReadDelivery:
    """Everything that came together. ``left_over``: files and pages that belong to no article."""

    articles: tuple[ReadArticle, ...]
    pages: int = 0
    title: str = ""
    left_over: tuple[str, ...] = ()
