"""The gates: what must be true of a candidate before readers get it. Each is a pure function of evidence.

Gates read numbers that others measured; they measure nothing, so the same evidence gives the same verdict. `check` runs
those that need no model first: a leaking or unlicensed candidate is refused before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from journalclip_evaluation.bootstrap import TOO_FEW, Difference
from journalclip_promotion.decision import Verdict
from journalclip_promotion.errors import GatesUnusable
from journalclip_promotion.verify import Recount, SignaturePolicy
from journalclip_shared.ids import canonical_json, sha256_hex
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import DatasetManifest, LeakReport
from journalclip_shared.records.model import ModelManifest

CARD_FIELDS = ("intended_use", "not_for", "data", "licences", "metrics", "risks", "base_model")
START, CHAMPION, THIS = "its start", "the champion", "this model"  # whom a candidate is compared with, and itself
_MIB = 1 << 20
_NAMED = 5  # withdrawn sources that a reason names


class _Gate(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Demand(_Gate):
    """What an interval of a difference must show. ``margin`` is in the metric's own unit, a share.

    ``better`` is superiority: the lower end lies above ``margin``. ``not-worse`` is non-inferiority: the lower end lies
    above ``-margin``, so a difference that the split is too small to measure is refused, not passed.
    """

    demand: Literal["better", "not-worse"] = "better"
    margin: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _answerable(self) -> Demand:
        if self.demand == "not-worse" and not self.margin:
            raise ValueError("not-worse needs a margin above 0: how much worse is still not worse")
        return self

    @property
    def limit(self) -> float:
        """What the interval's lower end must lie above."""
        return self.margin if self.demand == "better" else -self.margin


class _Compared(_Gate):
    """A gate that compares with the champion, or with the start where there is no champion yet."""

    over_champion: Demand
    over_start: Demand

    def demand(self, baseline: str) -> Demand:
        return self.over_champion if baseline == CHAMPION else self.over_start


class Improvement(_Compared):
    """Paired difference on the test split, both directions together, by bootstrap over articles (or patients).

    A demand may be given as its word alone, with one ``margin`` for both beside it: the form of older files.
    """

    metric: Literal["r1", "r5", "r10", "mrr"] = "r10"
    multi_positive: bool = True
    over_champion: Demand = Demand()
    over_start: Demand = Field(Demand(), description="Where there is no champion yet.")
    one_source: Literal["refuse", "by-pair"] = Field(
        "refuse",
        description="A test split of fewer than five articles has no interval: refuse, or resample its pairs.",
    )

    def takes_pairs(self, sources: int) -> bool:
        """Are pairs resampled, since there are too few sources for an interval over them?"""
        return sources < TOO_FEW and self.one_source == "by-pair"

    @model_validator(mode="before")
    @classmethod
    def _older_form(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        margin = data.get("margin", 0.0)
        fields = {name: value for name, value in data.items() if name != "margin"}
        for name in ("over_champion", "over_start"):
            if isinstance(fields.get(name, "better"), str):
                fields[name] = {"demand": fields.get(name, "better"), "margin": margin}
        return fields


class Queries(_Compared):
    """A reader's queries made from the test split's records: P@10, paired over queries, and a floor.

    They are asked of vectors alone: what words add to a search does not depend on the model.
    """

    over_champion: Demand = Demand(demand="not-worse", margin=0.05)
    over_start: Demand = Field(Demand(demand="not-worse", margin=0.05), description="Where there is no champion yet.")
    least: float = Field(0.0, ge=0, le=1, description="P@10 over all queries that a model must reach.")
    without_queries: Literal["refuse", "pass"] = Field(
        "refuse", description="Where the records of the split give no query, or other ones than the baseline's."
    )


class Findings(_Compared):
    """AUROC of the findings of a test split of studies, each by its name alone: the mean over findings, and a floor.

    Paired over patients. Findings that few studies of the split show are not asked.
    """

    over_champion: Demand = Demand(demand="not-worse", margin=0.05)
    over_start: Demand = Field(Demand(demand="not-worse", margin=0.05), description="Where there is no champion yet.")
    least: float = Field(0.0, ge=0, le=1, description="Mean AUROC that a model must reach; chance is 0.5.")
    least_each: float = Field(0.0, ge=0, le=1, description="AUROC that each finding must reach.")
    without_findings: Literal["refuse", "pass"] = Field(
        "refuse", description="Where no finding of the split has enough studies, or the baseline was asked others."
    )


class GeneralLoss(_Gate):
    """Cap on what is forgotten outside the domain, against the candidate's own start and against the champion."""

    suite: str
    max_drop: float = Field(0.05, ge=0, description="In accuracy, upper end of the interval.")
    without_data: Literal["refuse", "pass"] = Field("refuse", description="Where the suite's data is not there.")


class Licences(_Gate):
    """Largest share of the training data's pairs by licence; licences not named are allowed."""

    max_share: dict[str, float] = Field(default_factory=dict)


class Cost(_Gate):
    """What serving it may cost: all files, and one text and one picture encoded on the promoter's machine."""

    max_mib: float = 4096
    max_latency_ms: float = 2000


class Gates(_Gate):
    """All gates; a missing ``general`` means that no general suite is configured."""

    signature: SignaturePolicy = Field(
        "required",
        description="`required`: unsigned candidates are refused, and all where no key is there to verify with; "
        "`if-key`: asked for only where there is a key.",
    )
    improvement: Improvement = Improvement()
    queries: Queries | None = Field(None, description="A reader's queries; missing: not asked for.")
    findings: Findings | None = Field(
        None, description="Findings of studies; missing: not asked for.", exclude_if=lambda rule: rule is None
    )
    general: GeneralLoss | None = None
    licences: Licences = Licences()
    cost: Cost = Cost()
    card: tuple[str, ...] = CARD_FIELDS
    withdrawn: Literal["pass", "refuse"] = Field(
        "pass",
        description="A model whose dataset holds sources that were withdrawn since: say so, or refuse it.",
        exclude_if=lambda policy: policy == "pass",  # the digest of gates that do not ask for it stays what it was
    )
    approval: bool = Field(False, description="A person must say yes as well.")

    @property
    def digest(self) -> str:
        """Equal gates have equal digests: what a decision was made by."""
        return sha256_hex(canonical_json(self.model_dump(mode="json")))[:16]

    @classmethod
    def load(cls, where: str, kind: Kind) -> Gates:
        """From a YAML file, or one of ours by name (`default`, `local`), of which each kind has its own.

        Raises `GatesUnusable`.
        """
        ours = resources.files("journalclip_promotion") / "profiles" / kind / f"{where}.yaml"
        try:
            text = ours.read_text() if ours.is_file() else Path(where).read_text()
            return cls.model_validate(yaml.safe_load(text) or {})
        except (OSError, yaml.YAMLError) as error:
            raise GatesUnusable(where, str(error)) from error
        except ValidationError as error:
            first = error.errors()[0]
            raise GatesUnusable(where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


@dataclass(frozen=True)
class QueriesFound:
    """P@10 of a reader's queries: this model's and its baseline's, and the paired difference."""

    count: int
    before: float
    after: float
    difference: Difference


@dataclass(frozen=True)
class FindingsFound:
    """This model's AUROC by finding, the means of both, and the paired difference."""

    each: Mapping[str, float]
    before: float
    after: float
    difference: Difference


@dataclass(frozen=True)
class Measurements:
    """What needed the model: differences are candidate minus baseline."""

    improvement: Difference
    baseline: str
    general: Mapping[str, Difference]
    latency_ms: float
    before: float
    after: float
    sources: int  # articles, or patients, of the test split
    general_problem: str = ""
    queries: QueriesFound | None = None
    findings: FindingsFound | None = None


def check_papers(gates: Gates, model: ModelManifest, dataset: DatasetManifest, recount: Recount) -> list[Verdict]:
    """The gates that read manifests and records only."""
    seen = [withdrawn(gates.withdrawn, recount.withdrawn)] if recount.withdrawn or gates.withdrawn == "refuse" else []
    return [
        *seen,
        leaks(dataset.leaks, recount.leaks),
        card(gates.card, model),
        licences(gates.licences, None if recount.licences is None else recount.licences or dataset.licences),
        size(gates.cost, model),
    ]


def check_measurements(gates: Gates, found: Measurements) -> list[Verdict]:
    """The gates that read what was measured."""
    verdicts = [improvement(gates.improvement, found), latency(gates.cost, found.latency_ms)]
    if gates.queries is not None:
        verdicts.append(reader_queries(gates.queries, found))
    if gates.findings is not None:
        verdicts.append(findings(gates.findings, found))
    if gates.general is not None:
        verdicts.append(general_loss(gates.general, found.general, found.general_problem))
    return verdicts


def leaks(stated: LeakReport, counted: LeakReport) -> Verdict:
    """Both the manifest's word and our own count of the records must be zero."""
    told = _named(stated) or "nothing"
    found = _named(counted) or "nothing"
    reason = f"{found} in more than one split" if found == told else f"{found} in more than one split, {told} as stated"
    worst = max(stated.total, counted.total)
    numbers = {f"{name}, counted": float(count) for name, count in counted.model_dump().items()}
    numbers |= {f"{name}, as stated": float(count) for name, count in stated.model_dump().items()}
    return Verdict(gate="leaks", passed=not worst, reason=reason, measured=worst, limit=0, numbers=numbers)


def _named(leaked: LeakReport) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in leaked.model_dump().items() if count)


def withdrawn(policy: Literal["pass", "refuse"], found: Mapping[str, int]) -> Verdict:
    """Counts the withdrawn sources that are in the dataset."""
    names = ", ".join(list(found)[:_NAMED]) + (" and others" if len(found) > _NAMED else "")
    reason = f"{len(found)} withdrawn sources are in its dataset: {names}" if found else "no withdrawn source is in it"
    passed = not found or policy == "pass"
    numbers = {"sources": float(len(found)), "pairs": float(sum(found.values()))}
    return Verdict(gate="withdrawn", passed=passed, reason=reason, measured=len(found), limit=0, numbers=numbers)


def card(required: Sequence[str], model: ModelManifest) -> Verdict:
    empty = [name for name in required if not model.card.get(name, "").strip()]
    reason = f"empty: {', '.join(empty)}" if empty else f"all {len(required)} required fields are filled"
    numbers = {"required fields": float(len(required)), "empty fields": float(len(empty))}
    return Verdict(gate="card", passed=not empty, reason=reason, measured=len(empty), limit=0, numbers=numbers)


def licences(limits: Licences, found: Mapping[str, int] | None) -> Verdict:
    if found is None:
        return Verdict(gate="licences", passed=True, reason="sources of this kind carry no licence")
    total = sum(found.values())
    if not total:
        return Verdict(gate="licences", passed=not limits.max_share, reason="the dataset names no licences")
    over = [
        f"{name} is {found[name] / total:.1%}, allowed {limit:.1%}"
        for name, limit in sorted(limits.max_share.items())
        if found.get(name, 0) > limit * total
    ]
    mix = ", ".join(f"{name} {count / total:.0%}" for name, count in sorted(found.items()))
    numbers = {f"share of {name}": count / total for name, count in sorted(found.items())}
    numbers |= {f"limit of {name}": limit for name, limit in sorted(limits.max_share.items())}
    reason = "; ".join(over) or f"the mix is allowed: {mix}"
    return Verdict(gate="licences", passed=not over, reason=reason, numbers=numbers)


def size(limit: Cost, model: ModelManifest) -> Verdict:
    mib = sum(file.ref.bytes for file in model.files) / _MIB
    return _at_most("size", mib, limit.max_mib, "MiB")


def latency(limit: Cost, found_ms: float) -> Verdict:
    return _at_most("latency", found_ms, limit.max_latency_ms, "ms for one text and one picture")


def improvement(rule: Improvement, found: Measurements) -> Verdict:
    over = f"{found.sources} sources"
    if rule.takes_pairs(found.sources):
        over = f"the pairs of {over}"
    elif found.sources < TOO_FEW:
        over = f"{over}, too few for one"
    delta = found.improvement
    shown = (
        f"{rule.metric} {delta.mean:+.4f} against {found.baseline} ({found.after:.4f} and {found.before:.4f}), "
        f"95 % interval {delta.low:+.4f} to {delta.high:+.4f} over {over}"
    )
    return _demanded(
        "improvement",
        rule.demand(found.baseline),
        delta,
        found.before,
        found.after,
        shown,
        sources=float(found.sources),
    )


def reader_queries(rule: Queries, measured: Measurements) -> Verdict:
    found = measured.queries
    if found is None:
        reason = "not measured: the records of the test split give no query that both models were asked"
        return Verdict(gate="queries", passed=rule.without_queries == "pass", reason=reason, limit=rule.least)
    delta = found.difference
    shown = (
        f"P@10 of {found.count} queries {found.after:.4f}, of {measured.baseline} {found.before:.4f}; 95 % interval of "
        f"the difference {delta.low:+.4f} to {delta.high:+.4f}"
    )
    verdict = _demanded(
        "queries", rule.demand(measured.baseline), delta, found.before, found.after, shown,
        least=rule.least, queries=float(found.count),
    )  # fmt: skip
    reason = f"{verdict.reason}; at least {rule.least:g} was asked"
    return verdict.model_copy(update={"passed": verdict.passed and found.after >= rule.least, "reason": reason})


def findings(rule: Findings, measured: Measurements) -> Verdict:
    found = measured.findings
    if found is None:
        reason = "not measured: no finding of the test split has enough studies that show it and that do not"
        return Verdict(gate="findings", passed=rule.without_findings == "pass", reason=reason, limit=rule.least)
    delta, (worst, lowest) = found.difference, min(found.each.items(), key=lambda each: (each[1], each[0]))
    shown = (
        f"mean AUROC of {len(found.each)} findings {found.after:.4f}, of {measured.baseline} {found.before:.4f}; 95 % "
        f"interval of the difference {delta.low:+.4f} to {delta.high:+.4f}"
    )
    numbers = {f"AUROC of {name}": value for name, value in found.each.items()}
    numbers |= {"least": rule.least, "least of each": rule.least_each}
    verdict = _demanded("findings", rule.demand(measured.baseline), delta, found.before, found.after, shown, **numbers)
    reason = (
        f"{verdict.reason}; at least {rule.least:g} was asked; lowest {worst}, {lowest:.4f}, of {rule.least_each:g}"
    )
    passed = verdict.passed and found.after >= rule.least and lowest >= rule.least_each
    return verdict.model_copy(update={"passed": passed, "reason": reason})


def _demanded(
    gate: str, demand: Demand, delta: Difference, before: float, after: float, shown: str, **more: float
) -> Verdict:
    """Does the interval show what is demanded? ``shown`` says what was measured."""
    numbers = {
        "after": after, "before": before, "difference": delta.mean, "low": delta.low, "high": delta.high,
        "limit": demand.limit, **more,
    }  # fmt: skip
    reason = f"{shown}; {demand.demand}: its lower end must lie above {demand.limit:+g}"
    passed = delta.low > demand.limit
    return Verdict(gate=gate, passed=passed, reason=reason, measured=delta.low, limit=demand.limit, numbers=numbers)


def general_loss(rule: GeneralLoss, found: Mapping[str, Difference], problem: str = "") -> Verdict:
    """The worse of the drops against the candidate's start and against the champion."""
    if not found:
        passed = rule.without_data == "pass"
        reason = f"not measured: {problem or f'the suite {rule.suite} gave nothing'}"
        return Verdict(gate="general", passed=passed, reason=reason, limit=rule.max_drop)
    drop = max(-delta.low for delta in found.values())
    each = "; ".join(f"{delta.mean:+.4f} against {name}, at worst {delta.low:+.4f}" for name, delta in found.items())
    reason = f"accuracy on {rule.suite} {each}; allowed -{rule.max_drop:g}"
    numbers = {f"{what} against {name}": value for name, delta in found.items()
               for what, value in (("difference", delta.mean), ("low", delta.low), ("high", delta.high))}  # fmt: skip
    numbers["largest allowed drop"] = rule.max_drop
    passed = drop <= rule.max_drop
    return Verdict(gate="general", passed=passed, reason=reason, measured=drop, limit=rule.max_drop, numbers=numbers)


def _at_most(gate: str, found: float, limit: float, unit: str) -> Verdict:
    reason = f"{found:.1f} {unit}, allowed {limit:g}"
    numbers = {"measured": found, "limit": limit}
    return Verdict(gate=gate, passed=found <= limit, reason=reason, measured=found, limit=limit, numbers=numbers)
