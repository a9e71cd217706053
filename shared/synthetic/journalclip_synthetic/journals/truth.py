"""What is true of a synthetic article: the answers an extractor should give.

Boxes are in PDF points, origin top left; pages count from 1. `gold` is the form in which the real articles' answers
come, with panels, mentions and facts added.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from journalclip_synthetic.journals.facts import CaseFacts

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class PanelTruth:
    """A panel of a compound figure."""

    letter: str | None
    bbox: Bounds
    subcaption: str
    facts: CaseFacts | None


@dataclass(frozen=True)
class FigureTruth:
    """A figure. ``bbox_kind`` is "single" for one raster, "complex" for several images or vectors."""

    number: str
    label: str
    caption: str
    page: int
    bbox: Bounds
    bbox_page: int
    bbox_kind: Literal["single", "complex"]
    panels: tuple[PanelTruth, ...] = ()
    letters: Literal["pixels", "text", "none"] = "none"
    facts: CaseFacts | None = None  # of a figure with one picture
    modality: str = "chart"
    scored: bool = True


@dataclass(frozen=True)
class ArticleTruth:
    """An article and its figures; ``mentions`` maps a figure's number to the paragraphs that refer to it."""

    name: str
    journal: str
    title: str
    doi: str
    year: str
    licence: str
    pages: int
    figures: tuple[FigureTruth, ...]
    mentions: dict[str, list[str]] = field(default_factory=dict)

    def gold(self) -> dict[str, Any]:
        """As one entry of gold.json."""
        entry = asdict(self)
        entry.pop("name")
        return entry
