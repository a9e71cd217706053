"""Studies: drop one (a zip, NIfTI files or DICOM files), and look at its planes, its likes and the archive's."""

from __future__ import annotations

import asyncio
import gzip
from functools import partial
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, Response, UploadFile
from PIL import Image
from pydantic import BaseModel, Field

from journalclip_inference.api.schemas import HitView, Id, Message, QueryText, views
from journalclip_inference.api.serving import REFUSALS, Parts, Serving, Viewer
from journalclip_inference.errors import NoChampion, NotFound, QueryInvalid
from journalclip_inference.hits import Answer
from journalclip_inference.index.facets import Filters
from journalclip_inference.index.vectors import Vectors
from journalclip_inference.reader import Reader
from journalclip_inference.search.asking import MAX_K
from journalclip_inference.search.ranker import Mode
from journalclip_inference.snapshot import Query
from journalclip_inference.studies.findings import CANDIDATES, draw
from journalclip_inference.studies.index import StudyRow
from journalclip_inference.studies.reader import StudiesAnswer, StudyHit
from journalclip_inference.studies.said import StudyFilters
from journalclip_inference.studies.shelf import Asked, StudyShelf
from journalclip_shared.errors import TransientError
from journalclip_shared.records.report import SequenceName
from journalclip_shared.records.study import DeidReport, LeftOut

router = APIRouter(prefix="/v1/studies", responses=REFUSALS, tags=["studies"])
_FIGURES = 8
_QUERY_PIXELS = 256  # published figures are larger than a slice; it is enlarged to what their encoder expects


class SeriesView(BaseModel):
    """A series as it was recognised."""

    sequence: SequenceName
    confidence: float
    by: str
    weight: float = Field(description="Its share of attention in the study's vector.")
    key_slice: int = Field(description="The slice that was looked at most.")


class StudiesRequest(Message):
    """Studies by words, or like one of the archive."""

    text: QueryText | None = Field(None, min_length=1, examples=["restricted diffusion in the left frontal lobe"])
    like: Id | None = Field(None, description="A study of the archive to be similar to; stands alone.")
    k: int = Field(12, ge=1, le=MAX_K)
    filters: StudyFilters = StudyFilters()
    mode: Mode = Field("best", description="Words and looks together, words alone, or looks alone.")


class FindingsView(BaseModel):
    """Cosines [finding][sequence]."""

    findings: tuple[str, ...]
    sequences: tuple[SequenceName, ...]
    cosines: tuple[tuple[float, ...], ...]
    picture_url: str


class StudyAnswer(BaseModel):
    """What came of a dropped study."""

    query_id: str
    model_id: str
    version: str
    studies: int
    grid: tuple[int, int, int]
    spacing: tuple[float, float, float]
    series: list[SeriesView]
    left_out: list[LeftOut]
    deid: DeidReport
    similar: list[StudyHit]
    findings: FindingsView
    figures: list[HitView]
    figures_problem: str = ""


class ShelfView(BaseModel):
    """Whether studies can be dropped here, and what they are compared with."""

    reads: bool
    studies: int
    version: str
    sequences: list[SequenceName]
    candidates: list[str]


@router.get("")
async def shelf_view(parts: Parts, _who: Viewer) -> ShelfView:
    """The archive that dropped studies are compared with."""
    shelf = archive(parts)
    champion = await asyncio.to_thread(shelf.champion)
    return ShelfView(
        reads=shelf.reads,
        studies=champion.collection.count(shelf.taken()),
        version=champion.version,
        sequences=list(champion.encoder.model.config.sequences),
        candidates=list(CANDIDATES),
    )


@router.post("/search")
async def search(wanted: StudiesRequest, parts: Parts, _who: Viewer) -> StudiesAnswer:
    """Studies of the archive by what their records say and what they look like, or like a study."""
    shelf = archive(parts)
    if wanted.like is not None:
        if wanted.text is not None:
            raise QueryInvalid("`like` stands alone", "Leave text out.")
        return await asyncio.to_thread(shelf.similar, wanted.like, wanted.k, wanted.filters)
    if not (wanted.text and wanted.text.strip()):
        raise QueryInvalid("the query is empty", "Give text or like.")
    return await asyncio.to_thread(shelf.search, wanted.text, wanted.k, wanted.filters, wanted.mode)


@router.post("/query")
async def query(
    files: Annotated[list[UploadFile], File(description="One zip, or the study's files.")],
    parts: Parts,
    _who: Viewer,
    findings: Annotated[str, Form(max_length=2000, description="Candidate findings, separated by semicolons.")] = "",
) -> StudyAnswer:
    """De-identified on arrival, kept in memory only. Similar studies, similar published figures, candidate findings."""
    wanted = tuple(each.strip()[:100] for each in findings.split(";") if each.strip())[:30] or CANDIDATES
    read = [(file.filename or "study", await file.read()) for file in files[:20_000]]
    if not any(data for _, data in read):
        raise QueryInvalid("the files are empty", "Send a zip, or the files of one study.")
    asked = await asyncio.to_thread(archive(parts).ask, read, wanted, 12)
    figures, problem = await _figures(parts, asked)
    return _answer(asked, figures, problem)


@router.get("/query/{query_id}/volumes/{sequence}", response_class=Response)
async def dropped_volume(query_id: str, sequence: str, parts: Parts, _who: Viewer) -> Response:
    """Voxels of a dropped study: uint8 [slices, rows, columns], gzipped."""
    volumes = {str(name): voxels for name, voxels in archive(parts).asked(query_id).study.volumes.items()}
    if sequence not in volumes:
        raise NotFound("sequence", sequence)
    return await asyncio.to_thread(_voxels, volumes[sequence])


@router.get("/query/{query_id}/findings.svg", response_class=Response)
async def findings_picture(query_id: str, parts: Parts, _who: Viewer) -> Response:
    """The comparison with candidate findings, as a picture."""
    return Response(draw(archive(parts).asked(query_id).findings), media_type="image/svg+xml")


@router.get("/{study_id}/volumes/{sequence}", response_class=Response)
async def archived_volume(study_id: str, sequence: str, parts: Parts, _who: Viewer) -> Response:
    """Voxels of a study of the archive."""
    shelf = archive(parts)
    champion = await asyncio.to_thread(shelf.champion)
    row = champion.collection.row(study_id, await asyncio.to_thread(shelf.taken))
    volumes = {str(name): ref for name, ref in row.volumes.items()} if row else {}
    if sequence not in volumes:
        raise NotFound("volume", f"{study_id} {sequence}")
    shape = champion.encoder.grid
    return await asyncio.to_thread(lambda: _voxels(*_from_nifti(parts.store.get(volumes[sequence]), shape)))


def archive(parts: Serving) -> StudyShelf:
    if parts.studies is None:
        raise NotFound("archive of studies", "this server")
    return parts.studies


def _answer(asked: Asked, figures: list[HitView], problem: str) -> StudyAnswer:
    return StudyAnswer(
        query_id=asked.query_id,
        model_id=asked.champion.manifest.model_id,
        version=asked.champion.version,
        studies=len(asked.champion.collection.rows),
        grid=asked.champion.encoder.grid,
        spacing=asked.study.spacing,
        series=[
            SeriesView(
                sequence=each.sequence, confidence=each.confidence, by=each.by,
                weight=asked.vectors.weights[each.sequence],
                key_slice=int(asked.vectors.slices[each.sequence].argmax()),
            )
            for each in asked.study.series if each.sequence in asked.vectors.weights
        ],
        left_out=list(asked.study.left_out),
        deid=asked.study.deid,
        similar=[_hit(n, row, score) for n, (row, score) in enumerate(asked.similar, start=1)],
        findings=FindingsView(
            findings=asked.findings.findings, sequences=asked.findings.sequences, cosines=asked.findings.cosines,
            picture_url=f"/v1/studies/query/{asked.query_id}/findings.svg",
        ),
        figures=figures,
        figures_problem=problem,
    )  # fmt: skip


def _hit(rank: int, row: StudyRow, score: float) -> StudyHit:
    return StudyHit(
        rank=rank, score=score, study_id=row.study_id, patient=row.patient, descriptions=row.descriptions,
        text=" ".join(row.said), sequences=tuple(row.volumes),
    )  # fmt: skip


async def _figures(parts: Serving, asked: Asked) -> tuple[list[HitView], str]:
    """Published figures nearest to the slice that weighed most; what stands against it, where there are none."""
    _, plane = asked.key_slice()
    picture = Image.fromarray(plane).convert("RGB").resize((_QUERY_PIXELS, _QUERY_PIXELS), Image.Resampling.BICUBIC)
    try:
        (encoded,) = await parts.backend.encode([Query(None, picture)])
        nearest = partial(_nearest, vector=encoded.vector)  # no lambda: the index may be in another process
        answer = await parts.backend.read(nearest, encoded)
    except NoChampion:
        return [], "No figure model serves here; promote one to see similar published figures."
    except TransientError as error:
        return [], str(error)
    return views(answer.hits), ""


def _nearest(reader: Reader, vector: Vectors) -> Answer:
    return reader.nearest(vector, _FIGURES, Filters())


def _voxels(volume: np.ndarray, spacing: tuple[float, ...] = ()) -> Response:
    shape = ",".join(map(str, volume.shape))
    data = gzip.compress(np.ascontiguousarray(volume).tobytes(), compresslevel=1, mtime=0)
    headers = {"Content-Encoding": "gzip", "X-Shape": shape, "Cache-Control": "private, max-age=600"}
    if spacing:
        headers["X-Spacing"] = ",".join(f"{each:g}" for each in spacing)
    return Response(data, media_type="application/octet-stream", headers=headers)


def _from_nifti(data: bytes, shape: tuple[int, int, int]) -> tuple[np.ndarray, tuple[float, ...]]:
    """Voxels of our own volumes and their spacing in mm: uint8 behind a NIfTI-1 header, whose offset says where they
    begin."""
    raw = gzip.decompress(data)
    offset = int(np.frombuffer(raw, "<f4", 1, 108)[0])
    spacing = tuple(float(each) for each in np.frombuffer(raw, "<f4", 3, 80))
    return np.frombuffer(raw, np.uint8, int(np.prod(shape)), offset).reshape(shape, order="F"), spacing
