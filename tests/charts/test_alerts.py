"""Every alert fires and is silent where it should, by promtool; each has a runbook; none is missed that may rest."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from journalclip_devtools.chart.rendered import Helm, Manifest, kinds

pytestmark = [pytest.mark.charts, pytest.mark.timeout(120)]
TESTS = Path(__file__).parent / "alerts.yaml"
RUNBOOKS = Path(__file__).parents[2] / "docs" / "operations" / "runbooks.md"


def rules_of(manifests: list[Manifest]) -> Manifest:
    (found,) = kinds(manifests, "PrometheusRule")
    spec: Manifest = found["spec"]
    return spec


def alerts_of(spec: Manifest) -> list[Any]:
    return [rule for group in spec["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def spec(helm4: Helm) -> Manifest:
    return rules_of(helm4.template((), ["monitoring.rules=true"]))


def without_messages(spec: Manifest) -> Manifest:
    """promtool compares annotations too; the tests are about when an alert fires and for whom."""
    groups = [
        {**group, "rules": [{name: value for name, value in rule.items() if name != "annotations"} for rule in rules]}
        for group in spec["groups"]
        for rules in [group["rules"]]
    ]
    return {"groups": groups}


def test_every_alert_fires_and_is_silent_where_it_should(spec: Manifest, tmp_path: Path, promtool: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(without_messages(spec)))
    shutil.copy(TESTS, tmp_path / "alerts.yaml")
    command = [str(promtool), "test", "rules", str(tmp_path / "alerts.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_both_ways(spec: Manifest) -> None:
    outcomes: dict[str, set[bool]] = {}
    for case in yaml.safe_load(TESTS.read_text())["tests"]:
        for each in case["alert_rule_test"]:
            outcomes.setdefault(each["alertname"], set()).add(bool(each["exp_alerts"]))
    assert outcomes == {rule["alert"]: {True, False} for rule in alerts_of(spec)}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert(spec: Manifest) -> None:
    sections = re.findall(r"^## (\w+)$", RUNBOOKS.read_text(), re.MULTILINE)
    assert sorted(sections) == sorted({rule["alert"] for rule in alerts_of(spec)})
    for rule in alerts_of(spec):
        assert rule["annotations"]["runbook"] == f"docs/operations/runbooks.md#{rule['alert'].lower()}"
        assert rule["annotations"]["summary"]


def missed(spec: Manifest) -> set[str]:
    expressions = [rule["expr"] for rule in alerts_of(spec) if rule["alert"] == "JournalclipServiceAbsent"]
    return {found for each in expressions for found in re.findall(r'group="([^"]+)"', each)}


def test_what_may_be_scaled_to_nothing_is_not_missed(helm4: Helm, spec: Manifest) -> None:
    keda = "extraction.autoscaling.kind=keda,extraction.autoscaling.minReplicas=0"
    sets = [f"monitoring.rules=true,{keda},segments.replicas=0,intake.enabled=false,studies.enabled=true"]
    with_less = missed(rules_of(helm4.template((), sets)))
    assert {"extraction-articles", "intake", "inference-segments-articles"} <= missed(spec)
    assert not {"extraction-articles", "intake", "inference-segments-articles"} & with_less
    assert "extraction-studies" in with_less
