"""Do two readers agree more than chance would have it: Cohen's kappa over the pairs that both decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations

from journalclip_shared.records import Document
from journalclip_shared.records.review import ReviewDecision
from journalclip_shared.reviews import standing_decisions


class Agreement(Document):
    """Two reviewers and their kappa; None where chance alone would make them agree always (both said one thing)."""

    first: str
    second: str
    pairs: int
    agreed: int
    kappa: float | None


def agreements(decisions: Iterable[ReviewDecision]) -> list[Agreement]:
    """Every two reviewers with a pair in common, by name. An edit keeps the pair and counts as accepting it."""
    verdicts: dict[str, dict[str, bool]] = defaultdict(dict)
    for pair_id, standing in standing_decisions(decisions).items():
        for decision in standing:
            verdicts[decision.reviewer][pair_id] = decision.choice != "reject"
    return [
        _agreement(a, b, verdicts[a], verdicts[b])
        for a, b in combinations(sorted(verdicts), 2)
        if verdicts[a].keys() & verdicts[b].keys()
    ]


def _agreement(a: str, b: str, of_a: Mapping[str, bool], of_b: Mapping[str, bool]) -> Agreement:
    common = sorted(of_a.keys() & of_b.keys())
    agreed = sum(of_a[pair_id] == of_b[pair_id] for pair_id in common)
    kappa = cohen_kappa([(of_a[pair_id], of_b[pair_id]) for pair_id in common])
    return Agreement(first=a, second=b, pairs=len(common), agreed=agreed, kappa=kappa)


def cohen_kappa(answers: list[tuple[bool, bool]]) -> float | None:
    """(observed - expected) / (1 - expected), Cohen 1960; None where expected agreement is 1."""
    total = len(answers)
    observed = sum(a == b for a, b in answers) / total
    yes_a, yes_b = (sum(answer[side] for answer in answers) / total for side in (0, 1))
    expected = yes_a * yes_b + (1 - yes_a) * (1 - yes_b)
    return None if expected == 1 else (observed - expected) / (1 - expected)
