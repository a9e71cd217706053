"""Files in, one plain row a file out: what ``journalclip extract`` prints.

Every file ends in exactly one state: ``extracted``, or ``quarantined`` with a stable code and a reason for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from journalclip_extraction.article import ExtractOptions, ReadArticle, ReadFigure
from journalclip_extraction.errors import NoFigures
from journalclip_extraction.handler import Reading
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.records.article import Box


@dataclass(frozen=True)
class Listed:
    """One file's row, and the article it came from where it could be read."""

    row: dict[str, Json]
    article: ReadArticle | None = None


def list_files(paths: Iterable[Path], reader: Reading, options: ExtractOptions) -> Iterator[tuple[Path, Listed]]:
    """Read each file; a refused one becomes a row with its code and never stops the others."""
    for path in paths:
        try:
            article = reader.read(_bytes(path), options)
            if not article.figures:
                raise NoFigures(article.pages)
        except PermanentError as error:
            yield (
                path,
                Listed(
                    {
                        "file": str(path),
                        "state": "quarantined",
                        "code": error.code,
                        "reason": error.reason,
                        "remedy": error.remedy,
                        "figures": [],
                    }
                ),
            )
        else:
            yield path, Listed(_row(path, article), article)


def iter_pdfs(paths: Iterable[Path]) -> Iterator[Path]:
    """PDFs named, and those inside folders named, in a stable order."""
    for path in paths:
        yield from sorted(path.rglob("*.pdf")) if path.is_dir() else [path]


def write_crops(folder: Path, source: Path, article: ReadArticle) -> None:
    """``folder/<file's stem>-<position>-<figure number>.<jpg|png>``: only characters that cannot leave the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", source.stem)
    for position, figure in enumerate(article.figures, start=1):
        if figure.crop is not None:
            number = re.sub(r"[^A-Za-z0-9]+", "-", figure.key) or "figure"
            suffix = "jpg" if figure.crop.media_type == "image/jpeg" else "png"
            (folder / f"{stem}-{position:03d}-{number}.{suffix}").write_bytes(figure.crop.data)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PermanentError(
            "file-unreadable", f"{path}: {error.strerror}", "Check the path and its rights."
        ) from error


def _row(path: Path, article: ReadArticle) -> dict[str, Json]:
    facts = article.facts
    return {
        "file": str(path),
        "state": "extracted",
        "code": None,
        "pages": article.pages,
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
            }
            for panel in figure.panels
        ],
        "mentions": [mention.model_dump(mode="json") for mention in figure.mentions],
        "licence": figure.licence or licence,
        "flags": list(figure.flags),
        "quality": figure.quality.model_dump(mode="json") if figure.quality else None,
        "modality": figure.modality,
        "phash": figure.phash,
        "image": {"media_type": figure.crop.media_type, "pixels": [figure.crop.width, figure.crop.height]}
        if figure.crop
        else None,
    }


def _corners(box: Box | None) -> list[float] | None:
    return [box.x0, box.y0, box.x1, box.y1] if box else None
