"""The three forms of a part: bytes that depend on the rows alone, never on time, place or machine."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from journalclip_pipelines.export.rows import ExportRow, RowForm
from journalclip_shared.ids import canonical_json


def parquet(rows: Sequence[ExportRow], form: RowForm) -> bytes:
    """Columns that Hugging Face ``datasets`` reads as they are, ``image`` as its Image feature."""
    flat = [row.flat() for row in rows]
    names = (*form.text_columns, *form.number_columns)
    columns: dict[str, list[object]] = {name: [each[name] for each in flat] for name in names}
    if form.is_image:
        columns[form.payload] = [{"bytes": row.payload, "path": f"{row.pair_id}{form.suffix}"} for row in rows]
    else:
        columns[form.payload] = [row.payload for row in rows]
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns, schema=_schema(form)), buffer, compression="zstd")
    return buffer.getvalue()


def webdataset(rows: Sequence[ExportRow], form: RowForm) -> bytes:
    """A tar, in order: for each pair the form's suffix, ``.txt`` (what open_clip's reader takes) and ``.json``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            files = ((form.suffix, row.payload), (".txt", row.text.encode()), (".json", canonical_json(row.flat())))
            for suffix, data in files:
                member = tarfile.TarInfo(row.pair_id + suffix)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def jsonl(rows: Sequence[ExportRow], form: RowForm) -> bytes:
    """One object a line; pictures or volumes lie beside it as WebDataset or Parquet, under the same ids."""
    del form
    return b"".join(canonical_json(row.flat()) + b"\n" for row in rows)


WRITERS: dict[str, tuple[str, Callable[[Sequence[ExportRow], RowForm], bytes]]] = {
    "parquet": (".parquet", parquet),
    "webdataset": (".tar", webdataset),
    "jsonl": (".jsonl", jsonl),
}
MEDIA_TYPES = {
    "parquet": "application/x-parquet",  # the name Croissant's own validator knows it by
    "webdataset": "application/x-tar",
    "jsonl": "application/jsonlines",
}


def _schema(form: RowForm) -> pa.Schema:
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = [
        *((name, pa.string()) for name in form.text_columns),
        *((name, pa.int32()) for name in form.number_columns),
        (form.payload, image if form.is_image else pa.binary()),
    ]
    features: dict[str, dict[str, str]] = {
        **{name: {"dtype": "string", "_type": "Value"} for name in form.text_columns},
        **{name: {"dtype": "int32", "_type": "Value"} for name in form.number_columns},
        form.payload: {"_type": "Image"} if form.is_image else {"dtype": "binary", "_type": "Value"},
    }
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})
