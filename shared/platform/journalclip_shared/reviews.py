"""Review decisions in the store: writing one, reading them all, and what they come to for the next frozen dataset.

For each pair the latest standing decision of each reviewer counts. A steward's or an admin's word settles it; without
one the reviewers must agree: all for keeping (accept or edit) or all against. Where they disagree the pair is disputed
and stays out of the dataset until a steward decides. An edit makes a new pair with an id of its own, since a pair of
the same name always has the same content.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.ids import make_id
from journalclip_shared.records.pair import Pair
from journalclip_shared.records.review import ReviewDecision, decision_name

Standing = Literal["keep", "drop", "disputed"]
_SETTLING = frozenset({"steward", "admin"})


@dataclass(frozen=True)
class Verdict:
    """What a pair's decisions come to; ``edit`` is the one whose text, box or crop replaces the pair's."""

    standing: Standing
    decisions: tuple[ReviewDecision, ...]
    edit: ReviewDecision | None = None


def write_decision(store: ArtifactStore, decision: ReviewDecision) -> ArtifactRef:
    return store.put_manifest("datasets", decision_name(decision), decision.canonical())


def read_decisions(store: ArtifactStore, pair_id: str = "") -> list[ReviewDecision]:
    """All decisions (of one pair, where it is named), oldest first."""
    prefix = f"reviewed/{pair_id}/" if pair_id else "reviewed/"
    refs = (store.find_manifest("datasets", name) for name in store.list_manifests("datasets", prefix))
    found = [ReviewDecision.model_validate_json(store.get(ref)) for ref in refs if ref is not None]
    return sorted(found, key=lambda decision: (decision.time, decision.decision_id))


def standing_decisions(decisions: Iterable[ReviewDecision]) -> dict[str, list[ReviewDecision]]:
    """By pair: each reviewer's latest decision that was not undone, oldest first."""
    ordered = list(decisions)
    undone = {decision.undoes for decision in ordered if decision.choice == "undo"}
    latest: dict[str, dict[str, ReviewDecision]] = defaultdict(dict)
    for decision in ordered:
        if decision.choice != "undo" and decision.decision_id not in undone:
            latest[decision.pair_id].pop(decision.reviewer, None)
            latest[decision.pair_id][decision.reviewer] = decision
    return {pair_id: list(by_reviewer.values()) for pair_id, by_reviewer in latest.items()}


def verdicts(decisions: Iterable[ReviewDecision]) -> dict[str, Verdict]:
    """By pair; a pair without a standing decision has none."""
    return {pair_id: _verdict(standing) for pair_id, standing in standing_decisions(decisions).items()}


def apply_verdicts(pairs: Sequence[Pair], found: Mapping[str, Verdict]) -> list[Pair]:
    """The pairs that a dataset may hold, edited where a reviewer mended them; the order is kept."""
    kept = []
    for pair in pairs:
        verdict = found.get(pair.pair_id)
        if verdict is None:
            kept.append(pair)
        elif verdict.standing == "keep":
            kept.append(pair if verdict.edit is None else _edited(pair, verdict.edit))
    return kept


def _verdict(standing: list[ReviewDecision]) -> Verdict:
    settled = [decision for decision in standing if decision.role in _SETTLING]
    counted = settled[-1:] or standing
    keeps = {decision.choice != "reject" for decision in counted}
    if len(keeps) > 1:
        return Verdict("disputed", tuple(standing))
    edits = [decision for decision in counted if decision.choice == "edit"]
    return Verdict("keep" if keeps == {True} else "drop", tuple(standing), edits[-1] if edits else None)


def _edited(pair: Pair, edit: ReviewDecision) -> Pair:
    changes = {
        "pair_id": make_id("pair", pair.pair_id, edit.decision_id),
        "text": edit.text or pair.text,
        "box": edit.box or pair.box,
        "image": edit.image or pair.image,
        "phash": None if edit.image else pair.phash,  # the hash was of the former crop
    }
    return pair.model_copy(update=changes)
