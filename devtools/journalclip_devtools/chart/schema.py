"""``values.schema.json``: Helm checks every value against it before anything is rendered.

Its blocks are the chart's types and the services' own settings. References are written out and nothing is required, so
what Helm says of a wrong key or type names the place in the values and not one in the schema. What depends on two
values at once is said by the chart's own sentences (``templates/_checks.tpl``).
"""

from __future__ import annotations

from pydantic import JsonValue

from journalclip_devtools.chart.settings import OFFERED, Schema, inlined
from journalclip_devtools.chart.values import ChartValues
from journalclip_shared.kinds import Kind
from journalclip_training.recipes import recipes_of
from journalclip_training.requests import OFF

# Kept for editors (descriptions, defaults) or for Helm (the rest); titles say nothing that keys do not.
_DROPPED = frozenset({"title", "format", "writeOnly"})


def values_schema() -> Schema:
    schema = inlined(ChartValues.model_json_schema(by_alias=True))
    for place, offered in OFFERED.items():
        _properties(_at(schema, place))["settings"] = offered.schema()
    kinds: dict[str, Kind] = {"training": "articles", "studies.training": "studies"}
    for place, kind in kinds.items():
        _properties(_at(schema, f"{place}.settings"))["recipe"] = {
            "description": "Recipe that answers each new dataset; `off`: none, people ask with `journalclip train`.",
            "enum": [*recipes_of(kind), OFF],
        }
    _properties(schema)["global"] = {"type": "object", "description": "Values of a chart that contains this one."}
    cleaned = _emptied(_cleaned(schema))
    if not isinstance(cleaned, dict):
        raise TypeError("a schema is an object")
    return {"$schema": "http://json-schema.org/draft-07/schema#", **cleaned}


def _at(schema: Schema, place: str) -> Schema:
    """The schema of a block, by its place in the values: ``studies.training``; empty: all."""
    for name in place.split(".") if place else ():
        node = _properties(schema)[name]
        if not isinstance(node, dict):
            raise TypeError("a block's schema is an object")
        schema = node
    return schema


_RESOURCES = frozenset({"requests", "limits"})


def _emptied(node: JsonValue) -> JsonValue:
    """A null empties what holds names of the user's own: a map, a list, requests and limits."""
    if isinstance(node, list):
        return [_emptied(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {name: _emptied(value) for name, value in node.items()}
    properties = found.get("properties")
    block = isinstance(properties, dict) and set(properties) != _RESOURCES
    if found.get("type") in ("object", "array") and not block:
        found["type"] = [str(found["type"]), "null"]
    return found


def defaults() -> Schema:
    """Every value at its default, which the chart puts below what it was given."""
    return ChartValues().model_dump(by_alias=True, mode="json")


def _properties(node: JsonValue) -> Schema:
    found = node.get("properties") if isinstance(node, dict) else None
    if not isinstance(found, dict):
        raise TypeError("an object's schema has properties")
    return found


def _cleaned(node: JsonValue, names: bool = False) -> JsonValue:
    """Without words that Helm does not need; ``names`` where the keys are names of values and not words of a schema."""
    if isinstance(node, list):
        return [_cleaned(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {name: value for name, value in node.items() if names or name not in _DROPPED}
    # A block's default repeats those of its keys.
    if not names and "properties" in kept:
        kept.pop("default", None)
    return {name: _cleaned(value, name == "properties" and not names) for name, value in kept.items()}
