"""The gates of studies: a file of their own, and the AUROC of findings, paired with the baseline's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from journalclip_evaluation.bootstrap import Difference
from journalclip_evaluation.findings import LEAST, FindingFigures, compare_findings, finding_figures
from journalclip_promotion.gates import START, Demand, Findings, FindingsFound, Gates, Measurements, findings

Vectors = NDArray[np.float32]
TERMS = ("glioma", "infarct", "abscess")
COUNT = 60


def figures(skill: float, patients: Sequence[str] | None = None, seed: int = 0) -> FindingFigures:
    """Each study shows one finding; its vector lies nearer to that one's name, the more the higher the ``skill``."""
    rng = np.random.default_rng(seed)
    names = np.eye(len(TERMS), 8, dtype=np.float32)
    shown = [TERMS[n % len(TERMS)] for n in range(COUNT)]
    studies = rng.standard_normal((COUNT, 8)) * 0.5 + skill * names[[TERMS.index(each) for each in shown]]
    unit = (studies / np.linalg.norm(studies, axis=1, keepdims=True)).astype(np.float32)
    found = finding_figures(unit, patients or [f"pat_{n}" for n in range(COUNT)], [frozenset({each}) for each in shown],
                            embedded(names))  # fmt: skip
    assert found is not None
    each = [roc_auc_score([name == term for name in shown], unit @ names[TERMS.index(term)]) for term in sorted(TERMS)]
    assert [one.auroc for one in found.findings] == pytest.approx(each)
    return found


def embedded(names: Vectors) -> Callable[[Sequence[str]], Vectors]:
    return lambda asked: names[[TERMS.index(each) for each in asked]]


def test_aurocs_are_those_of_each_finding_and_differences_are_paired_over_patients() -> None:
    weak, strong = figures(0.2), figures(1.5)
    assert weak.macro < strong.macro
    assert weak.low < weak.macro < weak.high
    delta = compare_findings(weak, strong)
    assert delta is not None
    assert delta.mean == pytest.approx(strong.macro - weak.macro)
    assert 0 < delta.low < delta.mean < delta.high
    same = compare_findings(strong, strong)
    assert same is not None
    assert (same.mean, same.low, same.high) == (0, 0, 0)
    grouped = figures(1.5, [f"pat_{n // 12}" for n in range(COUNT)])
    assert len(grouped.influence) == 5
    assert compare_findings(grouped, strong) is None, "other patients are another question"


def test_a_finding_that_few_studies_show_is_not_asked() -> None:
    vectors, names = np.eye(8, dtype=np.float32), np.eye(3, 8, dtype=np.float32)
    shown = [frozenset({"glioma"})] * (LEAST - 1) + [frozenset[str]()] * (9 - LEAST)
    assert finding_figures(vectors, list("abcdefgh"), shown, embedded(names)) is None


def measured(found: FindingsFound | None) -> Measurements:
    nothing = Difference(0.1, 0.05, 0.15, 0.01)
    return Measurements(nothing, START, {}, 10.0, 0.5, 0.6, 9, findings=found)


def test_the_gate_reads_the_interval_the_floors_and_what_is_missing() -> None:
    rule = Findings(least=0.6, least_each=0.5, over_start=Demand(demand="not-worse", margin=0.1))

    def passed(low: float, after: float, worst: float = 0.55) -> bool:
        delta = Difference(low + 0.05, low, low + 0.1, 0.5)
        found = FindingsFound({"glioma": worst, "infarct": 0.9}, after - delta.mean, after, delta)
        verdict = findings(rule, measured(found))
        assert verdict.numbers["AUROC of glioma"] == worst
        return verdict.passed

    assert passed(-0.09, 0.7)
    assert not passed(-0.1, 0.7)
    assert not passed(-0.09, 0.59)
    assert not passed(-0.09, 0.7, worst=0.49)
    assert not findings(rule, measured(None)).passed
    assert findings(rule.model_copy(update={"without_findings": "pass"}), measured(None)).passed


@pytest.mark.parametrize("name", ["default", "local"])
def test_each_kind_has_profiles_of_its_own(name: str) -> None:
    studies, articles = Gates.load(name, "studies"), Gates.load(name, "articles")
    assert studies.findings is not None
    assert articles.findings is None
    assert studies.general is None
    assert studies.signature == articles.signature == "required"
    assert studies.improvement == articles.improvement
    assert "findings" not in articles.model_dump(mode="json"), "gates that do not ask for it keep their digest"
