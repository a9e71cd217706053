"""The documents that pass between services, as artifacts: the contract no service can see the other side of.

All are frozen and carry the version of what made them. Neither code nor a person may give a document an unknown field.
A
stored document of a newer version may have some: they are ignored, counted and logged, so that two versions can run
side by side. Boxes are in PDF points, origin at the top left of the page. Images and other bytes are `ArtifactRef`.
Field names are the field's own: figure, panel, caption, subcaption, in-text mention, finding, series, study.
"""

from __future__ import annotations

import logging
from typing import Self

from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.config import ExtraValues

from journalclip_shared.ids import canonical_json

_log = logging.getLogger(__name__)

# Of the process; every service shows it beside its own metrics.
UNKNOWN_FIELDS = Counter(
    "journalclip_unknown_fields", "Fields of stored documents that this version ignores.", ["document"], registry=None
)


class Document(BaseModel):
    """Base of all records: frozen, closed, and with one canonical byte form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def model_validate_json(
        cls,
        json_data: str | bytes | bytearray,
        *,
        strict: bool | None = None,
        extra: ExtraValues | None = None,
        context: object = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
    ) -> Self:
        """A stored document, of whatever version. Raises `ValidationError` for everything but unknown fields."""
        try:
            return super().model_validate_json(
                json_data, strict=strict, extra=extra, context=context, by_alias=by_alias, by_name=by_name
            )
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            unknown = [each["loc"] for each in found if each["type"] == "extra_forbidden"]
            if not unknown or extra is not None:
                raise
            read = super().model_validate_json(
                json_data, strict=strict, extra="ignore", context=context, by_alias=by_alias, by_name=by_name
            )
        names = sorted({str(loc[-1]) for loc in unknown})
        UNKNOWN_FIELDS.labels(cls.__name__).inc(len(unknown))
        _log.warning("%s has fields that this version ignores: %s", cls.__name__, ", ".join(names)[:500])
        return read

    def canonical(self) -> bytes:
        """Canonical JSON: equal documents have equal bytes, hence equal digests."""
        return canonical_json(self.model_dump(mode="json"))
