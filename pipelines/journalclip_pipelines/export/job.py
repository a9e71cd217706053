"""The export job: parts in a fixed order, each whole or absent, the description last.

A journal beside the parts holds the digest of each as it was written. A part whose bytes are others now, or that the
journal does not know, was damaged or cut off: it is written again, and the digest of the damage is never published.
"""

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
from journalclip_shared.licences import LicenceFilter
from journalclip_shared.withdrawals import Withdrawn

FORMATS = tuple(WRITERS)
_FOLDERS = {"parquet": "data", "webdataset": "webdataset", "jsonl": "jsonl"}
_PLAN = ".export.json"  # what this folder is an export of; another one may not be mixed in
_JOURNAL = ".parts.jsonl"


@dataclass(frozen=True)
class ExportOptions:
    """What to write, and of which pairs."""

    formats: tuple[str, ...] = FORMATS
    licences: tuple[str, ...] = ()  # short names or SPDX identifiers; none: all
    rows_a_part: int = 2000  # about 60 MB at the size that frozen images have
    withdrawn: Literal["leave-out", "refuse"] = "leave-out"


@dataclass(frozen=True)
class Exported:
    """What lies in the folder now, and how much of it was written by this call."""

    dataset_id: str
    pairs: int
    licences: dict[str, int]  # pairs by SPDX identifier
    left_out: dict[str, int]  # the same, of those that ``licences`` of the options does not name
    parts: tuple[Part, ...]
    written: int
    mended: int  # of those written: parts that were there and damaged
    withdrawn: dict[str, int] = field(default_factory=dict)  # pairs that were withdrawn, by reason


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

    Raises `PermanentError` ``export-differs``, ``export-empty``, ``export-withdrawn``, ``export-format-unknown`` or
    ``licence-unknown``.
    """
    taken = taken or Withdrawn()
    if unknown := set(options.formats) - set(FORMATS):
        reason = f"{sorted(unknown)[0]!r} is no export format"
        raise PermanentError("export-format-unknown", reason, f"Choose from {', '.join(FORMATS)}.")
    wanted = LicenceFilter.of(options.licences)
    if options.withdrawn == "refuse" and taken:
        _refuse_withdrawn(dataset, taken)
    _claim(dataset, target, options, taken)
    journal = _Journal(target)
    total = sum(part.pairs for part in dataset.manifest.splits.values())
    licences, left_out, gone, parts, done = Counter[str](), Counter[str](), Counter[str](), list[Part](), 0

    def kept(rows: Iterator[ExportRow]) -> Iterator[ExportRow]:
        for row in rows:
            if wanted.takes(row.licence, row.version):
                yield row
            else:
                left_out[row.spdx] += 1

    for split in sorted(dataset.manifest.splits):
        for number, batch in enumerate(_batches(kept(dataset.rows(split, taken, gone)), options.rows_a_part)):
            licences.update(row.spdx for row in batch)
            parts.extend(journal.part(form, split, number, batch, dataset.form) for form in options.formats)
            done += len(batch)
            progress(done, total)
    if not done:
        there = ", ".join(sorted(left_out)) or "none at all"
        remedy = "Name other licences, or none."
        raise PermanentError("export-empty", f"no pair has one of these licences; there are {there}", remedy)
    write_atomically(target / "croissant.json", croissant(dataset.manifest, parts, licences, dataset.form))
    write_atomically(target / "README.md", card(dataset.manifest, parts, licences, left_out, dataset.form, gone))
    return Exported(
        dataset.manifest.dataset_id,
        done,
        dict(sorted(licences.items())),
        dict(sorted(left_out.items())),
        tuple(parts),
        journal.written,
        journal.mended,
        dict(sorted(gone.items())),
    )


class _Journal:
    """The parts of one folder: writes what is missing or damaged, and counts both."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target / _JOURNAL
        self._digests = dict(_lines(self._path))
        self.written = self.mended = 0

    def part(self, form: str, split: str, number: int, batch: Sequence[ExportRow], rows: RowForm) -> Part:
        suffix, writer = WRITERS[form]
        name = f"{_FOLDERS[form]}/{split}-{number:05d}{suffix}"
        path = self._target / name
        there = path.read_bytes() if path.exists() else None
        if there is not None and self._digests.get(name) == sha256_hex(there):
            return Part(name, form, split, len(batch), len(there), self._digests[name])
        data = writer(batch, rows)
        digest = sha256_hex(data)
        write_atomically(path, data)
        with self._path.open("ab") as lines:
            lines.write(canonical_json({"part": name, "sha256": digest}) + b"\n")
        self.written += 1
        self.mended += there is not None and there != data
        return Part(name, form, split, len(batch), len(data), digest)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Parts and their digests. The last line may be torn: that part is written again."""
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        yield found["part"], found["sha256"]


def _refuse_withdrawn(dataset: ExportSource, taken: Withdrawn) -> None:
    gone = Counter[str]()
    for split in dataset.manifest.splits:
        for _ in dataset.rows(split, taken, gone):
            pass
    if gone:
        reason = f"{sum(gone.values())} pairs of {dataset.manifest.dataset_id} are withdrawn"
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
