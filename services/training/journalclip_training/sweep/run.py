"""All trials of a sweep, in this process or on Ray; each is done once, however often the sweep is killed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from journalclip_training.sweep.trial import Swept, Trial, finished, run_trial

Tick = Callable[[int, int, str], None]  # trials done, trials in all, a note


@dataclass(frozen=True)
class OnTune:
    """Ray Tune on the cluster at ``address``; `local` starts one here."""

    address: str
    at_once: int
    gpus: float = 0.0  # of one trial


def run_sweep(
    swept: Swept, drawn: Sequence[tuple[str, ...]], folder: Path, tick: Tick, tune: OnTune | None = None
) -> list[Trial]:
    """The trials in their order. Raises as `run_trial`, and `RuntimeError` for trials that Ray could not finish."""
    if tune is not None:
        missing = [n for n, each in enumerate(drawn) if not finished(swept, n, each, folder)]
        if missing:
            tick(len(drawn) - len(missing), len(drawn), "on Ray")
            _on_ray(swept, drawn, missing, folder.resolve(), tune)
    trials = []
    for number, overrides in enumerate(drawn):
        tick(number, len(drawn), " ".join(overrides) or "the recipe as it is")
        trials.append(run_trial(swept, number, overrides, folder))  # what Ray has done is read back
    tick(len(drawn), len(drawn), "")
    return trials


def _on_ray(swept: Swept, drawn: Sequence[tuple[str, ...]], missing: Sequence[int], folder: Path, tune: OnTune) -> None:
    import ray  # seconds to import, and an extra that a single machine does without

    from journalclip_training.sweep.on_ray import run_on_ray

    ray.init(address=tune.address, ignore_reinit_error=True, log_to_driver=False)
    run_on_ray(missing, lambda n: run_trial(swept, n, drawn[n], folder).score, folder, tune.at_once, tune.gpus)
