"""Ranks as a file: one Parquet row a pair, so that any later model can be compared on the same queries.

Keeping ranks and not figures means that every figure (another k, another interval, a paired test against next year's
champion) can be recomputed without loading a model.
"""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from journalclip_evaluation.counting import Ints
from journalclip_evaluation.ranking import Ranks
from journalclip_evaluation.retrieval import SIDES, Ranked, Side

_COLUMNS = ("above", "level", "right", "positives")


def to_parquet(ranked: Ranked) -> bytes:
    """The same ranks give the same bytes."""
    columns: dict[str, pa.Array] = {
        "pair_id": pa.array(ranked.pair_ids, pa.string()),
        "article_id": pa.array(ranked.articles, pa.string()),
        "modality": pa.array(ranked.modalities, pa.string()),
    }
    for kind, sides in (("strict", ranked.strict), ("multi", ranked.multi)):
        for side in SIDES:
            for column in _COLUMNS:
                columns[f"{kind}.{side}.{column}"] = pa.array(getattr(sides[side], column), pa.int64())
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, compression="zstd")
    return buffer.getvalue()


def from_parquet(data: bytes) -> Ranked:
    """Inverse of `to_parquet`."""
    table = pq.read_table(io.BytesIO(data))
    pool = table.num_rows

    def ints(name: str) -> Ints:
        return np.asarray(table.column(name).to_numpy(), dtype=np.int64)

    def ranks(kind: str) -> dict[Side, Ranks]:
        found: dict[Side, Ranks] = {}
        for side in SIDES:
            above, level, right, positives = (ints(f"{kind}.{side}.{column}") for column in _COLUMNS)
            found[side] = Ranks(above, level, right, positives, pool)
        return found

    pair_ids, articles, modalities = (
        tuple(table.column(name).to_pylist()) for name in ("pair_id", "article_id", "modality")
    )
    return Ranked(pair_ids, articles, modalities, ranks("strict"), ranks("multi"))
