"""The documents that pass between services, as artifacts: the contract no service can see the other side of.

All are frozen, refuse unknown keys, and carry the version of what made them. Boxes are in PDF points, origin at the top
left of the page. Images and other bytes are `ArtifactRef`. Field names are the field's own: figure, panel, caption,
subcaption, in-text mention, finding, series, study.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from journalclip_shared.ids import canonical_json


class Document(BaseModel):
    """Base of all records: frozen, closed, and with one canonical byte form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def canonical(self) -> bytes:
        """Canonical JSON: equal documents have equal bytes, hence equal digests."""
        return canonical_json(self.model_dump(mode="json"))
