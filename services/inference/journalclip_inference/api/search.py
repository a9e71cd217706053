"""Searching, embedding, classifying, and the map."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import APIRouter, Response

from journalclip_inference.api.schemas import (
    BrowseAnswer,
    BrowseRequest,
    ClassifyAnswer,
    ClassifyRequest,
    EmbedAnswer,
    EmbedRequest,
    ExportRequest,
    LabelScore,
    PairsRequest,
    SearchAnswer,
    SearchRequest,
)
from journalclip_inference.api.serving import REFUSALS, Parts, Serving, Viewer, written
from journalclip_inference.backend import Encoded
from journalclip_inference.citations import MEDIA, exported, free, pictures
from journalclip_inference.errors import QueryInvalid
from journalclip_inference.hits import Answer, Browsed
from journalclip_inference.index.rows import Row
from journalclip_inference.index.vectors import Vectors
from journalclip_inference.reader import MapPoints, Reader
from journalclip_inference.search.asking import Asked
from journalclip_inference.snapshot import Query

_FILES: dict[int | str, dict[str, object]] = {200: {"content": {media: {} for media, _ in MEDIA.values()}}}
router = APIRouter(prefix="/v1", responses=REFUSALS, tags=["search"])


@router.post("/search", response_model=SearchAnswer)
async def search(wanted: SearchRequest, parts: Parts, _who: Viewer) -> Response:
    """Figures by words, by a picture, by both, or like a pair. `notice` says where no caption says what was asked."""
    if wanted.like is not None:
        if wanted.text is not None or wanted.image is not None:
            raise QueryInvalid("`like` stands alone", "Leave text and image out.")
        return written(SearchAnswer.of(await parts.backend.read(partial(_similar, wanted=wanted))))
    query = await parts.query(wanted.text, wanted.image)
    encoded = (await parts.backend.encode([query]))[0]
    answer = await parts.backend.read(partial(_nearest, vector=encoded.vector, wanted=wanted), encoded)
    return written(SearchAnswer.of(answer, cut=encoded.cut, picture=query.done))


@router.post("/browse", response_model=BrowseAnswer)
async def browse(wanted: BrowseRequest, parts: Parts, _who: Viewer) -> Response:
    """The collection without a query, filtered and sorted, page by page."""
    return written(BrowseAnswer.of(await parts.backend.read(partial(_browse, wanted=wanted))))


@router.post("/embed")
async def embed(wanted: EmbedRequest, parts: Parts, _who: Viewer) -> EmbedAnswer:
    """Unit vectors of texts and images, in order; all by one model."""
    if not wanted.texts and not wanted.images:
        raise QueryInvalid("nothing to embed", "Send texts, images, or both.")
    queries = [Query(text) for text in wanted.texts]
    queries += await asyncio.gather(*(parts.query(None, image) for image in wanted.images))
    encoded = await _of_one_model(parts, queries)
    vectors = [[float(value) for value in each.vector] for each in encoded]
    count = len(wanted.texts)
    return EmbedAnswer(
        served=encoded[0].served,
        dim=len(vectors[0]),
        texts=vectors[:count],
        images=vectors[count:],
        cut=[n for n, each in enumerate(encoded[:count]) if each.cut],
    )


@router.post("/classify")
async def classify(wanted: ClassifyRequest, parts: Parts, _who: Viewer) -> ClassifyAnswer:
    """Zero-shot: which label fits best, by prompts' mean. Not a diagnosis."""
    query = await parts.query(None, wanted.image)
    found = await parts.backend.classify(query, wanted.labels, wanted.prompts)
    scores = [LabelScore(label=a, probability=b) for a, b in zip(wanted.labels, found.probabilities, strict=True)]
    return ClassifyAnswer(served=found.served, labels=sorted(scores, key=lambda score: -score.probability))


@router.get("/map")
async def collection_map(parts: Parts, _who: Viewer) -> MapPoints:
    """The collection as points of a unit square; neighbours are alike, distances are not similarities."""
    return await parts.backend.read(Reader.map)


@router.post("/pairs")
async def pairs(wanted: PairsRequest, parts: Parts, _who: Viewer) -> SearchAnswer:
    """Pairs by id, in the order asked for; unknown ones are left out. The score is picture against own caption."""
    return SearchAnswer.of(await parts.backend.read(partial(_pairs, wanted=wanted)))


@router.post("/export", response_class=Response, responses=_FILES)
async def export(wanted: ExportRequest, parts: Parts, _who: Viewer) -> Response:
    """A selection as RIS, BibTeX, CSL-JSON (one entry an article), CSV (one row a pair), or a zip of those pictures
    whose licence allows it. `X-Left-Out` counts unknown ids, and pictures that may not be handed on."""
    found = await parts.backend.read(partial(_selected, wanted=wanted))
    rows = [row for row in found if wanted.format != "pictures" or free(row)]
    media_type, suffix = MEDIA[wanted.format]
    headers = {
        "Content-Disposition": f'attachment; filename="journalclip.{suffix}"',
        "X-Left-Out": str(len(set(wanted.pair_ids)) - len(rows)),
    }
    if wanted.format == "pictures":
        file = await asyncio.to_thread(pictures, rows, parts.store.get)
        return Response(file, media_type=media_type, headers=headers)
    return Response(exported(rows, wanted.format), media_type=f"{media_type}; charset=utf-8", headers=headers)


def _selected(reader: Reader, wanted: ExportRequest) -> list[Row]:
    return reader.rows(list(dict.fromkeys(wanted.pair_ids)))


def _browse(reader: Reader, wanted: BrowseRequest) -> Browsed:
    return reader.browse(wanted.filters, wanted.sort, wanted.k, wanted.cursor)


def _similar(reader: Reader, wanted: SearchRequest) -> Answer:
    return reader.similar(wanted.like or "", wanted.k, wanted.filters)


def _nearest(reader: Reader, vector: Vectors, wanted: SearchRequest) -> Answer:
    picture = wanted.image is not None
    by_caption = wanted.compare == "caption"
    return reader.search(Asked(wanted.text, vector, wanted.k, wanted.filters, wanted.mode, by_caption, picture))


def _pairs(reader: Reader, wanted: PairsRequest) -> Answer:
    hits = reader.hits(wanted.pair_ids)
    return Answer(served=reader.served, hits=hits, pairs=reader.collection.pairs)


async def _of_one_model(parts: Serving, queries: list[Query]) -> list[Encoded]:
    """All encoded by the same model: asked again, once or twice, where a swap came between."""
    while True:
        encoded = await parts.backend.encode(queries)
        if len({each.served.model_id for each in encoded}) == 1:
            return encoded
