"""From settings to clients to a running loop: what every service's ``__main__`` calls, and nothing a handler sees.

`serve` ends in one of four ways: 0 after SIGTERM or SIGINT (what is being handled is finished and committed first) or
when a drain is done; `EX_TEMPFAIL` when a drain's dependency stayed away, or the breaker opened, so that the supervisor
starts it again; 1 for a permanent error of the process itself, such as a missing secret; a traceback for a bug.

A service whose bus is away does not end: it waits, is not ready meanwhile (``/readyz``), and begins again where its
group committed last.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from journalclip_shared import failpoints
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus import Bus
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.consume import BreakerOpen, Handler, HandlerStuck, Loop, LoopSettings, decoded
from journalclip_shared.crashes import CrashCounter
from journalclip_shared.errors import ConfigurationError, PermanentError, TransientError
from journalclip_shared.kinds import Kind
from journalclip_shared.repeat import begun_again
from journalclip_shared.settings import Settings, deployed_kind
from journalclip_shared.telemetry import Telemetry, configure_logging

_log = logging.getLogger(__name__)
_PAUSE_MAX_S = 15.0  # before a bus that is away is tried again


def open_bus(settings: Settings) -> Bus:
    """The event log that ``settings`` name. Raises `TransientError`, or `PermanentError` for a missing secret."""
    if settings.bus == "kafka":
        from journalclip_shared.bus.kafka import KafkaBus  # an extra that local mode does without

        return KafkaBus(settings.kafka)
    return SqliteBus(settings.workdir / "events.db")


def open_artifacts(settings: Settings) -> ArtifactStore:
    """The artifact store that ``settings`` name. Raises `PermanentError` for a missing secret."""
    if settings.artifacts == "s3":
        from journalclip_shared.artifacts.s3 import S3Artifacts  # an extra that local mode does without

        return S3Artifacts(settings.s3)
    return LocalArtifacts(settings.workdir / "artifacts")


Build = Callable[[ArtifactStore, Bus], Handler | AbstractContextManager[Handler]]


def serve(settings: Settings, build: Build, stop: threading.Event | None = None) -> int:
    """Run the handler that ``build`` makes (a context manager where it holds something) until told to stop.

    Returns the exit code. Without ``stop`` it installs its own, set by SIGTERM and SIGINT.
    """
    configure_logging(json_lines=settings.log_json)
    stop = stop or stop_on_signal()
    try:
        failpoints.arm(settings.fail_points)
        bus, store = open_bus(settings), open_artifacts(settings)
        made = build(store, bus)
        with made if isinstance(made, AbstractContextManager) else nullcontext(made) as handler:
            _consume(settings, bus, store, handler, stop)
        bus.close()
    except (PermanentError, ConfigurationError) as error:
        _log.critical("%s; %s", error, error.remedy, extra={"code": error.code})
        return 1
    except (TransientError, BreakerOpen) as error:
        _log.error("stopping, nothing lost: %s", error)
        return os.EX_TEMPFAIL
    return 0


def main(settings: Settings, build: Build) -> None:
    """`serve` as a process's whole life."""
    sys.exit(serve(settings, build))


def main_of_kind(settings: Settings, build: Callable[[Kind], Build], stop: threading.Event | None = None) -> None:
    """`main` of a step that is deployed once for each kind; ``JOURNALCLIP_KIND`` says which."""
    configure_logging(json_lines=settings.log_json)
    try:
        made = build(deployed_kind())
    except PermanentError as error:
        _log.error("%s; %s", error, error.remedy, extra={"code": error.code})
        sys.exit(1)
    sys.exit(serve(settings, made, stop))


def stop_on_signal() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    return stop


def _end_process(error: HandlerStuck) -> None:
    """A thread cannot be ended alone, so the process ends; the supervisor starts it again, and the death is counted."""
    _log.critical("%s; the process ends", error)
    logging.shutdown()
    os._exit(os.EX_SOFTWARE)


def _consume(settings: Settings, bus: Bus, store: ArtifactStore, handler: Handler, stop: threading.Event) -> None:
    with Telemetry(handler.group, settings.metrics_port, settings.otlp_endpoint) as telemetry:
        for metric in getattr(handler, "metrics", ()):
            telemetry.registry.register(metric)
        loop = Loop(
            bus,
            handler,
            LoopSettings(concurrency=settings.concurrency, handler_limit_s=settings.handler_limit_s),
            observer=telemetry,
            tracer=telemetry,
            lag=telemetry.lag,
            beat=telemetry.beat,
            decode=getattr(handler, "decode", decoded),
            probes={"store": store.available},
            crashes=CrashCounter(settings.workdir / "in-hand", handler.group, settings.park_after_crashes),
            stuck=_end_process,
            spill=lambda body: store.put("quarantine", body, "application/octet-stream"),
        )
        _log.info("serving", extra={"group": handler.group, "topics": [fact.topic for fact in handler.consumes]})
        if settings.drain:
            _log.info("stopped after %d deliveries", loop.drain(stop))
        else:
            _run(loop, bus, telemetry, stop)


def _run(loop: Loop, bus: Bus, telemetry: Telemetry, stop: threading.Event) -> None:
    """`Loop.run`, begun again where the bus was away. What was in hand then was not committed, so it comes again."""

    def waits(error: TransientError, seconds: float) -> None:
        if error.dependency != "bus":
            raise error
        _log.warning("waiting for the bus: %s", error, extra={"dependency": error.dependency})
        telemetry.waiting(error.dependency, seconds)
        telemetry.beat()  # alive, and not ready
        bus.reopen()

    _log.info("stopped after %d deliveries", begun_again(lambda: loop.run(stop), stop, waits, _PAUSE_MAX_S))
