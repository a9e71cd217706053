"""Deliveries in, one plain row an article out: what ``journalclip extract`` prints.

Every delivery ends in exactly one state: ``extracted``, or ``quarantined`` with a stable code and a reason for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from journalclip_extraction.article import ExtractOptions, ReadArticle, ReadDelivery, ReadFigure
from journalclip_extraction.documents import identify
from journalclip_extraction.errors import refuse_empty
from journalclip_extraction.handler import Reading
from journalclip_shared.deliveries import read_delivery
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.records.article import Box


@dataclass(frozen=True)
class Listed:
    """One article's row, and the article where it could be read."""

    row: dict[str, Json]
    article: ReadArticle | None = None


def list_files(paths: Iterable[Path], reader: Reading, options: ExtractOptions) -> Iterator[tuple[Path, Listed]]:
    """Read each delivery, a row an article; a refused one becomes a row with its code and never stops the others."""
    for path in paths:
        try:
            delivery = reader.read(read_delivery(path), options)
            refuse_empty(delivery)
        except PermanentError as error:
            yield path, Listed(_refused(path, error))
        else:
            for number, article in enumerate(delivery.articles, start=1):
                yield path, Listed(_row(path, number, article, delivery), article)


def _refused(path: Path, error: PermanentError) -> dict[str, Json]:
    return {
        "file": str(path),
        "state": "quarantined",
        "code": error.code,
        "reason": error.reason,
        "remedy": error.remedy,
        "figures": [],
    }


def write_crops(folder: Path, source: Path, article: ReadArticle, start: int = 1) -> int:
    """``folder/<file's stem>-<position>-<figure number>.<jpg|png>``: only characters that cannot leave the folder.

    Positions count through all articles of a file, from ``start``; returns the next.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", source.stem)
    for position, figure in enumerate(article.figures, start=start):
        if figure.crop is not None:
            number = re.sub(r"[^A-Za-z0-9]+", "-", figure.key) or "figure"
            suffix = "jpg" if figure.crop.media_type == "image/jpeg" else "png"
            (folder / f"{stem}-{position:03d}-{number}.{suffix}").write_bytes(figure.crop.data)
    return start + len(article.figures)


def _row(path: Path, number: int, article: ReadArticle, delivery: ReadDelivery) -> dict[str, Json]:
    facts = article.facts
    return {
        "file": str(path),
        "article": number,
        "pages": [article.first_page, article.last_page] if article.pages else None,
        "confidence": round(article.confidence, 2),
        "state": "extracted",
        "code": None,
        "article_id": identify(article),
        "article_type": article.article_type or None,
        "pmcid": article.pmcid,
        "sources": list(article.sources),
        "agreement": article.agreement.model_dump(mode="json") if article.agreement else None,
        "left_over": list(delivery.left_over),
        "facts": facts.model_dump(mode="json"),
        "captions_seen": article.captions_seen,
        "figures": [_figure(figure, facts.licence) for figure in article.figures],
    }


def _figure(figure: ReadFigure, licence: str) -> dict[str, Json]:
    return {
        "number": figure.number,
        "series": figure.series,
        "suffix": figure.suffix,
        "label": figure.label,
        "caption": figure.caption,
        "caption_translation": figure.caption_translation,
        "page": figure.page,
        "caption_page": figure.caption_page,
        "bbox": _corners(figure.box),
        "parts": [_corners(box) for box in figure.boxes],
        "continued": [{"page": part.page, "bbox": _corners(part.box)} for part in figure.continued],
        "kind": figure.kind,
        "tier": figure.tier,
        "panels": [
            {
                "letter": panel.letter,
                "bbox": _corners(panel.box),
                "page": panel.page,
                "subcaption": panel.subcaption,
                "text": panel.text,
                "content": panel.content.model_dump(mode="json") if panel.content else None,
            }
            for panel in figure.panels
        ],
        "mentions": [mention.model_dump(mode="json") for mention in figure.mentions],
        "licence": figure.licence or licence,
        "flags": list(figure.flags),
        "quality": figure.quality.model_dump(mode="json") if figure.quality else None,
        "modality": figure.modality,
        "content": figure.content.model_dump(mode="json") if figure.content else None,
        "phash": figure.phash,
        "image": {"media_type": figure.crop.media_type, "pixels": [figure.crop.width, figure.crop.height]}
        if figure.crop
        else None,
    }


def _corners(box: Box | None) -> list[float] | None:
    return [box.x0, box.y0, box.x1, box.y1] if box else None
