"""From a task's references to its `Run`: the one place where a worker learns which kind it has."""

from __future__ import annotations

from journalclip_modeling.folder import fetch_folder, load_folder
from journalclip_modeling.studies.folder import load_study_folder
from journalclip_training.articles.run import FigureRun
from journalclip_training.config import TrainConfig
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.run import StudyRun
from journalclip_training.trainer import Run, Task


def open_run(task: Task) -> Run:
    """The task's start, fetched below its folder. Raises `ModelUnloadable`, `TypeError`."""
    folder = fetch_folder(task.store, task.start, task.folder / "start")
    if isinstance(task.config, StudyTrainConfig):
        return StudyRun(task, task.config, load_study_folder(folder))
    if isinstance(task.config, TrainConfig):
        return FigureRun(task, task.config, load_folder(folder))
    raise TypeError(f"{type(task.config).__name__} is no kind's configuration")
