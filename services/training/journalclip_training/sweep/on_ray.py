"""The trials of a sweep on Ray Tune: so many at once, on this machine or a cluster that shares ``folder``.

Tune only hands out trial numbers: settings are drawn beforehand, and a result is the trial's own file, so that a sweep
that was killed asks Tune for the missing ones alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ray import cloudpickle, tune
from ray.tune import CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner


def run_on_ray(numbers: Sequence[int], run: Callable[[int], float], folder: Path, at_once: int, gpus: float) -> None:
    """Run the trials ``numbers``; ``run`` gives a trial's score. Raises `RuntimeError` where one failed for good."""
    packed = cloudpickle.dumps(run)  # as bytes: Tune would look into what it captures

    def trainable(config: dict[str, Any]) -> None:
        tune.report({"score": cloudpickle.loads(packed)(config["trial"])})

    tuner = Tuner(
        tune.with_resources(trainable, {"cpu": 1, "gpu": gpus}),
        param_space={"trial": tune.grid_search(list(numbers))},
        tune_config=TuneConfig(max_concurrent_trials=at_once),
        run_config=RunConfig(
            name="sweep", storage_path=str((folder / "ray").resolve()), verbose=0,
            failure_config=FailureConfig(max_failures=2), checkpoint_config=CheckpointConfig(num_to_keep=1),
        ),
    )  # fmt: skip
    found = tuner.fit()
    if found.errors:
        raise RuntimeError(f"{len(found.errors)} of {len(numbers)} trials failed: {found.errors[0]}")
