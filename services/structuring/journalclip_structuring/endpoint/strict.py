"""A schema as strict decoders take it, and the way back from their answers.

Hosted servers refuse a schema in strict mode unless every object lists all its properties as required and closes
itself, every enumeration has a type, and no keyword stands in it that their grammars lack. So what may be absent
becomes nullable, and an answer's nulls are taken out again where the answer's own reader does not know them.
"""

from __future__ import annotations

from typing import Any, Final

KEYWORDS: Final = frozenset({"type", "properties", "required", "additionalProperties", "items", "enum", "description"})
_TYPES: Final[dict[type, str]] = {str: "string", int: "integer", bool: "boolean", float: "number", type(None): "null"}


def strict_schema(schema: dict[str, Any], optional: bool = False) -> dict[str, Any]:
    """The same language, lengths and patterns aside, with absent properties written as null."""
    plain = {key: value for key, value in schema.items() if key in KEYWORDS}
    if "enum" in plain:
        values = [*plain["enum"], *([None] if optional and None not in plain["enum"] else [])]
        return plain | {"enum": values, "type": _type_of(values)}
    if plain.get("type") == "object":
        required = set(schema.get("required", ()))
        members = {name: strict_schema(each, name not in required) for name, each in plain["properties"].items()}
        plain |= {"properties": members, "required": list(members), "additionalProperties": False}
    elif plain.get("type") == "array":
        plain["items"] = strict_schema(plain["items"])
    if optional:
        plain["type"] = [plain["type"], "null"]
    return plain


def without_nulls(answer: Any) -> Any:
    """The answer with its nulls left out, at every depth."""
    if isinstance(answer, dict):
        return {key: without_nulls(value) for key, value in answer.items() if value is not None}
    if isinstance(answer, list):
        return [without_nulls(each) for each in answer]
    return answer


def _type_of(values: list[Any]) -> str | list[str]:
    found = list(dict.fromkeys(_TYPES[type(value)] for value in values))
    return found[0] if len(found) == 1 else found
