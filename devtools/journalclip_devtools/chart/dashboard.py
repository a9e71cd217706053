"""The Grafana dashboard: where work waits, what fails, how fast answers come, which model gives them.

Every expression uses a metric that a service really exports; a test holds them to the services' own registries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

Panel = dict[str, JsonValue]
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3
_SOURCE: Panel = {"type": "prometheus", "uid": "${datasource}"}
_OURS = 'namespace="$namespace"'


@dataclass(frozen=True)
class Graph:
    """One panel."""

    title: str
    expression: str
    legend: str
    unit: str = "short"
    kind: Literal["timeseries", "table", "stat"] = "timeseries"
    said: str = ""

    def panel(self, at: int) -> Panel:
        target: Panel = {
            "refId": "A", "datasource": _SOURCE, "expr": self.expression, "legendFormat": self.legend,
            "instant": self.kind == "table", "format": "table" if self.kind == "table" else "time_series",
        }  # fmt: skip
        x, y = at % _COLUMNS * _WIDTH, at // _COLUMNS * _HEIGHT
        return {
            "id": at + 1,
            "type": self.kind,
            "title": self.title,
            "description": self.said,
            "datasource": _SOURCE,
            "gridPos": {"h": _HEIGHT, "w": _WIDTH, "x": x, "y": y},
            "fieldConfig": {"defaults": {"unit": self.unit, "min": 0}, "overrides": []},
            "targets": [target],
        }


def _rate(name: str, by: str) -> str:
    return f"sum by ({by}) (rate({name}{{{_OURS}}}[$__rate_interval]))"


def _quantile(share: float, name: str, by: str) -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({name}_bucket{{{_OURS}}}[$__rate_interval])))"


GRAPHS = (
    Graph(
        "Backlog", f"max by (group) (journalclip_lag{{{_OURS}}})", "{{group}}",
        said="Events that a service has not committed yet. It may rise while an issue comes in, and must fall again.",
    ),
    Graph("Events handled", _rate("journalclip_events_handled_total", "group"), "{{group}}", "ops"),
    Graph(
        "Quarantined", f"sum by (group, code) (increase(journalclip_events_died_total{{{_OURS}}}[1h]))",
        "{{group}} {{code}}", said="Dead letters of the last hour by code; docs/operations/errors.md says what to do.",
    ),
    Graph("Time to handle an event, p95", _quantile(0.95, "journalclip_handle_seconds", "group"), "{{group}}", "s"),
    Graph("Requests", _rate("journalclip_requests_total", "route, status"), "{{route}} {{status}}", "reqps"),
    Graph("Time to answer, p95", _quantile(0.95, "journalclip_request_seconds", "route"), "{{route}}", "s"),
    Graph(
        "Queries that wait", f"sum by (pod) (journalclip_waiting_queries{{{_OURS}}})", "{{pod}}",
        said="At the limit further queries get 429: add replicas.",
    ),
    Graph(
        "Refused or failed", 'sum by (status) (rate(journalclip_requests_total{namespace="$namespace",'
        'status=~"429|5.."}[$__rate_interval]))', "{{status}}", "reqps",
    ),
    Graph(
        "Model in service", f"max by (model_id, version) (journalclip_model_info{{{_OURS}}})", "{{model_id}}",
        kind="table", said="Two rows for longer than a rollout mean that one server could not load the champion.",
    ),
)  # fmt: skip


def dashboard() -> Panel:
    """The dashboard's JSON, as Grafana imports it."""
    choice: Panel = {
        "name": "namespace", "label": "Namespace", "type": "query", "datasource": _SOURCE, "refresh": 2, "sort": 1,
        "query": {"query": "label_values(journalclip_lag, namespace)", "refId": "namespace"},
    }  # fmt: skip
    source: Panel = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": "journalclip",
        "title": "journalclip",
        "tags": ["journalclip"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source, choice]},
        "panels": [graph.panel(at) for at, graph in enumerate(GRAPHS)],
    }
