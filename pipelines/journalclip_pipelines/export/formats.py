"""The three forms of a part: bytes that depend on the rows alone, never on time, place or machine."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from journalclip_pipelines.export.rows import ARTICLE_COLUMNS, ExportRow
from journalclip_shared.ids import canonical_json

TEXT_COLUMNS = (
    "pair_id", "article_id", "figure_id", "panel_id", "label", "text", "modality", "licence", *ARTICLE_COLUMNS, "pair",
)  # fmt: skip


def parquet(rows: Sequence[ExportRow]) -> bytes:
    """Columns that Hugging Face ``datasets`` reads as they are, ``image`` as its Image feature."""
    flat = [row.flat() for row in rows]
    columns: dict[str, list[object]] = {name: [each[name] for each in flat] for name in (*TEXT_COLUMNS, "page")}
    columns["image"] = [{"bytes": row.jpeg, "path": f"{row.pair.pair_id}.jpg"} for row in rows]
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns, schema=_schema()), buffer, compression="zstd")
    return buffer.getvalue()


def webdataset(rows: Sequence[ExportRow]) -> bytes:
    """A tar of ``<pair_id>.jpg`` and ``<pair_id>.json``, in order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            for suffix, data in ((".jpg", row.jpeg), (".json", canonical_json(row.flat()))):
                member = tarfile.TarInfo(row.pair.pair_id + suffix)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def jsonl(rows: Sequence[ExportRow]) -> bytes:
    """One object a line; pictures lie beside it as WebDataset or Parquet, under the same ids."""
    return b"".join(canonical_json(row.flat()) + b"\n" for row in rows)


WRITERS: dict[str, tuple[str, Callable[[Sequence[ExportRow]], bytes]]] = {
    "parquet": (".parquet", parquet),
    "webdataset": (".tar", webdataset),
    "jsonl": (".jsonl", jsonl),
}
MEDIA_TYPES = {
    "parquet": "application/x-parquet",  # the name Croissant's own validator knows it by
    "webdataset": "application/x-tar",
    "jsonl": "application/jsonlines",
}


def _schema() -> pa.Schema:
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = [*((name, pa.string()) for name in TEXT_COLUMNS), ("page", pa.int32()), ("image", image)]
    features: dict[str, dict[str, str]] = {name: {"dtype": "string", "_type": "Value"} for name in TEXT_COLUMNS}
    features["page"] = {"dtype": "int32", "_type": "Value"}
    features["image"] = {"_type": "Image"}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})
