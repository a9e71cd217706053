"""The gates: what must be true of a candidate before readers get it. Each is a pure function of evidence.

Gates read numbers that others measured; they measure nothing, so the same evidence gives the same verdict. `check` runs
those that need no model first: a leaking or unlicensed candidate is refused before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from journalclip_evaluation.bootstrap import Difference
from journalclip_promotion.decision import Verdict
from journalclip_promotion.errors import GatesUnusable
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest

CARD_FIELDS = ("intended_use", "not_for", "data", "licences", "metrics", "risks", "base_model")
_MIB = 1 << 20


class _Gate(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Improvement(_Gate):
    """Paired difference on the test split, both directions together, by bootstrap over articles."""

    metric: Literal["r1", "r5", "r10", "mrr"] = "r10"
    multi_positive: bool = True
    over_champion: Literal["better", "not-worse"] = "better"
    over_start: Literal["better", "not-worse"] = Field("better", description="Where there is no champion yet.")
    margin: float = Field(0.0, description="`better`: the interval's lower end must lie above this.")


class GeneralLoss(_Gate):
    """Cap on what is forgotten outside the domain; needs a suite."""

    suite: str
    max_drop: float = Field(0.05, ge=0, description="In accuracy, upper end of the interval.")


class Licences(_Gate):
    """Largest share of the training data's pairs by licence; licences not named are allowed."""

    max_share: dict[str, float] = Field(default_factory=dict)


class Cost(_Gate):
    """What serving it may cost: all files, and one text and one picture encoded on the promoter's machine."""

    max_mib: float = 4096
    max_latency_ms: float = 2000


class Gates(_Gate):
    """All gates; a missing ``general`` means that no general suite is configured."""

    improvement: Improvement = Improvement()
    general: GeneralLoss | None = None
    licences: Licences = Licences()
    cost: Cost = Cost()
    card: tuple[str, ...] = CARD_FIELDS
    approval: bool = Field(False, description="A person must say yes as well.")

    @classmethod
    def load(cls, where: str) -> Gates:
        """From a YAML file, or one of ours by name (`default`, `local`). Raises `GatesUnusable`."""
        ours = resources.files("journalclip_promotion") / "profiles" / f"{where}.yaml"
        try:
            text = ours.read_text() if ours.is_file() else Path(where).read_text()
            return cls.model_validate(yaml.safe_load(text) or {})
        except (OSError, yaml.YAMLError) as error:
            raise GatesUnusable(where, str(error)) from error
        except ValidationError as error:
            first = error.errors()[0]
            raise GatesUnusable(where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


@dataclass(frozen=True)
class Measurements:
    """What needed the model: differences are candidate minus baseline."""

    improvement: Difference
    baseline: Literal["champion", "start"]
    general: Difference | None
    latency_ms: float


def check_papers(gates: Gates, model: ModelManifest, dataset: DatasetManifest) -> list[Verdict]:
    """The gates that read manifests only."""
    return [
        leaks(dataset),
        card(gates.card, model),
        *licences(gates.licences, dataset),
        size(gates.cost, model),
    ]


def check_measurements(gates: Gates, found: Measurements) -> list[Verdict]:
    """The gates that read what was measured."""
    verdicts = [improvement(gates.improvement, found), latency(gates.cost, found.latency_ms)]
    if gates.general is not None:
        verdicts.append(general_loss(gates.general, found.general))
    return verdicts


def leaks(dataset: DatasetManifest) -> Verdict:
    named = [f"{count} {name.replace('_', ' ')}" for name, count in dataset.leaks.model_dump().items() if count]
    reason = f"{', '.join(named)} in more than one split" if named else "nothing stands in two splits"
    return Verdict(gate="leaks", passed=not named, reason=reason, measured=dataset.leaks.total, limit=0)


def card(required: Sequence[str], model: ModelManifest) -> Verdict:
    empty = [name for name in required if not model.card.get(name, "").strip()]
    reason = f"empty: {', '.join(empty)}" if empty else f"all {len(required)} required fields are filled"
    return Verdict(gate="card", passed=not empty, reason=reason, measured=len(empty), limit=0)


def licences(limits: Licences, dataset: DatasetManifest) -> list[Verdict]:
    total = sum(dataset.licences.values())
    if not total:
        return [Verdict(gate="licences", passed=not limits.max_share, reason="the dataset names no licences")]
    over = [
        f"{name} is {dataset.licences[name] / total:.1%}, allowed {limit:.1%}"
        for name, limit in sorted(limits.max_share.items())
        if dataset.licences.get(name, 0) > limit * total
    ]
    return [Verdict(gate="licences", passed=not over, reason="; ".join(over) or "the mix is allowed")]


def size(limit: Cost, model: ModelManifest) -> Verdict:
    mib = sum(file.ref.bytes for file in model.files) / _MIB
    return _at_most("size", mib, limit.max_mib, "MiB")


def latency(limit: Cost, found_ms: float) -> Verdict:
    return _at_most("latency", found_ms, limit.max_latency_ms, "ms for one text and one picture")


def improvement(rule: Improvement, found: Measurements) -> Verdict:
    against = "the champion" if found.baseline == "champion" else "its starting point"
    demand = rule.over_champion if found.baseline == "champion" else rule.over_start
    delta = found.improvement
    passed = delta.low > rule.margin if demand == "better" else delta.high >= 0
    reason = (
        f"{rule.metric} {delta.mean:+.4f} against {against}, 95 % interval {delta.low:+.4f} to {delta.high:+.4f}; "
        + (f"its lower end must lie above {rule.margin:g}" if demand == "better" else "its upper end must reach 0")
    )
    return Verdict(gate="improvement", passed=passed, reason=reason, measured=delta.mean, limit=rule.margin)


def general_loss(rule: GeneralLoss, found: Difference | None) -> Verdict:
    if found is None:
        reason = f"the suite {rule.suite} was not measured"
        return Verdict(gate="general", passed=False, reason=reason, limit=rule.max_drop)
    drop = -found.low
    reason = f"accuracy on {rule.suite} {found.mean:+.4f}, at worst {found.low:+.4f}; allowed -{rule.max_drop:g}"
    return Verdict(gate="general", passed=drop <= rule.max_drop, reason=reason, measured=drop, limit=rule.max_drop)


def _at_most(gate: str, found: float, limit: float, unit: str) -> Verdict:
    reason = f"{found:.1f} {unit}, allowed {limit:g}"
    return Verdict(gate=gate, passed=found <= limit, reason=reason, measured=found, limit=limit)
