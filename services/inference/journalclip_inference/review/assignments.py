"""Sharing out pairs among reviewers, a part of them to two, and how far each has come.

Pairs go to whoever has the fewest, by name where they are equal, so that shares differ by one pair at most. Pairs that
two read are spread evenly over the order of doubt. An assignment says who is asked to read a pair; it hides no pair
from others, and a decision about a pair counts whoever took it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import Field

from journalclip_inference.auth import Principal
from journalclip_inference.errors import NotFound, QueryInvalid
from journalclip_inference.review.queue import Doubt
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.events import ReviewsAssigned
from journalclip_shared.ids import make_id
from journalclip_shared.records import Document
from journalclip_shared.records.review import ReviewDecision
from journalclip_shared.records.reviewing import ReviewAssignment
from journalclip_shared.reviewing import read_assignments, write_assignment
from journalclip_shared.reviews import standing_decisions

MOST = 5_000  # pairs of one assignment: its document stays below half a megabyte


class Assign(Document):
    """What a steward sends: how many of the doubted pairs, to whom, and the share that two read."""

    title: str = Field(min_length=1, max_length=200)
    readers: tuple[str, ...] = Field(min_length=1, max_length=50, description="Names as `GET /v1/me` says them.")
    pairs: int = Field(ge=1, le=MOST)
    overlap: float = Field(0.2, ge=0, le=1, description="The share of the pairs that two reviewers read.")
    doubt: Doubt | None = None


class ReaderProgress(Document):
    """How far one reviewer has come with what was assigned."""

    reader: str
    assigned: int
    done: int


class AssignmentProgress(Document):
    """How far an assignment has come."""

    assignment_id: str
    title: str
    by: str
    time: str
    overlap: float
    pairs: int
    done: int = Field(description="Pairs on which everyone asked has decided.")
    readers: tuple[ReaderProgress, ...]


class Assignments:
    """Shares out pairs for one store; ``announce`` puts the event on the bus."""

    def __init__(
        self,
        store: ArtifactStore,
        announce: Callable[[ReviewsAssigned], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._announce, self._clock = store, announce, clock

    def standing(self) -> list[ReviewAssignment]:
        return read_assignments(self._store)

    def assign(self, wanted: Assign, pair_ids: Sequence[str], who: Principal) -> ReviewAssignment:
        """Raises `QueryInvalid` where there is nothing to assign, or one reviewer is to read a pair twice."""
        readers = tuple(dict.fromkeys(name.strip() for name in wanted.readers))
        if not all(readers):
            raise QueryInvalid("a reviewer has no name", "Look at `readers`.")
        if wanted.overlap and len(readers) < 2:
            raise QueryInvalid("one reviewer cannot read a pair twice", "Name a second one, or set `overlap` to 0.")
        if not pair_ids:
            raise QueryInvalid("no doubted pair is left to assign", "End an assignment, or choose another doubt.")
        return self._say(wanted.title, wanted.overlap, share_out(pair_ids, readers, wanted.overlap), None, who)

    def end(self, assignment_id: str, who: Principal) -> ReviewAssignment:
        """What is left of it goes back to the queue of all. Raises `NotFound`."""
        held = next((each for each in self.standing() if each.assignment_id == assignment_id), None)
        if held is None:
            raise NotFound("assignment", assignment_id, "`GET /v1/review/progress` lists them.")
        return self._say(held.title, held.overlap, {}, assignment_id, who)

    def _say(
        self, title: str, overlap: float, shares: dict[str, tuple[str, ...]], ends: str | None, who: Principal
    ) -> ReviewAssignment:
        time = self._clock().isoformat(timespec="milliseconds")
        made = ReviewAssignment(
            assignment_id=make_id("evt", "assignment", title, who.name, time, ends or ""),
            title=title, by=who.name, overlap=overlap, shares=shares, ends=ends, time=time,
        )  # fmt: skip
        self._announce(write_assignment(self._store, made))
        return made


def share_out(pair_ids: Sequence[str], readers: Sequence[str], overlap: float) -> dict[str, tuple[str, ...]]:
    """Pairs by reader: ``overlap`` of them to two different ones."""
    shares: dict[str, list[str]] = {reader: [] for reader in sorted(readers)}

    def to_the_least(pair_id: str, but: str | None = None) -> str:
        reader = min((each for each in shares if each != but), key=lambda each: (len(shares[each]), each))
        shares[reader].append(pair_id)
        return reader

    for n, pair_id in enumerate(pair_ids):
        first = to_the_least(pair_id)
        if int((n + 1) * overlap) > int(n * overlap):
            to_the_least(pair_id, but=first)
    return {reader: tuple(share) for reader, share in shares.items()}


def assigned_to(reader: str, assignments: Sequence[ReviewAssignment]) -> tuple[str, ...]:
    """The pairs that a reviewer is to read, in their order."""
    return tuple(dict.fromkeys(pair_id for each in assignments for pair_id in each.shares.get(reader, ())))


def progress(assignments: Sequence[ReviewAssignment], decisions: Sequence[ReviewDecision]) -> list[AssignmentProgress]:
    """How far each has come, by the decisions that stand."""
    decided = {
        pair_id: frozenset(each.reviewer for each in standing)
        for pair_id, standing in standing_decisions(decisions).items()
    }
    return [_progress(each, decided) for each in assignments]


def progress_for(who: Principal, found: AssignmentProgress) -> AssignmentProgress | None:
    """As a person may see it: a steward everyone's share, a reviewer his or her own; None where there is none."""
    if who.may("steward"):
        return found
    mine = tuple(each for each in found.readers if each.reader == who.name)
    return found.model_copy(update={"readers": mine}) if mine else None


def _progress(assignment: ReviewAssignment, decided: Mapping[str, Collection[str]]) -> AssignmentProgress:
    readers, open_pairs = [], Counter[str]()
    for reader, share in assignment.shares.items():
        left = [pair_id for pair_id in share if reader not in decided.get(pair_id, ())]
        open_pairs.update(left)
        readers.append(ReaderProgress(reader=reader, assigned=len(share), done=len(share) - len(left)))
    pairs = len(assignment.pairs)
    return AssignmentProgress(
        assignment_id=assignment.assignment_id, title=assignment.title, by=assignment.by, time=assignment.time,
        overlap=assignment.overlap, pairs=pairs, done=pairs - len(open_pairs), readers=tuple(readers),
    )  # fmt: skip
