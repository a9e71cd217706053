"""The training launcher: settings -> Kubernetes client -> handler -> consume loop.

A wait of hours must end when the process is told to, so the launcher shares the loop's stop event.
"""

from __future__ import annotations

import threading

from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.kinds import Kind
from journalclip_training.launcher.handler import LaunchingHandler
from journalclip_training.launcher.kubernetes import Kubernetes
from journalclip_training.launcher.settings import LauncherSettings
from journalclip_training.requests import DefaultTraining


def build(settings: LauncherSettings, kind: Kind, stop: threading.Event) -> wiring.Build:
    """The handler; ``stop`` ends its wait for a job."""
    default = DefaultTraining.of(kind, settings.recipe, settings.recipe_set)

    def open_handler(_store: ArtifactStore, _bus: Bus) -> Handler:
        cluster = Kubernetes(settings.kube_server, settings.kube_namespace, settings.kube_account)
        return LaunchingHandler(cluster, settings.ray_job_template, default, stop)

    return open_handler


def main() -> None:
    settings = LauncherSettings()
    stop = wiring.stop_on_signal()
    wiring.main_of_kind(settings, lambda kind: build(settings, kind, stop), stop)


if __name__ == "__main__":
    main()
