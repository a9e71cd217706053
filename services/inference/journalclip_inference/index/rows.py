"""The table beside the vectors: what a hit shows, one row a pair.

A row holds the pair as it was frozen, the article's own facts, and the figure the pair was cut from, so that a search
answers without opening any other document. Rows are parsed when they are shown, not when the table is loaded: a
hundred thousand rows are a few hundred megabytes of text, and an answer needs ten of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from journalclip_inference.index.facets import Filters, facet_token
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records import Document
from journalclip_shared.records.article import Box
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.pair import Pair


class Row(Document):
    """A pair with what surrounds it."""

    pair: Pair
    split: Split | None = Field(None, description="None: the article came after the dataset was frozen.")
    name: str = Field("", description="The PDF's name as it came.")
    title: str | None = None
    authors: tuple[str, ...] = ()
    journal: str | None = None
    year: str | None = None
    doi: str | None = None
    article_type: str = Field("", description="As the article's own metadata say it; empty where there are none.")
    figure_image: ArtifactRef | None = None
    figure_box: Box | None = None
    loss: float = Field(0.0, description="Contrastive loss of this pair under the index's model, in nats.")


def facet_tokens(row: Row) -> list[str]:
    """What filters find a row by: what its record says, asserted findings alone, and what its article says."""
    record = row.pair.record
    values: dict[str, Iterable[str | None]] = {
        "modality": [row.pair.modality],
        "finding": [finding.term for finding in record.findings if not finding.negated],
        "anatomy": [coded.term for coded in record.anatomy],
        "side": [coded.term for coded in record.laterality],
        "sequence": [coded.term for coded in record.sequence],
        "plane": [coded.term for coded in record.plane],
        "stage": [coded.term for coded in record.stage],
        "article_type": [row.article_type],
        "journal": [row.journal],
        "year": [row.year],
        "licence": [row.pair.licence],
        "quality": [row.pair.quality.usefulness if row.pair.quality else None],
    }
    return [facet_token(facet, each) for facet in Filters.facets() for each in sorted({*filter(None, values[facet])})]


_PARSED = 2_048  # rows kept parsed: what readers look at again and again; some 10 kB each


class RowTable:
    """Rows in the order of the vectors."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._parsed = lru_cache(_PARSED)(self._parse)

    @classmethod
    def read(cls, path: Path) -> RowTable:
        return cls(pq.read_table(path, memory_map=True))

    @classmethod
    def of(cls, rows: Sequence[Row]) -> RowTable:
        columns: dict[str, list[object]] = {
            "pair_id": [row.pair.pair_id for row in rows],
            "figure_id": [row.pair.figure_id for row in rows],
            "article_id": [row.pair.article_id for row in rows],
            "modality": [row.pair.modality for row in rows],
            "title": [row.title for row in rows],
            "journal": [row.journal for row in rows],
            "year": [row.year for row in rows],
            "quality": [row.pair.quality.score if row.pair.quality else None for row in rows],
            "facets": [facet_tokens(row) for row in rows],
            "loss": [row.loss for row in rows],
            "row": [row.canonical().decode() for row in rows],
        }
        return cls(pa.table(columns, schema=_SCHEMA))

    @property
    def arrow(self) -> pa.Table:
        """The columns as they are stored."""
        return self._table

    def write(self, path: Path) -> None:
        # No creation time and no version string enter the file, so equal rows give equal bytes.
        pq.write_table(self._table, path, compression="zstd")

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, position: int) -> Row:
        return self._parsed(position)

    def _parse(self, position: int) -> Row:
        return Row.model_validate_json(self._table.column("row")[position].as_py())

    def column(self, name: str) -> list[str | None]:
        values: list[str | None] = self._table.column(name).to_pylist()
        return values

    def mentioning(self, text: str) -> list[int]:
        """Positions of rows whose stored form has ``text``, such as a digest; nothing is parsed."""
        found: list[int] = pc.indices_nonzero(pc.match_substring(self._table.column("row"), text)).to_pylist()
        return found

    @property
    def facets(self) -> pa.ChunkedArray:
        """The facet tokens of each row, a list each; see `facet_tokens`."""
        return self._table.column("facets")

    @cached_property
    def quality(self) -> NDArray[np.float32]:
        """The score of each pair, not-a-number where nothing judged it."""
        values: NDArray[np.float32] = self._table.column("quality").to_numpy()
        return values

    @cached_property
    def loss(self) -> NDArray[np.float32]:
        values: NDArray[np.float32] = self._table.column("loss").to_numpy()
        return values

    @cached_property
    def by_pair(self) -> dict[str, int]:
        return {str(pair_id): position for position, pair_id in enumerate(self.column("pair_id"))}

    @cached_property
    def by_figure(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for position, figure_id in enumerate(self.column("figure_id")):
            found.setdefault(str(figure_id), []).append(position)
        return found


_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("pair_id", "figure_id", "article_id", "modality")),
        *((name, pa.string()) for name in ("title", "journal", "year")),
        ("quality", pa.float32()),
        ("facets", pa.list_(pa.string())),
        ("loss", pa.float32()),
        ("row", pa.string()),
    ]
)
