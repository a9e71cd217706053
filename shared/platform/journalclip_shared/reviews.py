"""Review decisions in the store: writing one, reading them all, and what they come to for the next frozen dataset.

For each pair the latest standing decision of each reviewer counts. A steward's or an admin's word settles it; without
one the reviewers must agree: all for keeping (accept or edit) or all against. Where they disagree the pair is disputed
and stays out of the dataset until a steward decides. An edit makes a new pair with an id of its own, since a pair of
the same name always has the same content.

A decision is bound to what was looked at (`verdicts_of`): the pair of its id, where there is one; else every pair of
the same article with the same picture, by digest or perceptual hash. An identifiable person is rejected in every pair
of the article that shows the picture.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import ReviewDecided
from journalclip_shared.ids import make_id
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.records.review import ReviewDecision, decision_name, kind_of
from journalclip_shared.records.withdrawal import Picture
from journalclip_shared.withdrawals import same_picture

Standing = Literal["keep", "drop", "disputed"]
LEFT_OUT: dict[Standing, str] = {"drop": "review-rejected", "disputed": "review-disputed"}  # in counts of drops
SETTLING = frozenset({"steward", "admin"})  # roles whose word settles a pair


@dataclass(frozen=True)
class Verdict:
    """What a pair's decisions come to; ``edit`` is the one whose text, box or crop replaces the pair's."""

    standing: Standing
    decisions: tuple[ReviewDecision, ...]
    edit: ReviewDecision | None = None


def write_decision(store: ArtifactStore, decision: ReviewDecision) -> ArtifactRef:
    return store.put_manifest("datasets", decision_name(decision), decision.canonical())


def fact_of(decision: ReviewDecision, document: ArtifactRef) -> ReviewDecided:
    """What is announced of a stored decision."""
    return ReviewDecided(
        decision_id=decision.decision_id,
        pair_id=decision.pair_id,
        article_id=decision.article_id,
        choice=decision.choice,
        reviewer=decision.reviewer,
        document=document,
    )


def read_decisions(store: ArtifactStore, subject_id: str = "") -> list[ReviewDecision]:
    """All decisions about pairs of articles, or those about one pair or study, oldest first."""
    return _read(store, names.reviewed(kind_of(subject_id), subject_id))


def read_study_decisions(store: ArtifactStore) -> list[ReviewDecision]:
    """All decisions about studies, oldest first."""
    return _read(store, names.reviewed("studies"))


def _read(store: ArtifactStore, prefix: str) -> list[ReviewDecision]:
    refs = (store.find_manifest("datasets", name) for name in store.list_manifests("datasets", prefix))
    found = [ReviewDecision.model_validate_json(store.get(ref)) for ref in refs if ref is not None]
    return sorted(found, key=lambda decision: (decision.time, decision.decision_id))


def standing_decisions(
    decisions: Iterable[ReviewDecision],
    also: Callable[[ReviewDecision], Iterable[str]] = lambda _: (),
) -> dict[str, list[ReviewDecision]]:
    """By pair: each reviewer's latest decision that was not undone, oldest first.

    A decision counts for the pair of its id, and for the pairs that ``also`` names.
    """
    ordered = list(decisions)
    undone = {decision.undoes for decision in ordered if decision.choice == "undo"}
    latest: dict[str, dict[str, ReviewDecision]] = defaultdict(dict)
    for decision in ordered:
        if decision.choice == "undo" or decision.decision_id in undone:
            continue
        for pair_id in (*also(decision), decision.pair_id):
            latest[pair_id].pop(decision.reviewer, None)
            latest[pair_id][decision.reviewer] = decision
    return {pair_id: list(by_reviewer.values()) for pair_id, by_reviewer in latest.items()}


def verdicts_of(pairs: Sequence[Pair], decisions: Iterable[ReviewDecision]) -> dict[str, Verdict]:
    """By id of ``pairs``, and by ids of pairs that earlier edits made of them; one without a decision has none."""
    of_article: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        of_article[pair.article_id].append(pair)
    known = {pair.pair_id for pair in pairs}

    def shown(decision: ReviewDecision) -> list[str]:
        return _targets(decision, of_article.get(decision.article_id, ()), known)

    return {pair_id: _verdict(standing) for pair_id, standing in standing_decisions(decisions, shown).items()}


def _targets(decision: ReviewDecision, pairs: Sequence[Pair], known: Container[str]) -> list[str]:
    """The pairs that a decision holds for by what they show."""
    if decision.picture is None or (decision.pair_id in known and decision.reason != "identifiable-person"):
        return []
    held = decision.picture
    same = [pair.pair_id for pair in pairs if pair.image.sha256 == held.sha256]
    return same or [pair.pair_id for pair in pairs if same_picture(held, pair.image.sha256, pair.phash)]


def bound(store: ArtifactStore, decisions: Sequence[ReviewDecision], known: Container[str]) -> list[ReviewDecision]:
    """The decisions, each with its picture where an older document of its article still has the pair.

    Only those of before pictures were noted, about pairs that are not in ``known``, are looked for.
    """
    loose = {each.article_id for each in decisions if each.picture is None and each.pair_id not in known}
    if not loose:
        return list(decisions)
    shown: dict[str, Picture] = {}
    for name in store.list_manifests("figures", names.structured()):
        if names.source_of(name) in loose and (ref := store.find_manifest("figures", name)) is not None:
            document = StructuredArticle.model_validate_json(store.get(ref))
            shown |= {pair.pair_id: Picture(sha256=pair.image.sha256, phash=pair.phash) for pair in document.pairs}
    return [
        each if each.picture or each.pair_id not in shown else each.model_copy(update={"picture": shown[each.pair_id]})
        for each in decisions
    ]


def study_verdicts(decisions: Iterable[ReviewDecision]) -> dict[str, Verdict]:
    """By study. A decision on a study holds whatever was extracted or structured of it since."""
    return {study_id: _verdict(standing) for study_id, standing in standing_decisions(decisions).items()}


def apply_verdicts(pairs: Sequence[Pair], found: Mapping[str, Verdict]) -> list[Pair]:
    """The pairs that a dataset may hold, edited where a reviewer mended them; the order is kept."""
    judged = (_judged(pair, found) for pair in pairs)
    return [each for each in judged if isinstance(each, Pair)]


def rejections(pairs: Iterable[Pair], found: Mapping[str, Verdict]) -> Counter[str]:
    """How many pairs `apply_verdicts` leaves out, by reason."""
    judged = (_judged(pair, found) for pair in pairs)
    return Counter(LEFT_OUT[each] for each in judged if not isinstance(each, Pair))


def _judged(pair: Pair, found: Mapping[str, Verdict]) -> Pair | Standing:
    """The pair as a dataset may hold it, or why it holds none."""
    verdict = found.get(pair.pair_id)
    if verdict is None:
        return pair
    if verdict.standing != "keep":
        return verdict.standing
    mended = pair if verdict.edit is None else _edited(pair, verdict.edit)
    again = found.get(mended.pair_id)  # the edited pair may have been looked at in its turn
    return mended if again is None or again.standing == "keep" else again.standing


def _verdict(standing: list[ReviewDecision]) -> Verdict:
    settled = [decision for decision in standing if decision.role in SETTLING]
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
        "fingerprint": None if edit.image else pair.fingerprint,
    }
    return pair.model_copy(update=changes)
