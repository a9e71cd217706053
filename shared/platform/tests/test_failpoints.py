"""A fail point acts once, where and when it was told to, and not at all when nothing is armed."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.failpoints import POINTS, SimulatedCrash, arm, hit


@pytest.fixture(autouse=True)
def _disarm() -> None:
    arm("")


def test_nothing_armed_nothing_happens() -> None:
    for point in POINTS:
        hit(point)


@pytest.mark.parametrize(
    ("action", "error"), [("crash", SimulatedCrash), ("transient", TransientError), ("full", OSError)]
)
def test_an_action_happens_at_its_count_and_once(action: str, error: type[BaseException]) -> None:
    arm(f"consume.polled={action}@3; artifacts.before-blob={action}")
    hit("consume.polled")
    hit("consume.before-commit")
    hit("consume.polled")
    with pytest.raises(error):
        hit("consume.polled")
    hit("consume.polled")
    with pytest.raises(error):
        hit("artifacts.before-blob")


def test_a_pause_pauses() -> None:
    arm("consume.polled=sleep:0.05")
    before = time.monotonic()
    hit("consume.polled")
    assert time.monotonic() - before >= 0.05


@pytest.mark.parametrize("spec", ["nowhere=kill", "consume.polled=explode", "consume.polled=kill@x", "consume.polled"])
def test_a_misspelt_point_is_refused(spec: str) -> None:
    with pytest.raises(PermanentError) as refused:
        arm(spec)
    assert refused.value.code == "fail-point-unknown"


def test_kill_is_a_kill() -> None:
    code = (
        "from journalclip_shared.failpoints import *; arm('consume.polled=kill'); hit('consume.polled'); print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert done.returncode == -9
    assert done.stdout == b""
