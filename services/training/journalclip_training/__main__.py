"""Runs the training service: settings -> clients -> handler -> loop, nothing else."""

from __future__ import annotations

from journalclip_shared import wiring
from journalclip_training.service import build, use_threads
from journalclip_training.settings import TrainingSettings


def main() -> None:
    settings = TrainingSettings()
    use_threads(settings)
    wiring.main_of_kind(settings, lambda kind: lambda store, _bus: build(settings, store, kind))


if __name__ == "__main__":
    main()
