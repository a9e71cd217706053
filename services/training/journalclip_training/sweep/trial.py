"""One trial: a whole training by the kind's own `Learning`, scored on the validation split, nothing registered."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from journalclip_evaluation.once import kept, once
from journalclip_modeling.machine import resolved
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_training.candidate import model_id_of
from journalclip_training.config import RunConfig, RunOptions
from journalclip_training.fit import Observe, nobody
from journalclip_training.learning import Job, TrainingKind
from journalclip_training.reference import VALIDATION_K

SCORE = f"val_recall_at_{VALIDATION_K}"


class NoValidation(PermanentError):
    """A dataset without a validation split has nothing that trials could be compared by."""

    def __init__(self, dataset_id: str) -> None:
        super().__init__(
            "sweep-without-validation",
            f"{dataset_id} has no pair in its validation split",
            "Add sources and freeze again: a sweep chooses by the validation split.",
        )


@dataclass(frozen=True)
class Swept:
    """What is searched: a recipe on a frozen dataset. Trials differ in their overrides alone.

    The options' device may be `auto`: each trial takes that of the machine where it runs.
    """

    kind: TrainingKind
    store: ArtifactStore
    dataset: ArtifactRef
    dataset_id: str
    recipe: str
    settings: tuple[str, ...]
    options: RunOptions


@dataclass(frozen=True)
class Trial:
    """``overrides`` stand after the sweep's own settings. ``score`` is recall at `VALIDATION_K`, 0 to 1.

    ``failed`` is the code of a trial that cannot be done, as one that diverged; its score is then 0.
    """

    number: int
    overrides: tuple[str, ...]
    score: float
    steps: int
    final_loss: float
    pool: int
    failed: str = ""


def run_trial(swept: Swept, number: int, overrides: tuple[str, ...], folder: Path, observe: Observe = nobody) -> Trial:
    """The trial's result, kept below ``folder``: what is there is not run again, what was cut off resumes.

    Raises `NoValidation`, `SettingInvalid`, `DeviceMissing`, and what store and training raise beside a trial's fault.
    """
    config, model_id = _planned(swept, overrides)
    run = folder / "runs" / model_id

    def work() -> Trial:
        options = replace(swept.options, device=resolved(swept.options.device))  # where the trial runs
        learning = swept.kind.open(Job(swept.store, swept.dataset, config, options, model_id, run))
        learning.check()
        if not learning.dataset.splits["val"].pairs:
            raise NoValidation(swept.dataset_id)
        if not (run / "start").exists():
            fresh = run / "start.tmp"
            shutil.rmtree(fresh, ignore_errors=True)
            learning.make_start(fresh)
            fresh.rename(run / "start")
        empty = Trial(number, overrides, 0.0, 0, 0.0, 0)
        try:
            fitted = learning.fit((), observe)
        except PermanentError as error:
            if error.code != "training-diverged":
                raise
            return replace(empty, failed=error.code)
        metrics = learning.measure(lambda _name, _draw: None)
        return replace(
            empty, score=metrics[SCORE], steps=fitted.steps, final_loss=fitted.final_loss, pool=int(metrics["val_pool"])
        )

    done = once(folder / "trials", _name(number), _made_of(model_id, overrides), Trial, work)
    shutil.rmtree(run, ignore_errors=True)
    return done


def finished(swept: Swept, number: int, overrides: tuple[str, ...], folder: Path) -> bool:
    """Would `run_trial` read its result back? Another sweep's result below the same name is none."""
    model_id = _planned(swept, overrides)[1]
    return kept(folder / "trials", _name(number), _made_of(model_id, overrides), Trial) is not None


def _planned(swept: Swept, overrides: tuple[str, ...]) -> tuple[RunConfig, str]:
    config = swept.kind.configure(swept.recipe, (*swept.settings, *overrides))
    return config, model_id_of(swept.dataset_id, config, swept.kind.base(config))


def _name(number: int) -> str:
    return f"trial-{number:03d}"


def _made_of(model_id: str, overrides: tuple[str, ...]) -> Json:
    return {"model": model_id, "overrides": list(overrides)}
