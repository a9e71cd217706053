"""What holds for every test: a property is never failed for its time; Ray is one local cluster of the session's own.

A busy machine makes any example slow; speed is a bench's figure and no test's. Whatever a property sets itself
(`max_examples`, a database) stands on top of this profile. The cluster is started afresh whatever this machine has
running or remembers of an earlier one: `ray.init()` alone would join the last address it finds in the temporary folder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("journalclip", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("journalclip")

STARTS = 4  # of Ray on a busy machine: it gives its own processes 30 seconds, which no setting changes


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """Two cores of Ray, joined by whatever calls `ray.init(ignore_reinit_error=True)` later in this process."""
    import ray

    os.environ.pop("RAY_ADDRESS", None)
    # Ray Train takes one report a poll, two seconds apart; and nobody watches whether this machine is taken away.
    os.environ |= {"RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2", "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}
    # Ray starts its workers at the lowest priority but four; on a busy machine they would never get to run.
    quick = {"worker_niceness": 0}
    # A short path: the sockets below it may not pass 107 characters, which pytest's own folders do.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        for left in reversed(range(STARTS)):
            try:
                ray.init(
                    address="local",
                    num_cpus=2,
                    include_dashboard=False,
                    log_to_driver=False,
                    _temp_dir=folder,
                    _system_config=quick,
                )
                break
            except Exception as error:  # Ray raises a bare one where its node did not answer within 30 seconds
                ray.shutdown()
                if not left or "timed out" not in str(error):
                    raise
        yield
        ray.shutdown()
