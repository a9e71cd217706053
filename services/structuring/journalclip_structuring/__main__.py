"""Runs the structuring service: settings -> clients -> handler -> loop, nothing else."""

from __future__ import annotations

import logging
import signal
import threading

from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.consume import Loop
from journalclip_structuring.build import build_structurer
from journalclip_structuring.handler import StructuringHandler
from journalclip_structuring.settings import StructuringSettings


def main() -> None:
    settings = StructuringSettings()
    logging.basicConfig(level=logging.INFO)
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    handler = StructuringHandler(LocalArtifacts(settings.workdir / "artifacts"), build_structurer(settings))
    Loop(SqliteBus(settings.workdir / "events.sqlite"), handler).run(stop)


if __name__ == "__main__":
    main()
