from journalclip_sources.sandbox import Limits
from journalclip_sources.sandbox.limits import Watch


def stopped_at(cpu_share: float, works_for: float = 1e9, limits: Limits | None = None) -> float:
    """The age at which a child is stopped that gets this share of a core until ``works_for`` and then sleeps."""
    watch = Watch(limits or Limits(wall_s=10))
    for tick in range(40_000):
        wall_s = tick / 10
        if watch.is_up(wall_s, cpu_share * min(wall_s, works_for)):
            return wall_s
    raise AssertionError("never stopped")


def test_a_sleeper_is_stopped_at_its_wall_clock_limit() -> None:
    assert 10 <= stopped_at(0.0) <= 10.2


def test_one_that_worked_before_it_fell_asleep_is_stopped_as_well() -> None:
    assert 10 <= stopped_at(1.0, works_for=4) <= 10.2
    assert 30 <= stopped_at(1.0, works_for=30) <= 41


def test_a_starved_worker_goes_on_until_patience_ends() -> None:
    limits = Limits(wall_s=10, most_cpu_s=100)
    assert limits.patience_s <= stopped_at(0.02, limits=limits) <= limits.patience_s + 6
