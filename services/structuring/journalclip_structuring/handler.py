"""`FiguresExtracted` in, `PairsStructured` out: every usable figure and panel becomes an image-text pair.

Idempotent: the manifest of this extractor, this structurer and this article is written once and last; when it is there
the work is done. A figure is usable when it has an image, a caption, and quality control did not discard it. A text
that the structurer could not do has no pair and stands with its reason among the article's `failed`; where the world is
at fault nothing is written, and the delivery is tried again or the loop stops.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from prometheus_client.registry import Collector
from pydantic import ValidationError

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import Event, Fact, FiguresExtracted, PairsStructured
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import make_id, sha256_hex
from journalclip_shared.records.article import ExtractedArticle, Figure, Modality, Panel
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.pair import FailedText, Pair, StructuredArticle
from journalclip_structuring.errors import StructurerStopped, StructurerUnavailable, UnreadableDocument
from journalclip_structuring.injection import suspicions
from journalclip_structuring.panels import PanelTexts, panel_texts, text_of
from journalclip_structuring.structurer import Failure, Structurer, StructureRequest, StructureResult, signature

_CODED_AS: dict[str, Modality] = {
    "microscopy": "other",
    "OCT": "other",
    "fundus imaging": "photograph",
    "blot": "other",
}


@dataclass(frozen=True)
class Source:
    """A figure, or one of its panels, that will be a pair."""

    figure: Figure
    panel: Panel | None
    image: ArtifactRef
    text: str


class StructuringHandler:
    """The service's one handler; reads and writes only through ``store``."""

    group = names.group("structuring", "articles")
    consumes: tuple[type[Fact], ...] = (FiguresExtracted,)

    def __init__(self, store: ArtifactStore, structurer: Structurer) -> None:
        self._store = store
        self._structurer = structurer
        self.metrics: Sequence[Collector] = getattr(structurer, "metrics", ())

    def handle(self, event: Event) -> Iterable[Fact]:
        fact = event.fact
        if not isinstance(fact, FiguresExtracted):
            raise TypeError(f"{type(fact).__name__} is not for structuring")
        article = self._read(fact.document)
        name = manifest_name(article, self._structurer)
        done = self._store.find_manifest("figures", name)
        if done is not None:
            pairs = len(StructuredArticle.model_validate_json(self._store.get(done)).pairs)
        else:
            structured = self._structure(article, fact.document)
            hit("structuring.structured")
            done = self._store.put_manifest("figures", name, structured.canonical())
            pairs = len(structured.pairs)
        return [PairsStructured(article_id=article.article_id, document=done, pairs=pairs)]

    def _read(self, document: ArtifactRef) -> ExtractedArticle:
        try:
            return ExtractedArticle.model_validate_json(self._store.get(document))
        except ValidationError as error:
            raise UnreadableDocument(document.uri, error.error_count()) from error

    def _structure(self, article: ExtractedArticle, source: ArtifactRef) -> StructuredArticle:
        figures = [each for each in article.figures if not _discarded(each)]
        panels = panel_texts(figures, self._structurer)
        check_world(panels.failures.values())
        sources = list(usable(figures, panels.texts))
        requests = [StructureRequest(str(i), each.text, panel=_letter(each)) for i, each in enumerate(sources)]
        results = finished(self._structurer.structure(requests))
        done = [(each, result.record) for each, result in zip(sources, results, strict=True)]
        hides = hides_orders(article.unseen)
        return StructuredArticle(
            article_id=article.article_id,
            structurer=signature(self._structurer),
            extractor=article.extractor,
            source=source,
            name=article.name,
            pdf=article.pdf,
            facts=article.facts,
            pairs=tuple(
                _pair(article, each, _flagged(record) if hides else record)
                for each, record in done
                if isinstance(record, CaptionRecord)
            ),
            failed=(
                *(
                    _failed(each, result.failure)
                    for each, result in zip(sources, results, strict=True)
                    if result.failure
                ),
                *_without_text(figures, panels),
            ),
        )


def finished(results: Sequence[StructureResult]) -> Sequence[StructureResult]:
    """The results, where the world let all texts be tried. Raises `StructurerStopped`, `StructurerUnavailable`."""
    check_world(result.failure for result in results if result.failure)
    return results


def check_world(failures: Iterable[Failure]) -> None:
    """Raises `StructurerStopped` or `StructurerUnavailable` where one of the failures is the world's."""
    waiting = [failure for failure in failures if failure.retryable]
    if not waiting:
        return
    first = next((failure for failure in waiting if failure.stops), waiting[0])
    if first.stops:
        raise StructurerStopped(first.code, first.reason, first.setting)
    raise StructurerUnavailable(first.code, first.reason, len(waiting))


def _failed(source: Source, failure: Failure) -> FailedText:
    return FailedText(
        figure_id=source.figure.figure_id,
        panel_id=source.panel.panel_id if source.panel else None,
        code=failure.code,
        reason=failure.reason[:200],
    )


def _without_text(figures: Sequence[Figure], panels: PanelTexts) -> Iterator[FailedText]:
    """Panels that no words could be found for."""
    for figure in figures:
        for panel in figure.panels:
            failure = panels.failures.get(panel.panel_id)
            if failure is not None and panel.panel_id not in panels.texts:
                yield FailedText(
                    figure_id=figure.figure_id,
                    panel_id=panel.panel_id,
                    code=failure.code,
                    reason=failure.reason[:200],
                )


def hides_orders(unseen: Sequence[str]) -> bool:
    """Does a file give orders in what its readers do not see?"""
    return any(suspicions(text) for text in unseen)


def _flagged(record: CaptionRecord) -> CaptionRecord:
    """Of an article that hides orders from its readers: whatever of it was read, people should look at it."""
    kept = [flag for flag in record.flags if flag != "hidden-instruction"]
    return record.model_copy(update={"flags": ("hidden-instruction", *kept)})


def usable(figures: Sequence[Figure], texts: Mapping[str, str] | None = None) -> Iterator[Source]:
    """Each figure that can be a pair, followed by each of its panels that can; ``texts`` stand for panels' own."""
    for figure in figures:
        if _discarded(figure):
            continue
        if figure.image is not None and figure.caption.strip():
            yield Source(figure, None, figure.image, figure.caption.strip())
        if figure.tier == "panels":
            for panel in figure.panels:
                text = (texts or {}).get(panel.panel_id) or text_of(panel)
                if panel.image is not None and text:
                    yield Source(figure, panel, panel.image, text)


def _discarded(figure: Figure) -> bool:
    return figure.quality is not None and figure.quality.usefulness == "discard"


def manifest_name(article: ExtractedArticle, structurer: Structurer) -> str:
    """Where the work on this article by this extractor and structurer is recorded."""
    richer = "" if article.sources == ("pdf",) else f".{'-'.join(article.sources)}"  # a later, better delivery of it
    name = names.structured(slug(article.extractor), slug(signature(structurer)), article.article_id)
    return f"{name}{richer}"


def slug(version: str) -> str:
    """A version as a manifest's path segment; versions that differ have slugs that differ."""
    plain = re.sub(r"[^A-Za-z0-9_=-]+", "-", version).strip("-")[:60].strip("-") or "v"
    return plain if plain == version else f"{plain}-{sha256_hex(version.encode())[:8]}"


def _pair(article: ExtractedArticle, source: Source, record: CaptionRecord) -> Pair:
    """The pair's id names who wrote its record, which is not always the structurer that was asked."""
    figure, panel = source.figure, source.panel
    return Pair(
        pair_id=make_id("pair", figure.figure_id, panel.panel_id if panel else "", record.by),
        article_id=article.article_id,
        figure_id=figure.figure_id,
        panel_id=panel.panel_id if panel else None,
        letter=panel.letter if panel else None,
        label=figure.label,
        image=source.image,
        phash=panel.phash if panel else figure.phash,
        fingerprint=panel.fingerprint if panel else figure.fingerprint,
        text=source.text,
        record=record,
        mentions=tuple(mention.text for mention in figure.mentions),
        page=panel.page if panel else figure.page,
        box=panel.box if panel else figure.box,
        modality=_modality(source, record),
        tier="panels" if panel else "whole",
        quality=figure.quality,
        licence=figure.licence or article.facts.licence,
    )


def _modality(source: Source, record: CaptionRecord) -> Modality:
    """What the panel's own words say, else what extraction found for the figure, else what the caption says."""
    if source.figure.modality != "unknown" and (source.panel is None or not record.modality):
        return source.figure.modality
    if not record.modality:
        return "unknown"
    term = record.modality[0].term
    return next((known for known in get_args(Modality) if known == term), _CODED_AS.get(term, "other"))


def _letter(source: Source) -> str | None:
    return source.panel.letter if source.panel else None
