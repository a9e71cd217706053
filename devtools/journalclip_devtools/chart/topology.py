"""``files/topology.json``: topics, buckets and rights, from `operations.topology` to the templates."""

from __future__ import annotations

from pydantic import JsonValue

from journalclip_pipelines.operations.topology import SERVICES, Service, topics
from journalclip_shared.artifacts import BUCKETS


def topology() -> dict[str, JsonValue]:
    return {
        "topics": [
            {"name": topic.name, "partitions": topic.partitions, "config": dict[str, JsonValue](topic.config)}
            for topic in topics()
        ],
        "buckets": list(BUCKETS),
        "services": {service.group: _rights(service) for service in SERVICES},
    }


def _rights(service: Service) -> dict[str, JsonValue]:
    return {
        "reads": list(service.topics_read),
        "writes": list(service.topics_written),
        "sharesWork": service.shares_work,
        "former": service.former_group or "",
    }
