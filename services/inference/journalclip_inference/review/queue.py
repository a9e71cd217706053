"""Which pairs and studies are doubtful, and why: the worst first, and none that this reviewer has already decided.

A pair is doubted for what its record, its picture and the model say; a study for what its record says.
"""

from __future__ import annotations

import re
from collections.abc import Collection as Ids
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from journalclip_inference.hits import Hit, Standing, hit_of
from journalclip_inference.index.rows import Row
from journalclip_inference.reader import Reader
from journalclip_inference.studies.index import StudyRow
from journalclip_shared.records import Document
from journalclip_shared.records.article import Box
from journalclip_shared.records.caption import RecordFlag

Doubt = Literal["instruction", "unread", "quality", "alignment", "loss"]
_FLAGGED: dict[RecordFlag, Doubt] = {"hidden-instruction": "instruction", "low-read-share": "unread"}

_LOW_QUALITY = 0.7  # the class was chosen with less than this certainty
_WORST_LOSSES = 0.1  # the share of pairs whose loss is looked at
# Two or more lettered parts named in a caption that stayed whole: the panels were not told apart.
_LETTERED = re.compile(r"\(([A-H])\)|\b([A-H])[:,.)]")


class Doubted(Document):
    """A pair to review."""

    hit: Hit
    doubts: tuple[Doubt, ...]
    loss: float
    box: Box | None = None


@dataclass(frozen=True)
class Waiting:
    """The worst pairs that wait for this reviewer, and how many wait in all."""

    items: list[Doubted]
    left: int


def queue(
    reader: Reader, decided: Ids[str], doubt: Doubt | None, limit: int, assigned: Sequence[str] | None = None
) -> Waiting:
    """Up to ``limit`` doubted pairs, by the number of doubts and then by loss; or of those that were ``assigned``, in
    the order of the assignment and whether or not they are still doubted."""
    collection = reader.collection
    losses = collection.losses()
    shown = collection.shown()
    bar = float(np.quantile(losses[shown], 1 - _WORST_LOSSES)) if len(shown) else 0.0
    if assigned is not None:
        return _assigned(reader, decided, doubt, limit, assigned, bar)
    found: list[tuple[int, float, int]] = []
    rows: dict[int, tuple[Row, tuple[Doubt, ...]]] = {}
    for position in shown.tolist():
        row = collection.row(position)
        doubts = doubts_of(row, bar)
        if doubts and row.pair.pair_id not in decided and (doubt is None or doubt in doubts):
            found.append((-len(doubts), -row.loss, position))
            rows[position] = (row, doubts)
    worst = sorted(found)[:limit]
    items = [_doubted(reader, n, position, *rows[position]) for n, (_, _, position) in enumerate(worst, start=1)]
    return Waiting(items, len(found))


def _assigned(
    reader: Reader, decided: Ids[str], doubt: Doubt | None, limit: int, assigned: Sequence[str], bar: float
) -> Waiting:
    collection = reader.collection
    places = (collection.position(pair_id) for pair_id in assigned if pair_id not in decided)
    rows = [(at, collection.row(at)) for at in places if at is not None and collection.shows(at)]
    doubted = [(at, row, doubts_of(row, bar)) for at, row in rows]
    left = [each for each in doubted if doubt is None or doubt in each[2]]
    return Waiting([_doubted(reader, n, *each) for n, each in enumerate(left[:limit], start=1)], len(left))


class DoubtedStudy(Document):
    """A study to review."""

    row: StudyRow
    doubts: tuple[Doubt, ...]


def study_queue(rows: Iterable[StudyRow], decided: Ids[str], doubt: Doubt | None, limit: int) -> list[DoubtedStudy]:
    """Up to ``limit`` doubted studies, by the number of doubts and then by id."""
    found = [DoubtedStudy(row=row, doubts=flagged(row.flags)) for row in rows if row.study_id not in decided]
    wanted = [each for each in found if each.doubts and (doubt is None or doubt in each.doubts)]
    return sorted(wanted, key=lambda each: (-len(each.doubts), each.row.study_id))[:limit]


def flagged(flags: Ids[RecordFlag]) -> tuple[Doubt, ...]:
    """The doubts that a record's flags stand for."""
    return tuple(doubt for flag, doubt in _FLAGGED.items() if flag in flags)


def doubts_of(row: Row, loss_bar: float) -> tuple[Doubt, ...]:
    """Why a pair should be looked at; empty where nothing speaks against it."""
    pair = row.pair
    found = [*flagged(pair.record.flags)]
    if pair.quality is not None and pair.quality.score < _LOW_QUALITY:
        found.append("quality")
    if pair.tier == "whole" and len({a or b for a, b in _LETTERED.findall(pair.text)}) > 1:
        found.append("alignment")
    if row.loss > loss_bar:
        found.append("loss")
    return tuple(found)


def _doubted(reader: Reader, rank: int, position: int, row: Row, doubts: tuple[Doubt, ...]) -> Doubted:
    hit = hit_of(row, Standing(rank, reader.collection.agreement(position)))
    return Doubted(hit=hit, doubts=doubts, loss=row.loss, box=row.pair.box)
