"""What an export says of itself: Croissant metadata for machines, a data card for people.

Croissant 1.0 (https://docs.mlcommons.org/croissant/docs/croissant-spec.html): a file object with its digest for each
file, and for Parquet a record set with a field for each column.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from journalclip_pipelines.export.formats import MEDIA_TYPES
from journalclip_pipelines.export.rows import RowForm
from journalclip_shared.ids import Json
from journalclip_shared.licences import page
from journalclip_shared.records.dataset import DatasetManifest


@dataclass(frozen=True)
class Part:
    """One file of an export."""

    path: str
    form: str
    split: str
    pairs: int
    bytes: int
    sha256: str


_CONTEXT: dict[str, Json] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath",
    "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip


def croissant(manifest: DatasetManifest, parts: Sequence[Part], licences: Mapping[str, int], form: RowForm) -> bytes:
    """``croissant.json``, with the same bytes for the same export."""
    document: dict[str, Json] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": f"journalclip-{manifest.dataset_id.replace('_', '-')}",
        "description": f"{form.about}, split by {form.split_by}.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "version": "1.0.0",
        "identifier": manifest.dataset_id,
        "license": [page(each) or each for each in sorted(licences)],
        "url": f"urn:journalclip:{manifest.dataset_id}",
        "distribution": [_file(part) for part in parts],
        "recordSet": [_splits(parts), *(_records(part, form) for part in parts if part.form == "parquet")],
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _file(part: Part) -> Json:
    return {
        "@type": "cr:FileObject",
        "@id": part.path,
        "name": part.path,
        "contentUrl": part.path,
        "contentSize": f"{part.bytes} B",
        "encodingFormat": MEDIA_TYPES[part.form],
        "sha256": part.sha256,
    }


def _splits(parts: Sequence[Part]) -> Json:
    """The splits as Croissant's own kind of record set, which each row's ``split`` refers to."""
    there = sorted({part.split for part in parts})
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": "sc:URL"},
        ],
        "data": [{"splits/name": each, "splits/url": _SPLITS[each]} for each in there],
    }


def _records(part: Part, form: RowForm) -> Json:
    name = part.path.rpartition("/")[2].partition(".")[0]
    types = {**dict.fromkeys(form.text_columns, "sc:Text"), **dict.fromkeys(form.number_columns, "sc:Integer")}
    fields: list[Json] = [_field(part, name, column, kind, {}) for column, kind in types.items()]
    if form.is_image:
        fields.append(_field(part, name, form.payload, "sc:ImageObject", {"transform": {"jsonPath": "bytes"}}))
    else:
        fields.append(_field(part, name, form.payload, "sc:Text", {}))
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "key": {"@id": f"{name}/pair_id"}, "field": fields}


def _field(part: Part, record_set: str, column: str, kind: str, more: Mapping[str, Json]) -> Json:
    source: dict[str, Json] = {"fileObject": {"@id": part.path}, "extract": {"column": column}, **more}
    field: dict[str, Json] = {"@type": "cr:Field", "@id": f"{record_set}/{column}", "name": column, "dataType": kind}
    if column == "split":
        field["references"] = {"field": {"@id": "splits/name"}}
    return {**field, "source": source}


def card(
    manifest: DatasetManifest,
    parts: Sequence[Part],
    licences: Mapping[str, int],
    left_out: Mapping[str, int],
    form: RowForm,
    withdrawn: Mapping[str, int],
) -> bytes:
    """``README.md``: Hugging Face's front matter, then what a person must know before using it."""
    gone = "".join(f"\n{count} pairs of the dataset are not here: {why}.\n" for why, count in sorted(withdrawn.items()))
    files = [part for part in parts if part.form == "parquet"]
    splits = sorted({part.split for part in parts})
    config = "".join(
        f"  - split: {_hub_split(split)}\n    path: data/{split}-*.parquet\n"
        for split in splits
        if any(part.split == split for part in files)
    )
    front = f"---\nconfigs:\n- config_name: default\n  data_files:\n{config}---\n" if config else ""
    counts = {split: sum(p.pairs for p in parts if p.split == split and p.form == parts[0].form) for split in splits}
    table = "\n".join(f"| {split} | {count} |" for split, count in counts.items())
    rights = "\n".join(f"| {name} | {count} | {left_out.get(name, 0)} |" for name, count in _both(licences, left_out))
    return f"""{front}
# {manifest.dataset_id}

{form.about}, read by journalclip.

| split | pairs |
|---|---|
{table}

Splits are by {form.split_by}; duplicate clusters move together. Leaks between splits: {manifest.leaks.total}.
{gone}
| licence (SPDX) | pairs here | left out by choice |
|---|---|---|
{rights}

{_RIGHTS[form.payload]}

- {_BYTES[form.payload].format(manifest.image_size)}
- `pair` is the whole record as JSON: its text, structured fields with their spans, and where they came from.
- Read by: {", ".join(manifest.extractors) or "unknown"}. Structured by: {", ".join(manifest.structurers) or "unknown"}.
- Digest: `{manifest.digest}`.

For research, not for diagnosis. Programs read texts and records, and they err.
""".encode()


def _both(licences: Mapping[str, int], left_out: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(name, licences.get(name, 0)) for name in sorted({*licences, *left_out})]


_SPLITS = {"train": "cr:TrainingSplit", "val": "cr:ValidationSplit", "test": "cr:TestSplit"}
_RIGHTS = {
    "image": "Each pair carries the licence that its figure or article states, with the authors, the version and the "
    "address that a Creative Commons licence asks you to name. `NOASSERTION` (nothing stated) and all rights reserved "
    "give no right to pass a picture on.",
    "volume": "De-identified studies of one institution; no right to pass them on is implied.",
}
_BYTES = {
    "image": "Images: JPEG, longer side at most {} pixels.",
    "volume": "Volumes: uint8 NumPy arrays [slices, rows, columns], gzipped; at most {} pixels a side.",
}


def _hub_split(split: str) -> str:
    return {"val": "validation"}.get(split, split)
