"""Which of two documents of one source is the newer: by the versions of their producers, never by time of arrival."""

from __future__ import annotations

import re

_VERSION = re.compile(r"\d+")


def rank_of(producer: str) -> int:
    """The version in a producer's name ("rules/3-ab12" -> 3) as a number, for 10 is later than 9; 0 without one."""
    found = _VERSION.search(producer.partition("/")[2] or producer)
    return min(int(found[0]), 2**31 - 1) if found else 0
