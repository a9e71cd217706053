"""Runs one training run as a process: the entry point of a RayJob, `python -m journalclip_training.job REQUEST`.

``REQUEST`` is a `TrainingRequested` as JSON in base64 (URL alphabet), which shells and manifests do not change. The
process calls the service's own handler and publishes the events that it returns. A job that is started again does the
work only once. Exit codes are the service's: 0 for success, 1 for a permanent error (the last line of the log has its
code and remedy), `EX_TEMPFAIL` if another start may succeed.
"""

from __future__ import annotations

import base64
import binascii
import logging
import os
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import Event, TrainingRequested
from journalclip_shared.telemetry import configure_logging
from journalclip_shared.wiring import open_artifacts, open_bus
from journalclip_training.service import build, use_threads
from journalclip_training.settings import TrainingSettings

_log = logging.getLogger(__name__)


def request_of(argument: str) -> TrainingRequested:
    """Decode the argument. Raises `PermanentError` ``training-job-argument``."""
    try:
        return TrainingRequested.model_validate_json(base64.urlsafe_b64decode(argument))
    except (binascii.Error, ValidationError, ValueError) as error:
        remedy = "Give a TrainingRequested event's data as JSON in base64; the training launcher does."
        raise PermanentError("training-job-argument", f"no request: {error}", remedy) from error


def run(handler: Handler, bus: Bus, fact: TrainingRequested) -> None:
    """Train, and publish the result. Raises the handler's errors."""
    found = handler.handle(Event(fact, handler.group))
    bus.publish([Event(each, handler.group) for each in found])


def main(arguments: Sequence[str]) -> int:
    """Run the job, and return its exit code."""
    settings = TrainingSettings()
    configure_logging(json_lines=settings.log_json)
    use_threads(settings)
    try:
        fact = request_of(arguments[0] if arguments else "")
        bus = open_bus(settings)
        run(build(settings, open_artifacts(settings), fact.kind), bus, fact)
        bus.close()
    except PermanentError as error:
        _log.error("%s; %s", error, error.remedy, extra={"code": error.code})
        return 1
    except TransientError as error:
        _log.error("stopping, nothing lost: %s", error)
        return os.EX_TEMPFAIL
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
