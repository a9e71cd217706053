"""The intake service: settings -> inbox -> handler -> consume loop, with a reconciler and, if asked for, an upload."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from journalclip_intake.handler import NotifiedIntake, Reconciler
from journalclip_intake.inbox import FolderInbox, Inbox, S3Inbox
from journalclip_intake.settings import IntakeSettings
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.repeat import repeated

_log = logging.getLogger(__name__)


def open_inbox(settings: IntakeSettings) -> Inbox:
    """The bucket where there is one, else ``inbox/`` in the working folder."""
    if settings.artifacts == "s3":
        return S3Inbox(settings.s3)
    return FolderInbox(settings.workdir / "inbox")


def build(settings: IntakeSettings) -> wiring.Build:
    """The handler, with its reconciler running beside it."""

    @contextmanager
    def open_handler(store: ArtifactStore, bus: Bus) -> Iterator[Handler]:
        inbox = open_inbox(settings)
        with ExitStack() as stack:
            reconciler = Reconciler(store, inbox, bus, settings)
            look = repeated(lambda: _log_found(reconciler.look()), settings.reconcile_s, action="intake-reconcile")
            stack.enter_context(look)
            if settings.upload_port:
                from journalclip_intake.upload import application, served  # only where it is asked for

                app = application(store, bus, settings.upload_max_mb * 1_000_000)
                stack.enter_context(served(app, settings.upload_port))
            yield NotifiedIntake(store, inbox)

    return open_handler


def _log_found(announced: Sequence[object]) -> None:
    if announced:
        _log.info("reconciled %d objects without a receipt", len(announced))


def main() -> None:
    settings = IntakeSettings()
    wiring.main(settings, build(settings))


if __name__ == "__main__":
    main()
