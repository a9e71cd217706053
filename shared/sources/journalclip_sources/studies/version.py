"""Versions of the studies' reader and normaliser, and the slug that names what one version with given options makes."""

from __future__ import annotations

from pydantic import TypeAdapter

from journalclip_shared.ids import sha256_hex
from journalclip_sources.studies.options import GridOptions

READER = "journalclip-studies/3"
_VERSION = "2"  # brightness by the brain's median and spread


def slug(grid: GridOptions) -> str:
    """Fit for a manifest's name; other grids have other slugs."""
    return f"volumes-{_VERSION}-{sha256_hex(TypeAdapter(GridOptions).dump_json(grid))[:8]}"
