"""`ArticleSubmitted` -> `FiguresExtracted`: read the PDF in the sandbox, store the crops, write the manifest last.

Idempotent: the manifest ``extracted/<extractor>/<article_id>`` is looked for first, and where it is there the work is
done. Ids come from the article, the extractor's slug and the figure's number, never from time or place, so a delivery
that died half-way leaves nothing that its repetition does not write again, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from journalclip_extraction.article import Crop, ExtractOptions, ReadArticle, ReadFigure, ReadPanel, ReadPart
from journalclip_extraction.errors import NoFigures
from journalclip_extraction.version import slug
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import ArticleSubmitted, Event, Fact, FiguresExtracted
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import make_id
from journalclip_shared.records.article import ExtractedArticle, Figure, FigurePart, Panel


class Reading(Protocol):
    """What reads a PDF; the sandbox in production."""

    def read(self, data: bytes, options: ExtractOptions) -> ReadArticle:
        """Raises `PermanentError` with a stable code, or `TransientError`."""
        ...


class ExtractionHandler:
    """One article an event."""

    group = names.group("extraction", "articles")
    consumes: tuple[type[Fact], ...] = (ArticleSubmitted,)

    def __init__(self, store: ArtifactStore, sandbox: Reading, options: ExtractOptions) -> None:
        self._store = store
        self._sandbox = sandbox
        self._options = options
        self.extractor = slug(options)

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `PermanentError` (`no-figures` and the codes of parser and sandbox), `TransientError`."""
        fact = event.fact
        if not isinstance(fact, ArticleSubmitted):
            raise TypeError(f"extraction does not consume {event.topic}")
        yield self.extract(fact)

    def extract(self, fact: ArticleSubmitted) -> FiguresExtracted:
        """As `handle`, for callers that have a fact and no bus."""
        name = names.extracted(self.extractor, fact.article_id)
        done = self._store.find_manifest("figures", name)
        if done is not None:
            return _announce(ExtractedArticle.model_validate_json(self._store.get(done)), done)
        article = self._sandbox.read(self._store.get(fact.pdf), self._options)
        hit("extraction.read")
        if not article.figures:
            raise NoFigures(article.pages)
        document = self._document(fact, article)
        return _announce(document, self._store.put_manifest("figures", name, document.canonical()))

    def _document(self, fact: ArticleSubmitted, article: ReadArticle) -> ExtractedArticle:
        seen: Counter[str] = Counter()
        figures = []
        for figure in article.figures:
            # A journal that prints two figures of one number still has two figures.
            figures.append(self._figure(figure, fact.article_id, seen[figure.key]))
            hit("extraction.figure-stored")
            seen[figure.key] += 1
        return ExtractedArticle(
            article_id=fact.article_id,
            extractor=self.extractor,
            pdf=fact.pdf,
            name=fact.name,
            pages=article.pages,
            facts=article.facts,
            figures=tuple(figures),
            unseen=article.unseen,
            captions_seen=article.captions_seen,
        )

    def _figure(self, figure: ReadFigure, article_id: str, repeat: int) -> Figure:
        figure_id = make_id("fig", article_id, self.extractor, figure.key, str(repeat))
        crop = figure.crop
        return Figure(
            figure_id=figure_id,
            number=figure.number,
            label=figure.label,
            caption=figure.caption,
            caption_page=figure.caption_page,
            page=figure.page,
            box=figure.box,
            boxes=figure.boxes,
            kind=figure.kind,
            image=self._put(crop),
            pixels=(crop.width, crop.height) if crop else None,
            phash=figure.phash,
            tier=figure.tier,
            panels=self._panels(figure.panels, figure_id),
            mentions=figure.mentions,
            quality=figure.quality,
            modality=figure.modality,
            modality_by=figure.modality_by,
            continued=tuple(map(self._part, figure.continued)),
            series=figure.series,
            suffix=figure.suffix,
            licence=figure.licence,
            flags=figure.flags,
            caption_translation=figure.caption_translation,
        )

    def _part(self, part: ReadPart) -> FigurePart:
        return FigurePart(
            page=part.page,
            box=part.box,
            boxes=part.boxes,
            image=self._put(part.crop),
            pixels=(part.crop.width, part.crop.height) if part.crop else None,
            phash=part.phash,
        )

    def _panels(self, panels: Sequence[ReadPanel], figure_id: str) -> tuple[Panel, ...]:
        return tuple(
            Panel(
                panel_id=make_id("pan", figure_id, str(index), panel.letter or ""),
                letter=panel.letter,
                page=panel.page,
                box=panel.box,
                subcaption=panel.subcaption,
                text=panel.text,
                image=self._put(panel.crop),
                phash=panel.phash,
            )
            for index, panel in enumerate(panels)
        )

    def _put(self, crop: Crop | None) -> ArtifactRef | None:
        return self._store.put("figures", crop.data, crop.media_type) if crop else None


def _announce(document: ExtractedArticle, ref: ArtifactRef) -> FiguresExtracted:
    panels = sum(len(figure.panels) for figure in document.figures)
    return FiguresExtracted(article_id=document.article_id, document=ref, figures=len(document.figures), panels=panels)
