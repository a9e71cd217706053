"""Which pairs and studies each dataset holds, as spans of places: the place counts a kind's datasets in order of time.

A freeze that adds 1 % writes 1 % of rows. Places follow from the dataset's rows alone, so they are given only when the
projection has caught up: until then a dataset has none, and is named by no member. One that turns out to be older than
one that has a place makes its kind's places anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy import Connection, Engine, and_, bindparam, delete, func, select, update

from journalclip_catalogue.errors import AnotherProjector
from journalclip_catalogue.upsert import insert_new
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.catalogue.engine import transaction
from journalclip_shared.catalogue.tables import DATASET, MEMBER, OPEN, UNPLACED
from journalclip_shared.failpoints import hit
from journalclip_shared.kinds import KINDS

_ROWS = 1000


def settle(engine: Engine, store: ArtifactStore, beat: Callable[[], None] = lambda: None) -> int:
    """Give every dataset its place; returns how many were given. Calls ``beat`` after each.

    Raises `TransientError` (also `AnotherProjector`).
    """
    return sum(_settle(engine, store, kind, beat) for kind in KINDS)


def displace(connection: Connection, kind: str) -> None:
    """Take the places of a kind's datasets back."""
    connection.execute(delete(MEMBER).where(MEMBER.c.kind == kind))
    connection.execute(update(DATASET).where(DATASET.c.kind == kind).values(place=UNPLACED))


def _settle(engine: Engine, store: ArtifactStore, kind: str, beat: Callable[[], None]) -> int:
    with transaction(engine) as connection:
        waiting = _waiting(connection, kind)
        first = min(waiting, default=("", ""))
        placed = and_(DATASET.c.kind == kind, DATASET.c.place != UNPLACED)
        later = select(DATASET.c.dataset_id, DATASET.c.at).where(placed).where(DATASET.c.at >= first[0])
        if waiting and any((str(row.at), str(row.dataset_id)) > first for row in connection.execute(later)):
            displace(connection, kind)
            waiting = _waiting(connection, kind)
    for _, dataset in sorted(waiting):
        # One dataset a transaction, read before it begins: a store that is slow holds no lock.
        held = store.find_manifest("datasets", names.members(dataset))
        splits: dict[str, list[str]] = json.loads(store.get(held)) if held is not None else {}
        with transaction(engine) as connection:
            _place(connection, kind, dataset, {each: split for split, ids in splits.items() for each in ids})
            hit("catalogue.before-member-end")
        beat()
    return len(waiting)


def _waiting(connection: Connection, kind: str) -> list[tuple[str, str]]:
    mine = and_(DATASET.c.kind == kind, DATASET.c.place == UNPLACED)
    return [
        (str(at), str(each)) for at, each in connection.execute(select(DATASET.c.at, DATASET.c.dataset_id).where(mine))
    ]


def _place(connection: Connection, kind: str, dataset: str, members: dict[str, str]) -> None:
    highest = connection.execute(select(func.max(DATASET.c.place)).where(DATASET.c.kind == kind)).scalar_one()
    place = int(highest) + 1
    mine = and_(DATASET.c.dataset_id == dataset, DATASET.c.place == UNPLACED)
    if connection.execute(update(DATASET).where(mine).values(place=place)).rowcount != 1:
        raise AnotherProjector(dataset, place)
    standing = and_(MEMBER.c.kind == kind, MEMBER.c.until == OPEN)
    gone = []
    for row in connection.execute(select(MEMBER.c.member_id, MEMBER.c.split).where(standing)):
        if members.get(row.member_id) == row.split:
            del members[row.member_id]
        else:
            gone.append({"b_member": row.member_id, "b_until": place})
    if gone:
        ended = and_(MEMBER.c.member_id == bindparam("b_member"), MEMBER.c.until == OPEN)
        connection.execute(update(MEMBER).where(ended).values(until=bindparam("b_until")), gone)
    new = [(each, members[each]) for each in sorted(members)]
    for at in range(0, len(new), _ROWS):
        rows = [
            {"member_id": each, "since": place, "until": OPEN, "kind": kind, "split": split}
            for each, split in new[at : at + _ROWS]
        ]
        insert_new(connection, MEMBER, rows)
