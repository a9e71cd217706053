"""The export job: parts in a fixed order, each whole or absent, the description last."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from journalclip_pipelines.export.describe import Part, card, croissant
from journalclip_pipelines.export.formats import WRITERS
from journalclip_pipelines.export.rows import ExportRow, ExportSource, RowForm
from journalclip_shared.atomic import write_atomically
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json, canonical_json, sha256_hex
from journalclip_shared.records.dataset import Split
from journalclip_shared.withdrawals import Withdrawn

FORMATS = tuple(WRITERS)
_FOLDERS = {"parquet": "data", "webdataset": "webdataset", "jsonl": "jsonl"}
_PLAN = ".export.json"  # what this folder is an export of; another one may not be mixed in


@dataclass(frozen=True)
class ExportOptions:
    """What to write, and of which pairs."""

    formats: tuple[str, ...] = FORMATS
    licences: tuple[str, ...] = ()  # none: all
    rows_a_part: int = 2000  # about 60 MB at the size that frozen images have
    withdrawn: Literal["leave-out", "refuse"] = "leave-out"


@dataclass(frozen=True)
class Exported:
    """What lies in the folder now, and how much of it was written by this call."""

    dataset_id: str
    pairs: int
    licences: dict[str, int]
    parts: tuple[Part, ...]
    written: int
    left_out: dict[str, int] = field(default_factory=dict)  # pairs that were withdrawn, by reason


def _quiet(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


def export_dataset(
    dataset: ExportSource,
    target: Path,
    options: ExportOptions,
    progress: Callable[[int, int], None] = _quiet,
    taken: Withdrawn | None = None,
) -> Exported:
    """Write what is missing. Pairs that are withdrawn now are left out and counted, or refused.

    Raises `PermanentError` ``export-differs``, ``export-empty``, ``export-withdrawn`` or ``export-format-unknown``.
    """
    taken = taken or Withdrawn()
    if unknown := set(options.formats) - set(FORMATS):
        reason = f"{sorted(unknown)[0]!r} is no export format"
        raise PermanentError("export-format-unknown", reason, f"Choose from {', '.join(FORMATS)}.")
    if options.withdrawn == "refuse" and taken:
        _refuse_withdrawn(dataset, options, taken)
    _claim(dataset, target, options, taken)
    total = sum(part.pairs for part in dataset.manifest.splits.values())
    licences, parts, written, done, left_out = Counter[str](), list[Part](), 0, 0, Counter[str]()

    def rows(split: Split) -> Iterator[ExportRow]:
        return dataset.rows(split, options.licences, taken, left_out)

    for split in sorted(dataset.manifest.splits):
        for number, batch in enumerate(_batches(rows(split), options.rows_a_part)):
            licences.update(row.licence for row in batch)
            for form in options.formats:
                part, fresh = _write(target, form, split, number, batch, dataset.form)
                parts.append(part)
                written += fresh
            done += len(batch)
            progress(done, total)
    if not done:
        raise PermanentError("export-empty", "no pair has one of these licences", "Name other licences, or none.")
    write_atomically(target / "croissant.json", croissant(dataset.manifest, parts, licences, dataset.form))
    write_atomically(target / "README.md", card(dataset.manifest, parts, licences, dataset.form, left_out))
    return Exported(
        dataset.manifest.dataset_id, done, dict(sorted(licences.items())), tuple(parts), written, dict(left_out)
    )


def _write(
    target: Path, form: str, split: str, number: int, batch: Sequence[ExportRow], rows: RowForm
) -> tuple[Part, int]:
    suffix, writer = WRITERS[form]
    name = f"{_FOLDERS[form]}/{split}-{number:05d}{suffix}"
    path = target / name
    fresh = not path.exists()
    if fresh:
        write_atomically(path, writer(batch, rows))
    data = path.read_bytes()
    return Part(name, form, split, len(batch), len(data), sha256_hex(data)), int(fresh)


def _refuse_withdrawn(dataset: ExportSource, options: ExportOptions, taken: Withdrawn) -> None:
    left_out = Counter[str]()
    for split in dataset.manifest.splits:
        for _ in dataset.rows(split, options.licences, taken, left_out):
            pass
    if left_out:
        reason = f"{sum(left_out.values())} pairs of {dataset.manifest.dataset_id} are withdrawn"
        raise PermanentError("export-withdrawn", reason, "Leave them out, or export a dataset that was frozen since.")


def _claim(dataset: ExportSource, target: Path, options: ExportOptions, taken: Withdrawn) -> None:
    chosen = json.loads(json.dumps(asdict(options)))
    del chosen["withdrawn"]
    # A folder that was begun before a withdrawal must not keep a part that holds what was withdrawn.
    gone: dict[str, Json] = {"gone": sorted(f"{scope} {subject}" for scope, subject in taken.standing)} if taken else {}
    plan = canonical_json({"dataset_id": dataset.manifest.dataset_id, **chosen, **gone})
    path = target / _PLAN
    if path.exists() and path.read_bytes() != plan:
        reason = f"{target} holds an export of another dataset, with other options, or from before a withdrawal"
        raise PermanentError("export-differs", reason, "Choose another folder.")
    write_atomically(path, plan)


def _batches(found: Iterator[ExportRow], size: int) -> Iterator[list[ExportRow]]:
    while batch := list(islice(found, size)):
        yield batch
