"""How much machine a stream of articles needs: arithmetic over measured costs, each of which can be given anew.

Costs are of one core of a 2-core AMD EPYC virtual machine and of 72 open-access articles (docs/benchmarks/extraction.md
and panels.md); the GPU's are a published figure, for a first guess only. What holds: everything is linear in articles,
and what is asked for is rounded up, never down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DAY_S = 86_400
_VECTOR_BYTES = 512 * 4  # of ViT-B and larger, as 32-bit numbers
_WORDS_BYTES = 2_000  # a pair's texts, record and identifiers in a segment


@dataclass(frozen=True)
class Costs:
    """What one article is and takes."""

    pages: float = 11.4
    figures: float = 6.5
    pairs: float = 8.6
    pdf_mb: float = 1.46
    page_s: float = 1 / 65  # CPU seconds: text, figures and captions of a page
    figure_s: float = 0.15  # crop at 300 dpi, JPEG, panels
    pair_s: float = 0.009  # a record by rules
    gpu_pairs_per_s: float = 600.0  # training ViT-B/32 on an A100, as open_clip publishes it
    epochs: int = 32


@dataclass(frozen=True)
class Stream:
    """What comes in and what must be kept up with."""

    articles_per_day: float
    archive: float = 0.0  # articles that are there already
    peak: float = 4.0  # the busiest hour against the average one
    busy: float = 0.6  # of a core at the peak, so that a lost pod can be caught up with
    retrain_every_days: float = 7.0
    backfill_days: float = 7.0  # in which the archive is read


@dataclass(frozen=True)
class Need:
    """What to ask for; `days` is the time horizon of storage."""

    extraction_cores: int
    extraction_cores_backfill: int
    structuring_cores: int
    gpu_hours_per_training: float
    gpus: int
    index_gb: float
    storage_gb: float
    pairs: int
    days: int


def need(stream: Stream, costs: Costs = Costs(), days: int = 365) -> Need:
    """Cores, GPUs and storage for ``stream`` after ``days``."""
    read_s = costs.pages * costs.page_s + costs.figures * costs.figure_s
    a_second = stream.articles_per_day / DAY_S * stream.peak / stream.busy
    backlog = stream.archive / (stream.backfill_days * DAY_S) / stream.busy
    articles = stream.archive + stream.articles_per_day * days
    pairs = articles * costs.pairs
    gpu_hours = pairs * costs.epochs / costs.gpu_pairs_per_s / 3600
    return Need(
        extraction_cores=_up(a_second * read_s),
        extraction_cores_backfill=_up(backlog * read_s) if stream.archive else 0,
        structuring_cores=_up(a_second * costs.pairs * costs.pair_s),
        gpu_hours_per_training=gpu_hours,
        # A run should take at most half of the time until the next one.
        gpus=_up(gpu_hours / (stream.retrain_every_days * 24 / 2)),
        index_gb=pairs * (_VECTOR_BYTES + _WORDS_BYTES) / 1e9,
        # The PDF, its figures (about as much again), and two datasets' shards (a quarter each).
        storage_gb=articles * costs.pdf_mb * 2.5 / 1e3,
        pairs=round(pairs),
        days=days,
    )


def _up(amount: float) -> int:
    return max(1, math.ceil(amount))
