"""SPDX identifiers: every short name has one, and what people write for a licence finds it."""

from __future__ import annotations

from typing import get_args

import pytest

from journalclip_shared.errors import PermanentError
from journalclip_shared.licences import NO_LICENCE, LicenceFilter, page, spdx
from journalclip_shared.records.article import Licence


@pytest.mark.parametrize(
    ("licence", "version", "identifier"),
    [
        ("CC BY", "4.0", "CC-BY-4.0"),
        ("CC BY-NC-ND", "3.0", "CC-BY-NC-ND-3.0"),
        ("CC BY", None, "LicenseRef-CC-BY"),
        ("CC0", None, "CC0-1.0"),
        ("unknown", None, "NOASSERTION"),
        ("all rights reserved", None, "LicenseRef-all-rights-reserved"),
        (NO_LICENCE, None, "LicenseRef-none"),
    ],
)
def test_a_licence_has_its_identifier(licence: str, version: str | None, identifier: str) -> None:
    assert spdx(licence, version) == identifier
    assert (page(identifier) is None) == identifier.startswith(("LicenseRef", "NOASSERTION"))


@pytest.mark.parametrize("licence", get_args(Licence))
@pytest.mark.parametrize("version", [None, "4.0", "2.5"])
def test_a_filter_by_the_identifier_takes_its_licence(licence: str, version: str | None) -> None:
    assert LicenceFilter.of([spdx(licence, version)]).takes(licence, version)
    assert LicenceFilter.of([licence]).takes(licence, version)
    assert LicenceFilter.of([licence.lower()]).takes(licence, version)
    others = [each for each in get_args(Licence) if each != licence]
    assert not LicenceFilter.of(others).takes(licence, version)


def test_a_version_that_is_named_counts() -> None:
    filtered = LicenceFilter.of(["CC-BY-4.0", "cc0"])
    assert filtered.takes("CC BY", "4.0")
    assert filtered.takes("CC0", None)
    assert not filtered.takes("CC BY", "3.0")
    assert not filtered.takes("CC BY", None)
    assert not filtered.takes("CC BY-NC", "4.0")
    assert LicenceFilter.of([]).takes("unknown", None)


@pytest.mark.parametrize("name", ["", "MIT", "CC-BY-ND-NC-4.0", "CC-BY-4.0-DE", "CC-BY-9.0"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(PermanentError) as refused:
        LicenceFilter.of([name])
    assert refused.value.code == "licence-unknown"
