"""The catalogue service: settings -> database, bus, store -> projection, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import os
import sys

from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import ProjectionLoop
from journalclip_catalogue.migrate import upgrade
from journalclip_catalogue.settings import CatalogueSettings
from journalclip_shared import failpoints
from journalclip_shared.catalogue.engine import catalogue_url, open_engine
from journalclip_shared.errors import ConfigurationError, PermanentError, TransientError
from journalclip_shared.telemetry import Telemetry, configure_logging
from journalclip_shared.wiring import open_artifacts, open_bus, stop_on_signal

_log = logging.getLogger(__name__)


def serve(settings: CatalogueSettings) -> int:
    """Project until told to stop; returns the exit code."""
    configure_logging(json_lines=settings.log_json)
    stop = stop_on_signal()
    try:
        failpoints.arm(settings.fail_points)
        engine = open_engine(catalogue_url(settings))
        upgrade(engine)
        bus = open_bus(settings)
        projector = Projector(engine, open_artifacts(settings))
        with Telemetry(projector.group, settings.metrics_port, settings.otlp_endpoint) as telemetry:
            loop = ProjectionLoop(bus, projector, settings.batch, telemetry.beat, telemetry.lag, telemetry.heard)
            _log.info("projecting", extra={"topics": list(projector.topics)})
            count = loop.drain() if settings.drain else loop.run(stop)
            _log.info("stopped after %d events", count)
        bus.close()
    except (PermanentError, ConfigurationError) as error:
        _log.critical("%s; %s", error, error.remedy, extra={"code": error.code})
        return 1
    except TransientError as error:
        _log.error("stopping, nothing lost: %s", error)
        return os.EX_TEMPFAIL
    return 0


if __name__ == "__main__":
    sys.exit(serve(CatalogueSettings()))
