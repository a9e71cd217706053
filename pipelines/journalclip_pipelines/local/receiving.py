"""Studies from a PACS into a working folder: received, held until they are whole, submitted as any other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from journalclip_intake.receive import Broken, HoldingArea, ReceiveOptions, Receiver, Whole
from journalclip_intake.studies import StudyReader, submit_study
from journalclip_pipelines.local.studies import LocalStudies
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.errors import ConfigurationError, PermanentError, TransientError
from journalclip_shared.events import Event, Fact, SourceQuarantined
from journalclip_shared.sealed import local_texts
from journalclip_shared.withdrawals import Withdrawals
from journalclip_sources.studies.cells import reading, surveying
from journalclip_sources.studies.deidentify.pseudonym import study_key
from journalclip_sources.studies.survey import Bundle

_POLL_S, _RETRY_S = 0.5, 5.0


def receive_studies(
    workspace: Workspace,
    local: LocalStudies,
    options: ReceiveOptions,
    say: Callable[[str], None],
    idle_s: float | None = None,
) -> None:
    """Until it is interrupted, or nothing came for ``idle_s``. Raises `ConfigurationError` ``port-taken``."""
    with surveying() as heads, reading() as cell:
        held = HoldingArea(heads, options.quiet_s, options.max_bytes)
        work = _Submitting(workspace, local, held, cell, say)
        try:
            with Receiver(options, held, time.monotonic) as receiver:
                say(f"listening as {options.title} on {options.host}:{receiver.port} for {', '.join(options.callers)}")
                work.serve(idle_s)
        except OSError as error:
            raise ConfigurationError(
                "port-taken", f"{options.host}:{options.port}: {error.strerror}", "Give another --port or --host."
            ) from error


class _Submitting:
    def __init__(
        self,
        workspace: Workspace,
        local: LocalStudies,
        held: HoldingArea,
        reader: StudyReader,
        say: Callable[[str], None],
    ) -> None:
        self._workspace, self._held, self._reader, self._say = workspace, held, reader, say
        self._deidentify = local.deidentify(workspace)
        self._texts = local_texts(workspace.store, workspace.root, local.vault)
        self._words = Withdrawals(workspace.store)

    def serve(self, idle_s: float | None) -> None:
        busy = time.monotonic()
        while idle_s is None or time.monotonic() - busy < idle_s:
            if not self._held.empty():
                busy = time.monotonic()
                self._turn()
            time.sleep(_POLL_S)

    def _turn(self) -> None:
        """Submit what is whole; while another run works in the folder, it waits in memory."""
        try:
            with self._workspace.lock():
                for found in self._held.ready(time.monotonic()):
                    for fact in self._facts(found):
                        self._workspace.bus.publish([Event(fact, "study-intake")])
                        self._say(_line(fact))
        except PermanentError as error:
            if error.code != "workdir-busy":
                raise

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
