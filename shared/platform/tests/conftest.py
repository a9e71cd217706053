"""No fail point outlives its test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from journalclip_shared import failpoints


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    failpoints.arm("")
    yield
    failpoints.arm("")
