"""Studies from a PACS into a working folder: received, held until they are whole, submitted as any other."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator

from journalclip_intake.receive import Broken, HoldingArea, ReceiveOptions, Receiver, Whole
from journalclip_intake.studies import StudyReader, submit_study
from journalclip_pipelines.studies.destination import Destination
from journalclip_pipelines.studies.taking_in import TakingIn
from journalclip_shared.errors import ConfigurationError, PermanentError, TransientError
from journalclip_shared.events import Event, Fact, SourceQuarantined
from journalclip_shared.sealed import local_texts
from journalclip_shared.withdrawals import Withdrawals
from journalclip_sources.studies.cells import reading, surveying
from journalclip_sources.studies.deidentify.pseudonym import study_key
from journalclip_sources.studies.survey import Bundle

_POLL_S, _RETRY_S = 0.5, 5.0


def receive_studies(
    destination: Destination,
    local: TakingIn,
    options: ReceiveOptions,
    say: Callable[[str], None],
    stop: threading.Event,
    idle_s: float | None = None,
) -> None:
    """Until ``stop`` is set, or nothing came for ``idle_s``; what is whole then is still submitted.

    Raises `ConfigurationError` ``port-taken``.
    """
    with surveying() as heads, reading() as cell:
        held = HoldingArea(heads, options.quiet_s, options.max_bytes)
        work = _Submitting(destination, local, held, cell, say)
        try:
            with Receiver(options, held, time.monotonic) as receiver:
                say(f"listening as {options.title} on {options.host}:{receiver.port} for {', '.join(options.callers)}")
                work.serve(stop, idle_s)
            work.finish()
        except OSError as error:
            raise ConfigurationError(
                "port-taken", f"{options.host}:{options.port}: {error.strerror}", "Give another --port or --host."
            ) from error


class _Submitting:
    def __init__(
        self,
        destination: Destination,
        local: TakingIn,
        held: HoldingArea,
        reader: StudyReader,
        say: Callable[[str], None],
    ) -> None:
        self._destination, self._held, self._reader, self._say = destination, held, reader, say
        self._deidentify = local.deidentify(destination)
        self._texts = local_texts(destination.store, destination.root, local.vault)
        self._words = Withdrawals(destination.store)

    def serve(self, stop: threading.Event, idle_s: float | None) -> None:
        busy = time.monotonic()
        while not stop.is_set() and (idle_s is None or time.monotonic() - busy < idle_s):
            if not self._held.empty():
                self._turn(time.monotonic())
                busy = time.monotonic()  # after the turn: reading a study may take longer than ``idle_s``
            stop.wait(_POLL_S)

    def finish(self) -> None:
        """Nobody can send any more: no study needs to be waited for."""
        while not self._held.empty():
            if not self._turn(math.inf):
                time.sleep(_POLL_S)

    def _turn(self, now: float) -> bool:
        """Submit what is whole; while another run works in the folder, it waits in memory and the answer is False."""
        try:
            with self._destination.lock():
                for found in self._held.ready(now):
                    for fact in self._facts(found):
                        self._destination.bus.publish([Event(fact, "study-intake")])
                        self._say(_line(fact))
        except PermanentError as error:
            if error.code != "workdir-busy":
                raise
            return False
        return True

    def _facts(self, found: Whole | Broken) -> Iterator[Fact]:
        if isinstance(found, Broken):
            yield _discarded(study_key(self._deidentify.key, found.study), found.objects)
            return
        for bundle in found.archive.bundles:
            yield self._submitted(bundle)
        for (code, reason), count in found.archive.left_out.items():
            self._say(f"left out  {code} ({count} objects): {reason}")

    def _submitted(self, bundle: Bundle) -> Fact:
        """The sender was told that we have it, so an unavailable store is waited for."""
        while True:
            try:
                return submit_study(self._texts, self._words, self._reader, bundle, self._deidentify).fact
            except TransientError as error:
                self._say(f"waiting: {error}")
                time.sleep(_RETRY_S)


def _discarded(source_id: str, objects: int) -> SourceQuarantined:
    return SourceQuarantined(
        source_id=source_id, name="MRI study", stage="study-intake", code="study-transfer-broken",
        reason=f"the transfer broke off after {objects} objects and was not repeated; they were discarded",
        remedy="Send the study again.",
    )  # fmt: skip


def _line(fact: Fact) -> str:
    return f"{fact.code}: {fact.reason}" if isinstance(fact, SourceQuarantined) else f"submitted {fact.key}"
