"""``values.schema.json``: Helm checks every value against it before anything is rendered.

Its blocks are the chart's types and the services' own settings. References are written out and nothing is required, so
what Helm says of a wrong key or type names the place in the values and not one in the schema. What depends on two
values at once is said by the chart's own sentences (``templates/_checks.tpl``).
"""

from __future__ import annotations

from pydantic import JsonValue

from journalclip_devtools.chart.settings import OFFERED, Schema, inlined
from journalclip_devtools.chart.values import ChartValues
from journalclip_training.recipes import recipes_of
from journalclip_training.requests import OFF

# Kept for editors (descriptions, defaults) or for Helm (the rest); titles say nothing that keys do not.
_DROPPED = frozenset({"title", "format", "writeOnly"})


def values_schema() -> Schema:
    schema = inlined(ChartValues.model_json_schema(by_alias=True))
    properties = _properties(schema)
    for name, offered in OFFERED.items():
        place = _properties(properties[name]) if name else properties
        place["settings"] = offered.schema()
    _properties(_properties(properties["training"])["settings"])["recipe"] = {
        "description": "Recipe that answers each new dataset; `off`: none, people ask with `journalclip train`.",
        "enum": [*recipes_of("articles"), OFF],
    }
    properties["global"] = {"type": "object", "description": "Values of a chart that contains this one."}
    cleaned = _cleaned(schema)
    if not isinstance(cleaned, dict):
        raise TypeError("a schema is an object")
    return {"$schema": "http://json-schema.org/draft-07/schema#", **cleaned}


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
