"""Figures, pictures, pages, and where each came from."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from journalclip_inference.api.schemas import FigureView, Id, views
from journalclip_inference.api.serving import REFUSALS, Parts, Serving, Viewer
from journalclip_inference.api.transport import kept, unchanged
from journalclip_inference.auth import Principal
from journalclip_inference.errors import NotFound
from journalclip_inference.hits import Standing, hit_of
from journalclip_inference.index.rows import Row
from journalclip_inference.pictures import SIDES
from journalclip_inference.reader import Reader
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.ids import Json
from journalclip_shared.lineage import Lineage
from journalclip_shared.records.article import Figure
from journalclip_shared.records.pair import StructuredArticle

router = APIRouter(prefix="/v1", responses=REFUSALS, tags=["figures"])
FigureId = Annotated[Id, Path(examples=["fig_abcdefghij0123456789"])]
Side = Annotated[int | None, Query(description=f"Longest side in pixels: one of {SIDES}.", ge=1, le=4000)]
_PICTURE: dict[int | str, dict[str, object]] = {200: {"content": {"image/jpeg": {}, "image/png": {}}}}


@router.get("/figures/{figure_id}")
async def figure(figure_id: FigureId, parts: Parts, _who: Viewer) -> FigureView:
    """A figure with its pairs, its article's facts, and what read them from which page of which file."""
    reader, rows = await parts.aliases.found(figure_id, lambda each: parts.backend.read(partial(_rows, figure_id=each)))
    article, found = await asyncio.to_thread(_documents, parts, rows[0])
    return _view(reader, rows, article, found, parts)


@router.get("/figures/{figure_id}/image", response_class=Response, responses=_PICTURE)
async def figure_image(request: Request, figure_id: FigureId, parts: Parts, who: Viewer, side: Side = None) -> Response:
    """The whole figure; not shown to readers where one of its panels is withheld."""
    rows = await _asked_whole(parts, figure_id, who)
    return await _crop(request, parts, rows[0].figure_image or rows[0].pair.image, side)


@router.get("/figures/{figure_id}/page", response_class=Response, responses={200: {"content": {"image/png": {}}}})
async def figure_page(request: Request, figure_id: FigureId, parts: Parts, who: Viewer) -> Response:
    """The page the figure stands on, drawn from the PDF; withheld as the whole figure is."""
    rows = await _asked_whole(parts, figure_id, who)
    article, found = await asyncio.to_thread(_documents, parts, rows[0])
    tag = f"{article.pdf.sha256[:32]}-{found.page}"
    if (same := unchanged(request, tag)) is not None:
        return same
    data = await asyncio.to_thread(parts.pictures.page, article.pdf, found.page)
    return Response(data, media_type="image/png", headers=kept(tag))


@router.get("/images/{pair_id}", response_class=Response, responses=_PICTURE)
async def pair_image(request: Request, pair_id: Id, parts: Parts, who: Viewer, side: Side = None) -> Response:
    """A pair's own picture."""
    reviews = who.may("reviewer")
    row = await parts.aliases.found(
        pair_id, lambda each: parts.backend.read(partial(_row, pair_id=each, reviews=reviews))
    )
    return await _crop(request, parts, row.pair.image, side)


@router.get("/explain/{wanted}")
async def explain(wanted: Id, parts: Parts, _who: Viewer) -> dict[str, object]:
    """Any pair, figure, panel, article, dataset or model, walked back to page and file and on to dataset and run."""

    def explained(each: str) -> dict[str, Json]:
        return dict(Lineage(parts.store, parts.aliases.finder(parts.store)).explain(each))

    steps = await parts.aliases.found(wanted, lambda each: asyncio.to_thread(explained, each))
    withheld = await asyncio.to_thread(parts.withholding.current)
    withheld.refuse(steps)
    return dict(steps)


async def _crop(request: Request, parts: Serving, ref: ArtifactRef, side: int | None) -> Response:
    tag = f"{ref.sha256[:32]}-{_side(side) or 'whole'}"
    if (same := unchanged(request, tag)) is not None:
        return same
    data, media_type = await asyncio.to_thread(parts.pictures.crop, ref, _side(side))
    return Response(data, media_type=media_type, headers=kept(tag))


def _rows(reader: Reader, figure_id: str) -> tuple[Reader, list[Row]]:
    return reader, reader.figure(figure_id)


async def _asked_whole(parts: Serving, figure_id: str, who: Principal) -> list[Row]:
    reviews = who.may("reviewer")
    _, rows = await parts.aliases.found(
        figure_id, lambda each: parts.backend.read(partial(_whole, figure_id=each, reviews=reviews))
    )
    return rows


def _whole(reader: Reader, figure_id: str, reviews: bool) -> tuple[Reader, list[Row]]:
    """Every pair of the figure. Raises the reason where one of them is withheld: its picture is part of the whole."""
    shown = reader.for_reviewers if reviews else reader
    for position in shown.collection.of_figure(figure_id):
        shown.collection.refuse(position)
    return _rows(shown, figure_id)


def _row(reader: Reader, pair_id: str, reviews: bool) -> Row:
    return (reader.for_reviewers if reviews else reader).row(pair_id)


def _side(wanted: int | None) -> int | None:
    """The offered size that is at least as large as the one asked for."""
    return None if wanted is None else next((side for side in SIDES if side >= wanted), SIDES[-1])


def _documents(parts: Serving, row: Row) -> tuple[StructuredArticle, Figure]:
    found = parts.documents.of_pair(row.pair.article_id, row.pair.pair_id)
    figure = parts.documents.figure(found, row.pair.figure_id) if found else None
    if found is None or figure is None:
        raise NotFound("documents of figure", row.pair.figure_id)
    return found, figure


def _view(reader: Reader, rows: list[Row], article: StructuredArticle, found: Figure, parts: Serving) -> FigureView:
    agreement = [reader.collection.agreement(reader.collection.position(row.pair.pair_id) or 0) for row in rows]
    hits = tuple(hit_of(row, Standing(n, score)) for n, (row, score) in enumerate(zip(rows, agreement, strict=True), 1))
    return FigureView(
        served=reader.served,
        figure_id=found.figure_id,
        label=found.label,
        caption=found.caption,
        page=found.page,
        caption_page=found.caption_page,
        box=found.box,
        image_url=f"/v1/figures/{found.figure_id}/image",
        page_url=f"/v1/figures/{found.figure_id}/page",
        kind=found.kind,
        tier=found.tier,
        quality=found.quality,
        mentions=list(found.mentions),
        licence=article.facts.licence,
        article_id=article.article_id,
        name=article.name,
        pages=parts.documents.extracted(article.source).pages,
        pdf_sha256=article.pdf.sha256,
        facts=article.facts,
        extractor=article.extractor,
        structurer=article.structurer,
        pairs=views(hits),
        regions={hit.pair_id: hit.region for hit in hits if hit.region is not None},
    )
