"""The chart's README: a page of prose by hand around a table of every value, which is generated.

What stands between the two marks is replaced; all else is left as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import JsonValue

from journalclip_devtools.chart.settings import Schema

BEGIN, END = "<!-- values: generated, do not edit -->", "<!-- end of values -->"


def with_values(readme: str, schema: Schema) -> str:
    """``readme`` with its tables as ``schema`` says."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables(schema)}\n{END}{after}"


def tables(schema: Schema) -> str:
    """One table a top-level block, and one of the values that stand alone."""
    properties = schema["properties"]
    if not isinstance(properties, dict):
        raise TypeError("values are an object")
    alone = {name: node for name, node in properties.items() if not _block(node) and name != "global"}
    parts = [_table("Of the whole release", "", "", alone)]
    for name, node in properties.items():
        if isinstance(node, dict) and isinstance(inner := node.get("properties"), dict):
            parts.append(_table(f"`{name}`", str(node.get("description", "")), f"{name}.", inner))
    return "\n".join(parts)


def _table(title: str, words: str, prefix: str, properties: Schema) -> str:
    rows = "".join(
        f"| `{key}` | {kind} | {default} | {said} |\n" for key, kind, default, said in _rows(properties, prefix)
    )
    head = "| value | type | default | what it is |\n|---|---|---|---|\n"
    return f"### {title}\n\n" + (f"{words}\n\n" if words else "") + head + rows


def _rows(properties: Schema, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, node in properties.items():
        if not isinstance(node, dict):
            continue
        inner = node.get("properties")
        if isinstance(inner, dict):
            yield from _rows(inner, f"{prefix}{name}.")
        else:
            default = f"`{json.dumps(node['default'])}`" if "default" in node else ""
            yield f"{prefix}{name}", _kind(node), default.replace("|", "\\|"), _said(node)


def _said(node: Schema) -> str:
    return " ".join(str(node.get("description", "")).split()).replace("|", "\\|")


def _kind(node: Schema) -> str:
    choices = node.get("enum")
    if isinstance(choices, list):
        return " or ".join(f"`{each}`" for each in choices)
    parts = node.get("anyOf")
    if isinstance(parts, list):
        return " or ".join(dict.fromkeys(_kind(each) for each in parts if isinstance(each, dict)))
    kind = node.get("type", "any")
    name = str(kind[0] if isinstance(kind, list) else kind)
    return {"array": "list", "object": "map"}.get(name, name)


def _block(node: JsonValue) -> bool:
    return isinstance(node, dict) and isinstance(node.get("properties"), dict)
