"""Compares the CPU time of a search request with that of a bare application of the same model, without clients.

Both serve one working folder in this process and are measured in turn: the whole server with ``mode: looks`` and with
``mode: best``, and a minimal FastAPI application. The minimal application embeds the words, scans the same vectors and
returns the fields of the hits that the page shows. The clients run in another process.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

from journalclip_devtools.benches.serving_clients import load
from journalclip_devtools.doubles.live import live_server
from journalclip_inference.audit import AuditFile
from journalclip_inference.engine import SearchEngine
from journalclip_inference.index.rows import Row
from journalclip_inference.service import Clients, build
from journalclip_inference.settings import InferenceSettings
from journalclip_inference.snapshot import Snapshot
from journalclip_pipelines.local.workspace import Workspace

HITS = 24  # hits of one request, as the page asks for
_QUERIES = 64  # number of different queries, so that a cache cannot answer


@dataclass(frozen=True)
class Spent:
    """One server with one number of clients: ms of CPU a request, requests a second, and latencies in ms."""

    cpu_ms: float
    rps: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Cost:
    """The results for one number of clients. The ratios compare CPU time a request."""

    clients: int
    bare: Spent
    looks: Spent
    best: Spent

    @property
    def looks_ratio(self) -> float:
        return round(self.looks.cpu_ms / self.bare.cpu_ms, 2)

    @property
    def best_ratio(self) -> float:
        return round(self.best.cpu_ms / self.bare.cpu_ms, 2)


class _Asked(BaseModel):
    text: str
    k: int = HITS


def measure_cost(
    workdir: Path, clients: Sequence[int], seconds: float, say: Callable[[str], None] = lambda _: None
) -> list[Cost]:
    """Measure each server. Raises as `SearchEngine.open` without a champion, `PermanentError` without a run."""
    workspace = Workspace.existing(workdir)
    snapshot = SearchEngine.open(workspace.store, workspace.registry("articles"), workspace.cache).snapshot
    texts = _texts(snapshot)
    found = []
    with live_server(_bare(snapshot)) as plain, _ours(workspace) as ours:
        for number in clients:
            say(f"{number} clients")
            asked = ((f"{plain}/search", ""), (ours, "looks"), (ours, "best"))
            spent = [_spent(url, mode, texts, number, seconds) for url, mode in asked]
            found.append(Cost(number, *spent))
    return found


def _texts(snapshot: Snapshot) -> list[str]:
    """Queries: the first five words of captions, spread over the collection."""
    rows = snapshot.collection
    step = max(1, len(rows) // _QUERIES)
    captions = [rows.row(position).pair.text for position in range(0, len(rows), step)]
    return [" ".join(caption.split()[:5]) for caption in captions[:_QUERIES]]


@contextmanager
def _ours(workspace: Workspace) -> Iterator[str]:
    """The whole server, as `journalclip serve` wires it."""
    with tempfile.TemporaryDirectory() as folder:
        clients = Clients(workspace.store, workspace.bus, workspace.cache, AuditFile(Path(folder)))
        settings = InferenceSettings(workdir=workspace.root, anonymous=True)
        service = build(settings, clients, workspace.registry("articles"))
        assert service.reloader.check(), service.reloader.problem
        with live_server(service.app) as address:
            yield f"{address}/v1/search"


def _bare(snapshot: Snapshot) -> FastAPI:
    """A minimal application: the model, the vectors, and the rows as the page shows them."""
    app = FastAPI()
    part = snapshot.collection.parts[0]
    vectors = np.array(part.images)
    rows = [_shown(part.table[position]) for position in range(len(part.table))]

    def search(wanted: _Asked) -> dict[str, Any]:
        scores = vectors @ snapshot.encoder.embed_texts([wanted.text])[0]
        best = np.argsort(-scores)[: wanted.k]
        return {"hits": [{"score": float(scores[n]), **rows[n]} for n in best]}

    app.add_api_route("/search", search, methods=["POST"])
    return app


def _shown(row: Row) -> dict[str, Any]:
    """The fields of a pair that the page shows."""
    pair = row.pair.model_dump(mode="json")
    article = row.model_dump(mode="json", include={"name", "title", "journal", "year", "doi"})
    return {**{name: pair[name] for name in _FIELDS}, **article}


_FIELDS = ("pair_id", "figure_id", "panel_id", "article_id", "label", "letter", "text", "page", "licence", "modality",
           "tier", "quality", "record", "image", "box")  # fmt: skip


def _spent(url: str, mode: str, texts: Sequence[str], clients: int, seconds: float) -> Spent:
    """CPU time of this process with all threads: model and server, but not the clients."""
    bodies = [{"text": text, "k": HITS, **({"mode": mode} if mode else {})} for text in texts]
    before = time.process_time()
    row = load(url, clients, seconds, "", bodies)
    used = time.process_time() - before
    assert not row.failed, f"{row.failed} requests failed"
    return Spent(round(1000 * used / row.answered, 2), row.rps, row.p50_ms, row.p95_ms)
