"""Per-finding AUROC of a study model: do studies that show a finding lie nearer to its name than the others?

The question has no training: a finding's vector is that of "SEQUENCE: FINDING." over the model's sequences, and a
study's score is its cosine. A study counts as positive where its record asserts the finding, as negative elsewhere.
Variance is DeLong's, over patients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from pydantic import Field

from journalclip_evaluation.auroc import Auroc, auroc, compare_auroc, macro
from journalclip_evaluation.bootstrap import Difference, Groups
from journalclip_modeling.encoder import Vectors
from journalclip_shared.ids import canonical_json, sha256_hex
from journalclip_shared.records import Document

LEAST = 3  # studies that show a finding, and that do not, below which nothing is said of it


class FindingAuroc(Document):
    """One finding over a split's studies."""

    finding: str
    auroc: float
    low: float = Field(description="95 % interval over patients.")
    high: float
    positives: int
    negatives: int


class FindingFigures(Document):
    """What one model scored on the findings of a split."""

    digest: str = Field(
        description="Equal for equal findings, studies and patients: only then are two models compared."
    )
    findings: tuple[FindingAuroc, ...]
    macro: float = Field(description="Mean over the findings.")
    low: float
    high: float
    influence: tuple[float, ...] = Field(
        description="Each patient's on the mean; their squares add up to its variance."
    )


def finding_figures(
    studies: Vectors,
    patients: Sequence[str],
    shown: Sequence[frozenset[str]],
    embed: Callable[[Sequence[str]], Vectors],
) -> FindingFigures | None:
    """Of unit vectors [N, D] of studies; ``patients`` and the findings ``shown`` are theirs.

    ``embed`` gives unit vectors of findings' names. None where no finding has `LEAST` studies on either side.
    """
    count = Counter(term for terms in shown for term in terms)
    names = sorted(term for term, n in count.items() if LEAST <= n <= len(shown) - LEAST)
    if not names:
        return None
    scores, groups = (studies @ embed(names).T).astype(np.float64), Groups.of(list(patients))
    there = np.array([[name in terms for name in names] for terms in shown])
    each = [auroc(scores[:, n], there[:, n]) for n in range(len(names))]
    mean, said = macro(each), []
    for n, (name, one) in enumerate(zip(names, each, strict=True)):
        low, high = one.interval(groups=groups)
        positives = int(there[:, n].sum())
        said.append(
            FindingAuroc(
                finding=name, auroc=one.value, low=low, high=high, positives=positives,
                negatives=len(shown) - positives,
            )
        )  # fmt: skip
    low, high = mean.interval(groups=groups)
    asked = canonical_json([list(names), there.astype(int).tolist(), list(patients)])
    return FindingFigures(
        digest=sha256_hex(asked)[:16], findings=tuple(said), macro=mean.value, low=low, high=high,
        influence=tuple(np.bincount(groups.index, mean.influence, groups.count).tolist()),
    )  # fmt: skip


def compare_findings(before: FindingFigures, after: FindingFigures) -> Difference | None:
    """Paired over patients; None where they were asked different findings or studies."""
    if before.digest != after.digest:
        return None
    one, other = (Auroc(each.macro, np.array(each.influence)) for each in (before, after))
    found = compare_auroc(one, other)
    return Difference(found.value, found.low, found.high, found.p)
