"""Licences by their SPDX identifiers (https://spdx.org/licenses/), and by the names that people write for them.

A record keeps the licence's short name and its version apart, because many articles print no version. SPDX identifies
a Creative Commons licence by name and version together, so a licence without a version has no identifier of the list;
it gets a ``LicenseRef-``, which SPDX keeps for licences that are not on the list. ``NOASSERTION`` is SPDX's word for
"nobody says".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from journalclip_shared.errors import PermanentError
from journalclip_shared.records.article import Licence

NO_LICENCE = "none: de-identified local studies"
_OTHERS = {
    "unknown": "NOASSERTION",
    "all rights reserved": "LicenseRef-all-rights-reserved",
    NO_LICENCE: "LicenseRef-none",
}
_KNOWN: tuple[str, ...] = (*get_args(Licence), NO_LICENCE)
_VERSIONED = re.compile(r"(?P<name>cc0|cc-by(?:-(?:nc|nd|sa))*)(?:-(?P<version>[1-4]\.[05]))?")


def spdx(licence: str, version: str | None) -> str:
    """The SPDX identifier of a licence's short name and version."""
    if licence in _OTHERS:
        return _OTHERS[licence]
    if licence == "CC0":
        return "CC0-1.0"  # there is no other version
    name = licence.replace(" ", "-")
    return f"{name}-{version}" if version else f"LicenseRef-{name}"


def page(identifier: str) -> str | None:
    """The address of the identifier's page on SPDX's list; None where the list does not hold it."""
    listed = identifier not in _OTHERS.values() and not identifier.startswith("LicenseRef-")
    return f"https://spdx.org/licenses/{identifier}" if listed else None


@dataclass(frozen=True)
class LicenceFilter:
    """Which licences are wanted: short names, or SPDX identifiers; all where none is named."""

    wanted: frozenset[tuple[str, str | None]]

    @classmethod
    def of(cls, names: Iterable[str]) -> LicenceFilter:
        """Raises `PermanentError` ``licence-unknown``."""
        return cls(frozenset(map(_read, names)))

    def takes(self, licence: str, version: str | None) -> bool:
        """A name without a version takes every version; one with a version takes that version alone."""
        given = "1.0" if licence == "CC0" else version
        return not self.wanted or (licence, None) in self.wanted or (licence, given) in self.wanted


def _read(name: str) -> tuple[str, str | None]:
    plain = "-".join(name.strip().lower().removeprefix("licenseref-").split())
    for known in _KNOWN:
        if plain in {"-".join(known.lower().split()), _OTHERS.get(known, known).lower().removeprefix("licenseref-")}:
            return known, None
    match = _VERSIONED.fullmatch(plain)
    found = match and next((each for each in _KNOWN if each.lower().replace(" ", "-") == match["name"]), None)
    if not match or not found:
        remedy = f"Name one of {', '.join(_KNOWN[:-1])}, or an SPDX identifier such as CC-BY-4.0."
        raise PermanentError("licence-unknown", f"{name!r} is no licence that we know", remedy)
    return found, match["version"]
