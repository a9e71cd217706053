"""The kinds of source: published articles, and head-MRI studies. A kind is a type without a default.

Every record that belongs to one kind says which. Records from before there were kinds are of articles: they say
nothing, or ``figures``. `OfKind` reads them, and is the only place that knows this. Records of articles are still
written without the field: an older service that reads them goes on working, and a fact said again keeps its id.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

Kind = Literal["articles", "studies"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_BEFORE_KINDS = (None, "figures")  # what a stored record of articles may say


def _stored_without(kind: Kind) -> bool:
    return kind == "articles"


def _may_be_absent(schema: dict[str, Any]) -> None:
    """The published schema describes stored records."""
    schema["required"] = [name for name in schema.get("required", ()) if name != "kind"]


class OfKind(BaseModel):
    """Base of what belongs to one kind. Python must say which; stored JSON of an older version need not."""

    model_config = ConfigDict(json_schema_extra=_may_be_absent)

    kind: Kind = Field(
        description="`articles` or `studies`; a stored record without it is of articles.", exclude_if=_stored_without
    )

    @model_validator(mode="before")
    @classmethod
    def _read_old_format(cls, data: Any, info: ValidationInfo) -> Any:
        if info.mode == "json" and isinstance(data, dict) and data.get("kind") in _BEFORE_KINDS:
            return {**data, "kind": "articles"}
        return data
