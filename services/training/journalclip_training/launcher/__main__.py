"""The training launcher: settings -> Kubernetes client -> handler -> consume loop.

A wait of hours must end when the process is told to, so the launcher shares the loop's stop event.
"""

from __future__ import annotations

import sys
import threading

from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_training.launcher.handler import LaunchingHandler
from journalclip_training.launcher.kubernetes import Kubernetes
from journalclip_training.launcher.settings import LauncherSettings


def build(settings: LauncherSettings, stop: threading.Event) -> wiring.Build:
    """The handler; ``stop`` ends its wait for a job."""

    def open_handler(_store: ArtifactStore, _bus: Bus) -> Handler:
        cluster = Kubernetes(settings.kube_server, settings.kube_namespace, settings.kube_account)
        return LaunchingHandler(cluster, settings.ray_job_template, stop)

    return open_handler


def main() -> None:
    settings = LauncherSettings()
    stop = wiring.stop_on_signal()
    sys.exit(wiring.serve(settings, build(settings, stop), stop))


if __name__ == "__main__":
    main()
