"""Remarks and assignments in the store: writing one, reading them, and which of them are open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import ReviewRemarked, ReviewsAssigned
from journalclip_shared.records import Document
from journalclip_shared.records.review import ReviewDecision
from journalclip_shared.records.reviewing import ReviewAssignment, ReviewRemark
from journalclip_shared.reviews import SETTLING

D = TypeVar("D", bound=Document)


def write_remark(store: ArtifactStore, remark: ReviewRemark) -> ReviewRemarked:
    """Store it; returns what is to be announced."""
    name = f"{names.remarked(remark.pair_id)}{remark.remark_id}"
    return ReviewRemarked(
        remark_id=remark.remark_id,
        pair_id=remark.pair_id,
        article_id=remark.article_id,
        purpose=remark.purpose,
        author=remark.author,
        document=store.put_manifest("datasets", name, remark.canonical()),
    )


def write_assignment(store: ArtifactStore, assignment: ReviewAssignment) -> ReviewsAssigned:
    """Store it; returns what is to be announced."""
    name = names.assigned(assignment.assignment_id)
    return ReviewsAssigned(
        assignment_id=assignment.assignment_id,
        pairs=len(assignment.pairs),
        by=assignment.by,
        document=store.put_manifest("datasets", name, assignment.canonical()),
    )


def read_remarks(store: ArtifactStore, subject_id: str = "") -> list[ReviewRemark]:
    """All remarks, or those about one pair or study, oldest first."""
    found = _read(store, names.remarked(subject_id), ReviewRemark)
    return sorted(found, key=lambda remark: (remark.time, remark.remark_id))


def read_assignments(store: ArtifactStore) -> list[ReviewAssignment]:
    """Those that were not ended, oldest first."""
    found = _read(store, names.assigned(), ReviewAssignment)
    ended = {each.ends for each in found}
    standing = [each for each in found if each.ends is None and each.assignment_id not in ended]
    return sorted(standing, key=lambda each: (each.time, each.assignment_id))


def open_remarks(remarks: Sequence[ReviewRemark], decisions: Iterable[ReviewDecision]) -> list[ReviewRemark]:
    """Reports and disputes that nobody settled: neither by a settlement that names them, nor by a steward's later
    decision about the pair that stands."""
    settled = {remark.settles for remark in remarks if remark.purpose == "settlement"}
    listed = list(decisions)
    undone = {each.undoes for each in listed if each.choice == "undo"}
    last: dict[str, str] = {}
    for each in listed:
        if each.role in SETTLING and each.choice != "undo" and each.decision_id not in undone:
            last[each.pair_id] = max(last.get(each.pair_id, ""), each.time)
    return [
        remark
        for remark in remarks
        if remark.purpose in ("report", "dispute")
        and remark.remark_id not in settled
        and last.get(remark.pair_id, "") <= remark.time
    ]


def _read(store: ArtifactStore, prefix: str, kind: type[D]) -> list[D]:
    refs: Iterable[ArtifactRef | None] = (
        store.find_manifest("datasets", name) for name in store.list_manifests("datasets", prefix)
    )
    return [kind.model_validate_json(store.get(ref)) for ref in refs if ref is not None]
