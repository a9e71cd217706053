import pytest

from journalclip_extraction.sandbox import Limits


@pytest.mark.parametrize(
    ("wall_s", "cpu_s", "up"),
    [
        (9.9, 0.0, False),
        (10.0, 0.0, True),
        (10.0, 9.0, False),
        (40.0, 3.0, False),
        (40.0, 1.0, True),
        (60.0, 30.0, True),
    ],
)
def test_a_sleeper_is_stopped_and_a_starved_worker_is_not(wall_s: float, cpu_s: float, up: bool) -> None:
    assert Limits(wall_s=10).stalled(wall_s, cpu_s) is up
