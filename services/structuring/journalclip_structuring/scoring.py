"""How right are structured records? Fields counted one by one, lists aligned optimally, intervals by report.

A record is taken apart into slots, one for each description or list it has; within a slot the findings of truth and
prediction are paired so that the most fields agree (an assignment problem), and every field of every finding then
counts as found, missed or invented. So a finding that is right but for its side costs one field, not the whole. Exact
match asks for all of it. Spans and renderings do not count: they follow from the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from journalclip_shared.records.caption import CaptionRecord, Finding
from journalclip_shared.records.report import ReportFinding, ReportRecord
from journalclip_structuring.structurer import Record

Fields = Mapping[str, str]  # field name to value: what one finding claims
_RESAMPLES = 1000
_BOOTSTRAP_SEED = 0


@dataclass
class Counts:
    """Field values right, predicted and true."""

    right: int = 0
    predicted: int = 0
    true: int = 0

    def add(self, other: Counts) -> None:
        self.right += other.right
        self.predicted += other.predicted
        self.true += other.true

    @property
    def precision(self) -> float:
        return self.right / self.predicted if self.predicted else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        total = self.predicted + self.true
        return 2 * self.right / total if total else 1.0


@dataclass
class Score:
    """One record's comparison with its truth."""

    fields: dict[str, Counts] = field(default_factory=dict)
    negation: Counts = field(default_factory=Counts)  # over aligned findings of the same term: right of true
    exact: bool = False

    def total(self) -> Counts:
        counts = Counts()
        for each in self.fields.values():
            counts.add(each)
        return counts


def score(truth: Record, predicted: Record | None) -> Score:
    """``predicted`` None (no record) misses everything."""
    result = Score()
    ours, theirs = _slots(truth), _slots(predicted) if predicted else {}
    for slot in ours.keys() | theirs.keys():
        _score_slot(result, ours.get(slot, []), theirs.get(slot, []))
    result.exact = predicted is not None and _canonical(ours) == _canonical(theirs)
    return result


def _canonical(slots: Mapping[str, Sequence[Fields]]) -> dict[str, list[list[tuple[str, str]]]]:
    return {slot: sorted(sorted(each.items()) for each in values) for slot, values in slots.items() if values}


def _slots(record: Record) -> dict[str, list[Fields]]:
    if isinstance(record, ReportRecord):
        return {
            each.sequence: [{"sequence": each.sequence}, *(_finding(finding) for finding in each.findings)]
            for each in record.descriptions
        }
    return _caption_slots(record)


def _caption_slots(record: CaptionRecord) -> dict[str, list[Fields]]:
    slots: dict[str, list[Fields]] = {"finding": [_finding(each) for each in record.findings]}
    for name in ("modality", "sequence", "plane", "anatomy", "laterality", "procedure", "stage"):
        slots[name] = [{name: term} for term in {coded.term for coded in getattr(record, name)}]
    return slots


def _finding(finding: Finding) -> Fields:
    values: dict[str, object] = {
        "finding": finding.term,
        "negated": "yes" if finding.negated else None,
        "certainty": None if finding.certainty == "certain" else finding.certainty,
    }
    if isinstance(finding, ReportFinding):
        values |= {"site": finding.site, "laterality": finding.laterality}
        values |= {name: getattr(finding, name) for name in ("signal", "count", "shape", "mass_effect", "enhancement")}
        values["size"] = finding.size.model_dump_json() if finding.size else None
    return {name: str(value) for name, value in values.items() if value is not None}


def _score_slot(result: Score, truth: Sequence[Fields], predicted: Sequence[Fields]) -> None:
    for claims in truth:
        for name in claims:
            result.fields.setdefault(name, Counts()).true += 1
    for claims in predicted:
        for name in claims:
            result.fields.setdefault(name, Counts()).predicted += 1
    for ours, theirs in _aligned(truth, predicted):
        for name in ours.keys() & theirs.keys():
            result.fields[name].right += ours[name] == theirs[name]
        if "finding" in ours and ours["finding"] == theirs.get("finding"):
            result.negation.true += 1
            result.negation.right += ours.get("negated") == theirs.get("negated")


def _aligned(truth: Sequence[Fields], predicted: Sequence[Fields]) -> Iterable[tuple[Fields, Fields]]:
    if not truth or not predicted:
        return []
    if len(truth) == len(predicted) == 1:
        return [(truth[0], predicted[0])]
    # scipy takes half a second to import, and records with one finding need no assignment.
    from scipy.optimize import linear_sum_assignment

    gain = [[-_agreement(ours, theirs) for theirs in predicted] for ours in truth]
    rows, columns = linear_sum_assignment(gain)
    return [(truth[row], predicted[column]) for row, column in zip(rows, columns, strict=True)]


def _agreement(ours: Fields, theirs: Fields) -> float:
    """Agreeing fields; a shared term breaks ties, so that findings of one name meet each other."""
    return sum(ours.get(name) == theirs.get(name) for name in ours.keys() & theirs.keys()) + 0.5 * (
        ours.get("finding") == theirs.get("finding")
    )


@dataclass(frozen=True)
class Summary:
    """A set of records, scored; intervals are 95 % percentile bootstraps over reports."""

    reports: int
    field_f1: float
    field_f1_interval: tuple[float, float]
    exact_match: float
    exact_match_interval: tuple[float, float]
    negation_accuracy: float
    negation_accuracy_interval: tuple[float, float]
    by_field: dict[str, dict[str, float]]


def summarise(scores: Sequence[Score]) -> Summary:
    """Raises ValueError for no scores at all."""
    if not scores:
        raise ValueError("nothing to summarise")
    by_field: dict[str, Counts] = {}
    for each in scores:
        for name, counts in each.fields.items():
            by_field.setdefault(name, Counts()).add(counts)
    return Summary(
        reports=len(scores),
        field_f1=_f1(scores),
        field_f1_interval=_interval(scores, _f1),
        exact_match=_exact(scores),
        exact_match_interval=_interval(scores, _exact),
        negation_accuracy=_negation(scores),
        negation_accuracy_interval=_interval(scores, _negation),
        by_field={
            name: {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1, "true": counts.true}
            for name, counts in sorted(by_field.items())
        },
    )


def _f1(scores: Sequence[Score]) -> float:
    counts = Counts()
    for each in scores:
        counts.add(each.total())
    return counts.f1


def _exact(scores: Sequence[Score]) -> float:
    return sum(each.exact for each in scores) / len(scores)


def _negation(scores: Sequence[Score]) -> float:
    counts = Counts()
    for each in scores:
        counts.add(each.negation)
    return counts.recall


def _interval(scores: Sequence[Score], of: Callable[[Sequence[Score]], float]) -> tuple[float, float]:
    rng = Random(_BOOTSTRAP_SEED)  # noqa: S311 - resampling, not secrecy
    values = sorted(of(rng.choices(scores, k=len(scores))) for _ in range(_RESAMPLES))
    return values[int(0.025 * _RESAMPLES)], values[int(0.975 * _RESAMPLES) - 1]
