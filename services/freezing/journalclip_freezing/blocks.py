"""Blocks: what a freeze adds to a split of a dataset, and what it leaves out of the blocks of the version before.

A freeze writes only members that no block holds as they are now. A block's members that are gone, have changed or
changed sides are listed as excluded, and cost no byte. A block is given up, and what still holds of it written again,
where

* more than a quarter of it is excluded;
* eight blocks of its size are there (a tier: 1 to 7 members, 8 to 63, ...), so that small freezes leave few small
  objects. Blocks of an eighth of a shard or more are large enough and stay, and no freeze writes more than 1.5 % of a
  split for that alone;
* one of its objects is gone from the store.

The same for every kind. Which blocks hold a dataset is no part of its identity.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.frozen import rows_of
from journalclip_shared.ids import canonical_json, sha256_hex
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import Block, DatasetManifest, Split
from journalclip_shared.withdrawals import left_of

MOST_EXCLUDED = 0.25  # measured for catalogue.md: a 1 % change then costs 1 %, and dead bytes stay below a third
MOST_MERGED = 0.015  # of a split, for small blocks alone: with 1 % new a freeze stays below 3 %
TIER = 8  # blocks of one size before they become one; also how much larger the next size is
_log = logging.getLogger(__name__)

Write = Callable[[Sequence[str]], list[Block]]  # stores these members, one block where they are few
Digests = Mapping[str, str]  # by id of a member, of all that is stored of it


@dataclass(frozen=True)
class FormerBlock:
    """A block of the version before, with what it holds."""

    block: Block
    digests: Digests


def digest_of(row: Mapping[str, Any]) -> str:
    """Of a member's record: whatever differs in it, the member is written again."""
    return sha256_hex(canonical_json(dict(row)))[:32]


class Former:
    """The version that the next one goes on from; without one there is nothing to go on from.

    Looks once which objects there are. Raises `TransientError`.
    """

    def __init__(self, store: ArtifactStore, manifest: DatasetManifest | None) -> None:
        self._store, self._manifest = store, manifest
        self._there = {ref.sha256 for ref in store.list_blobs("datasets")} if manifest is not None else set[str]()

    def held(self, split: Split) -> Iterator[FormerBlock]:
        """The split's blocks that are whole, one in memory at a time."""
        if self._manifest is None or split not in self._manifest.splits:
            return
        for block in self._manifest.splits[split].parts:
            block = block.model_copy(
                update={
                    "records": left_of(self._store, block.records),
                    "shards": tuple(left_of(self._store, shard) for shard in block.shards),
                    "excluded": (),
                }
            )
            if (digests := self._digests(block, self._manifest.kind)) is not None:
                yield FormerBlock(block.model_copy(update={"members": len(digests)}), digests)

    def _digests(self, block: Block, kind: Kind) -> Digests | None:
        """None where a part of the block is gone or damaged."""
        if not all(ref.sha256 in self._there for ref in block.refs):
            _log.warning("a block is not whole and is written again: %s", block.records.uri)
            return None
        try:
            return {member: digest_of(row) for member, row in rows_of(self._store, block.records, kind)}
        except PermanentError as error:
            _log.warning("a block cannot be read and is written again: %s", error, extra={"code": error.code})
            return None


@dataclass(frozen=True)
class _Living:
    """A block that stays unless it is merged, and what holds of it where it is small enough for that."""

    block: Block
    live: int
    members: Digests


def arranged(held: Iterable[FormerBlock], wanted: Digests, large: int) -> tuple[list[Block], list[str]]:
    """The blocks that stay, with what they leave out, and the members to be written.

    ``large``: from so many members on, a block stays whatever its neighbours' sizes are.
    """
    missing, living = dict(wanted), list[_Living]()
    budget = MOST_MERGED * len(missing)
    for each in held:
        live = [member for member, digest in each.digests.items() if missing.get(member) == digest]
        if not live or len(live) < len(each.digests) * (1 - MOST_EXCLUDED):
            continue  # what holds of it stays in ``missing``
        for member in live:
            del missing[member]
        excluded = tuple(sorted(each.digests.keys() - set(live)))
        block = each.block.model_copy(update={"members": len(each.digests), "excluded": excluded})
        small = len(each.digests) < large
        living.append(_Living(block, len(live), {member: each.digests[member] for member in live} if small else {}))
    while (full := _full_tier(living, large)) and sum(one.live for one in full) <= budget:
        budget -= sum(one.live for one in full)
        for one in full:
            missing |= one.members
        living = [one for one in living if one not in full]
    return [one.block for one in living], sorted(missing)


def blocks_of(held: Iterable[FormerBlock], wanted: Digests, large: int, write: Write) -> list[Block]:
    """The split's blocks, those of the version before first."""
    kept, missing = arranged(held, wanted, large)
    return [*kept, *write(missing)] if missing or not kept else kept


def _full_tier(living: Sequence[_Living], large: int) -> list[_Living]:
    """The oldest eight blocks of the smallest size of which there are so many."""
    small = [(_tier(each.block.members), each) for each in living if each.block.members < large]
    counts = Counter(tier for tier, _ in small)
    tier = min((tier for tier, count in counts.items() if count >= TIER), default=None)
    return [each for found, each in small if found == tier][:TIER]


def _tier(members: int) -> int:
    tier = 0
    while members >= TIER:
        members //= TIER
        tier += 1
    return tier
