"""Which site and which side a finding has: those of its own noun phrase, else the nearest of its clause.

"Glioma of the left and meningioma of the right frontal lobe" has two noun phrases with a side each. A denied finding
takes only what its own phrase names: "no infarct, a lesion of the left thalamus" denies no infarct of the thalamus.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from journalclip_structuring.vocabulary import Match

_NEAR: Final = 60  # characters between a finding and its site or side: a clause, seldom more
_PHRASE_END: Final = re.compile(
    r"[;:,](?=\s)|\b(?:and|but|with|without|showing|shows|showed|show|which|while|whereas|demonstrat\w+|reveal\w+|no|not"
    r"|nor|or|is|are|was|were|has|have|had|after|before|because|patient|man|woman|boy|girl)\b",
    re.IGNORECASE,
)
_VERSUS: Final = re.compile(r"\s+(?:versus|vs\.?|or)\s+(?:an?\s+)?", re.IGNORECASE)
_CLAUSE_END: Final = re.compile(r"[;](?=\s)|\b(?:but|whereas|while|however|although|without|no)\b", re.IGNORECASE)


def nearest(
    finding: Match, others: Sequence[Match], findings: Sequence[Match], sentence: str, denied: bool
) -> str | None:
    """The term among ``others`` that belongs to the finding; all offsets are within ``sentence``."""
    left, right = _phrase(finding, findings, sentence)
    own = [each for each in others if left <= each.start and each.end <= right and not _same(each, finding)]
    before = [each for each in own if each.end <= finding.start]
    after = [each for each in own if each.start >= finding.end]
    if before or after:
        return (before[-1] if before else after[0]).term
    within = next((each for each in others if _same(each, finding)), None)
    if within is not None:
        return within.term  # "intraventricular hemorrhage" names its place itself
    if denied:
        return None
    other = _alternative(finding, findings, sentence)
    if other is not None:
        return nearest(other, others, findings, sentence, denied)
    return _near(finding, others, findings, sentence)


def _alternative(finding: Match, findings: Sequence[Match], sentence: str) -> Match | None:
    """The finding that this one is weighed against: "infarct versus demyelination in the left thalamus"."""
    following = next((each for each in findings if each.start >= finding.end), None)
    between = sentence[finding.end : following.start] if following else ""
    return following if _VERSUS.fullmatch(between) else None


def _near(finding: Match, others: Sequence[Match], findings: Sequence[Match], sentence: str) -> str | None:
    """The closest one of the clause that no other finding has in its own phrase; of two equally near the one before."""
    taken = [_phrase(each, findings, sentence) for each in findings if each != finding]
    gaps = []
    for other in others:
        first, last = (other, finding) if other.end <= finding.start else (finding, other)
        between = sentence[first.end : last.start]
        claimed = any(left <= other.start and other.end <= right for left, right in taken)
        if not claimed and len(between) <= _NEAR and not _CLAUSE_END.search(between):
            gaps.append((len(between) + (last is other), other.term))
    return min(gaps)[1] if gaps else None


def _phrase(finding: Match, findings: Sequence[Match], sentence: str) -> tuple[int, int]:
    """The finding's noun phrase: to the border before it and after it, which may be the next finding."""
    cuts = [found.span() for found in _PHRASE_END.finditer(sentence)]
    cuts += [(each.start, each.end) for each in findings if each.end <= finding.start or each.start >= finding.end]
    left = max((end for _, end in cuts if end <= finding.start), default=0)
    right = min((start for start, _ in cuts if start >= finding.end), default=len(sentence))
    return left, right


def _same(other: Match, finding: Match) -> bool:
    return finding.start < other.end and other.start < finding.end
