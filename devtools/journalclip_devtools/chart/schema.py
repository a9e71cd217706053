"""``values.schema.json``: the schema by which Helm checks every value before it renders a template.

Its blocks come from the chart's types and the services' settings. References are replaced by their content and no key
is required. So Helm's message about a wrong key or type names the place in the values, not a place in the schema. The
chart itself checks conditions on two values (``templates/_checks.tpl``).
"""

from __future__ import annotations

from pydantic import JsonValue

from journalclip_devtools.chart.settings import OFFERED, Schema, inlined
from journalclip_devtools.chart.values import ChartValues
from journalclip_shared.kinds import Kind
from journalclip_training.recipes import recipes_of
from journalclip_training.requests import OFF

# Words that neither editors nor Helm need; a title repeats its key.
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
    """The schema of the block at ``place``, such as ``studies.training``; the whole schema for an empty ``place``."""
    for name in place.split(".") if place else ():
        node = _properties(schema)[name]
        if not isinstance(node, dict):
            raise TypeError("a block's schema is an object")
        schema = node
    return schema


_RESOURCES = frozenset({"requests", "limits"})


def _emptied(node: JsonValue) -> JsonValue:
    """Allow null for a map, a list, requests and limits, so that a user can empty them."""
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
    """The default of every value; the chart merges the given values over the defaults."""
    return ChartValues().model_dump(by_alias=True, mode="json")


def _properties(node: JsonValue) -> Schema:
    found = node.get("properties") if isinstance(node, dict) else None
    if not isinstance(found, dict):
        raise TypeError("an object's schema has properties")
    return found


def _cleaned(node: JsonValue, names: bool = False) -> JsonValue:
    """The node without `_DROPPED` keys. ``names`` is true if its keys are names of values, not schema keywords."""
    if isinstance(node, list):
        return [_cleaned(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {name: value for name, value in node.items() if names or name not in _DROPPED}
    # A block's default repeats those of its keys.
    if not names and "properties" in kept:
        kept.pop("default", None)
    return {name: _cleaned(value, name == "properties" and not names) for name, value in kept.items()}
