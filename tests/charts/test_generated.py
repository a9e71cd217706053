"""What is generated is current, and the hand-written values fit the types they are generated from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from journalclip_devtools.chart.__main__ import generated, main
from journalclip_devtools.chart.dashboard import dashboard
from journalclip_devtools.chart.rendered import ALL, CHART, PROFILES
from journalclip_devtools.chart.schema import defaults, values_schema
from journalclip_devtools.chart.settings import OFFERED
from journalclip_devtools.chart.values import ChartValues
from journalclip_devtools.faults.chain import Chain
from journalclip_freezing.handler import FreezingHandler
from journalclip_inference.api.metrics import Metrics
from journalclip_inference.handler import FigureIndexer, SegmentHandler
from journalclip_inference.hits import Served
from journalclip_pipelines.operations.topology import SERVICES
from journalclip_shared.telemetry import Telemetry
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry
from journalclip_structuring.fallback import WithRules
from journalclip_structuring.rules import RuleStructurer
from journalclip_training.recipes import recipes_of

ROOT = Path(__file__).parents[2]
HERE = ROOT / CHART
OPEN = {"settings", "podAnnotations", "serviceAccountAnnotations", "annotations", "labels", "dashboardLabels",
        "nodeSelector", "affinity", "requests", "limits", "podLabels", "commonLabels", "commonAnnotations",
        "podSecurityContext", "securityContext", "gates"}  # fmt: skip
# One side of a choice: the other one is the default, and what would contradict it stays out.
AT_DEFAULT = {
    "bootstrap.enabled", "networkPolicy.enabled", "podDisruptionBudgets", "intake.enabled", "training.gpus",
    "inference.gpus", "kafka.external.acls", "signing.enabled", "extraction.parser.container", "secrets.enabled",
    "catalogue.enabled", "studies.training.gpus", "objectStore.external.auth", "extraCA.secret", "image.kafka.digest",
    "inference.autoscaling.kind", "inference.service.type", "inference.service.annotations", "ingress.path",
    "ingress.tls.enabled", "training.ray.queue", "training.ray.keepHead", "studies.training.ray.keepHead",
    "training.ray.worker.hostNetwork", "toolbox.enabled", "smoke.enabled", "llm.bundled.modelImage",
    "studies.training.ray.worker.hostNetwork", "inference.ray.worker.hostNetwork",
}  # fmt: skip


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict) and name not in OPEN:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def test_every_generated_file_is_current() -> None:
    stale = [str(path.relative_to(ROOT)) for path, text in generated(HERE).items() if path.read_text() != text]
    assert stale == [], "run `make chart-files`"


def test_check_says_what_is_stale_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("")
    assert main([str(tmp_path), "--check"]) == 1
    assert "values.schema.json is out of date" in capsys.readouterr().out
    assert not (tmp_path / "values.schema.json").exists()
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0


def test_values_yaml_holds_defaults_only_and_is_small() -> None:
    """Its keys stand behind a mark: a key that is set there would hide a user's null for it from the templates."""
    text = (HERE / "values.yaml").read_text()
    assert yaml.safe_load(text) is None
    keys = [line.removeprefix("# ") for line in text.splitlines() if re.match(r"# +[a-zA-Z]+:( |$)", line)]
    known, shown = dict(leaves(defaults())), dict(leaves(yaml.safe_load("\n".join(keys))))
    assert len(shown) > 50
    for path, value in shown.items():
        assert known[path] == value, f"{path} is {value} in values.yaml and {known[path]} by default"
    assert len(text.splitlines()) < 120


@pytest.mark.parametrize("files", PROFILES.values(), ids=PROFILES)
def test_profiles_fit_the_types(files: tuple[str, ...]) -> None:
    for name in files:
        ChartValues.model_validate(yaml.safe_load((HERE / name).read_text()))


def test_all_values_sets_every_value_to_something_else() -> None:
    given, known = dict(leaves(yaml.safe_load((HERE / ALL).read_text()))), dict(leaves(defaults()))
    unset = {path for path in known if path not in given and not said_otherwise(path, set(given))}
    assert unset == set()
    assert {path for path, value in known.items() if path in given and given[path] == value} <= AT_DEFAULT


def said_otherwise(path: str, given: set[str]) -> bool:
    """An image may be one text or its parts, and a number of replicas one or two numbers."""
    return any(path.startswith(f"{each}.") or each.startswith(f"{path}.") for each in given)


def test_the_types_refuse_what_the_schema_refuses() -> None:
    with pytest.raises(ValidationError, match="replicaz"):
        ChartValues.model_validate({"extraction": {"replicaz": 2}})


def test_the_schema_has_no_reference_and_closes_every_block() -> None:
    schema = values_schema()
    assert '"$ref"' not in json.dumps(schema)

    def walk(node: Any, path: str) -> None:
        if isinstance(node, dict) and isinstance(node.get("properties"), dict):
            assert node.get("additionalProperties") is False, path
            for name, inner in node["properties"].items():
                walk(inner, f"{path}.{name}")

    walk(schema, "values")


@pytest.mark.parametrize("name", [name for name in OFFERED if name])
def test_settings_offered_are_the_services_own_less_what_the_chart_decides(name: str) -> None:
    offered = OFFERED[name]
    properties = offered.schema()["properties"]
    assert isinstance(properties, dict)
    assert set(properties) <= set(offered.kind.model_fields)
    decided = {"workdir", "bus", "artifacts", "mlflow_uri", "metrics_port", "drain", "fail_points"}
    assert not set(properties) & (decided | {each.partition(".")[0] for each in offered.decided if "." not in each})


def test_the_schema_names_every_recipe() -> None:
    training: Any = values_schema()
    of_articles = training["properties"]["training"]["properties"]
    of_studies = training["properties"]["studies"]["properties"]["training"]["properties"]
    assert of_articles["settings"]["properties"]["recipe"]["enum"] == [*recipes_of("articles"), "off"]
    assert of_studies["settings"]["properties"]["recipe"]["enum"] == [*recipes_of("studies"), "off"]


def test_every_service_has_a_description_in_prose() -> None:
    schema: Any = values_schema()
    for name, node in leaves_of(schema["properties"]):
        assert node.get("description") or node.get("enum") or "type" in node, name


def leaves_of(properties: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, node in properties.items():
        if "properties" in node:
            yield from leaves_of(node["properties"], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", node


def exported() -> set[str]:
    """Every metric name that a service really exports."""
    telemetry, metrics = Telemetry("extraction"), Metrics()
    chain = Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry())
    segments = SegmentHandler(chain.store, FigureIndexer(chain.store, Path("unused")), lambda: None)
    freezing = FreezingHandler(chain.freezer())
    for each in (*WithRules(RuleStructurer()).metrics, *segments.metrics, *freezing.metrics):
        telemetry.registry.register(each)
    metrics.request("GET", "/v1/search", 200, 0.1)
    pages = [metrics.text(0, Served(model_id="m", version="1", dataset_id="d", index_id="i"))]
    names = {sample.name for family in telemetry.registry.collect() for sample in family.samples}
    names |= {
        name + suffix for family in telemetry.registry.collect() for name in [family.name] for suffix in _SUFFIXES
    }
    return names | {line.split("{")[0].split(" ")[0] for page in pages for line in page.decode().splitlines()}


_SUFFIXES = ("", "_total", "_bucket", "_sum", "_count")
_METRIC = re.compile(r"journalclip_[a-z_]+")


def test_the_dashboard_and_the_alerts_use_metrics_that_exist() -> None:
    rules = (HERE / "templates" / "monitoring" / "rules.yaml").read_text()
    used = set(_METRIC.findall(json.dumps(dashboard()))) | set(_METRIC.findall(rules))
    assert used - exported() == set()
    assert len(used) >= 7


def test_every_panel_fits_the_grid_and_has_a_name() -> None:
    panels: Any = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 and panel["title"] for panel in panels)


def test_the_topology_of_the_chart_is_the_code_s() -> None:
    topology = json.loads((HERE / "files" / "topology.json").read_text())
    assert set(topology["services"]) == {service.group for service in SERVICES}
