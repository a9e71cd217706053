"""One row of an export: a pair as frozen, its picture's bytes, and flat columns for people."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

from journalclip_modeling.data import FrozenDataset
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.pair import Pair

ARTICLE_COLUMNS = ("title", "journal", "year", "doi", "name")


@dataclass(frozen=True)
class ExportRow:
    """A pair, its JPEG, and what its article says of itself."""

    pair: Pair
    jpeg: bytes
    article: dict[str, str | None]

    def flat(self) -> dict[str, Json]:
        """Columns for people and filters; ``pair`` holds the whole record."""
        pair = self.pair
        return {
            "pair_id": pair.pair_id,
            "article_id": pair.article_id,
            "figure_id": pair.figure_id,
            "panel_id": pair.panel_id,
            "label": pair.label,
            "text": pair.text,
            "page": pair.page,
            "modality": pair.modality,
            "licence": pair.licence,
            **self.article,
            "pair": pair.canonical().decode(),
        }


def rows(dataset: FrozenDataset, split: Split, licences: Collection[str]) -> Iterator[ExportRow]:
    """In the frozen order; all licences where none is named. Raises `PermanentError` ``export-source-broken``."""
    articles = _articles(dataset, split)
    jpegs = dataset.jpegs(split)
    for pair in dataset.pairs(split):
        name, data = next(jpegs, ("nothing", b""))
        if name != pair.pair_id:
            reason = f"split {split}: records say {pair.pair_id}, shards say {name}"
            raise PermanentError("export-source-broken", reason, "Run `journalclip audit`.")
        if not licences or pair.licence in licences:
            yield ExportRow(pair, data, articles.get(pair.pair_id, dict.fromkeys(ARTICLE_COLUMNS)))


def _articles(dataset: FrozenDataset, split: Split) -> dict[str, dict[str, str | None]]:
    part = dataset.manifest.splits[split]
    if not part.pairs:
        return {}
    table = pq.read_table(io.BytesIO(dataset.store.get(part.records)))
    if "pair_id" not in table.column_names:
        return {}
    columns = [name for name in ARTICLE_COLUMNS if name in table.column_names]
    found = table.select(["pair_id", *columns]).to_pylist()
    return {row["pair_id"]: {name: row.get(name) for name in ARTICLE_COLUMNS} for row in found}
