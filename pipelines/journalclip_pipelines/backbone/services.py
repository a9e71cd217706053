"""The services that live here: intake, freezing, the index of each new champion, and the launcher of training.

``python -m journalclip_pipelines.backbone.services intake|freezing|inference-index|training-launcher``. Each is a
consume loop as any service's; intake and freezing also act by the clock, in a thread beside it.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from journalclip_pipelines.backbone.freezing import Freezer, FreezeRule, FreezingHandler
from journalclip_pipelines.backbone.inbox import FolderInbox, Inbox, S3Inbox
from journalclip_pipelines.backbone.intake import IntakeHandler, reconcile
from journalclip_pipelines.backbone.kubernetes import Kubernetes
from journalclip_pipelines.backbone.launching import LaunchingHandler
from journalclip_pipelines.backbone.notifications import translate
from journalclip_pipelines.backbone.readers import facts_of
from journalclip_pipelines.backbone.settings import BackboneSettings
from journalclip_pipelines.freeze import FreezeOptions
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus, Delivery
from journalclip_shared.consume import Handler
from journalclip_shared.errors import JournalclipError
from journalclip_shared.events import Event, PairsStructured

_log = logging.getLogger(__name__)


class NotifiedIntake(IntakeHandler):
    """Intake whose loop reads bucket notifications."""

    def decode(self, delivery: Delivery) -> Event:
        """Raises `BadNotification`."""
        return translate(delivery)


def open_inbox(settings: BackboneSettings) -> Inbox:
    """The bucket where there is one, else ``inbox/`` in the working folder."""
    if settings.artifacts == "s3":
        return S3Inbox(settings.s3)
    return FolderInbox(settings.workdir / "inbox")


def build_intake(settings: BackboneSettings) -> wiring.Build:
    @contextmanager
    def build(store: ArtifactStore, bus: Bus) -> Iterator[Handler]:
        inbox = open_inbox(settings)
        with ExitStack() as stack:
            stack.enter_context(repeated(lambda: _found(reconcile(store, inbox, bus)), settings.reconcile_s))
            if settings.upload_port:
                from journalclip_pipelines.backbone.upload import application, served  # only where it is asked for

                app = application(store, bus, settings.upload_max_mb * 1_000_000)
                stack.enter_context(served(app, settings.upload_port))
            yield NotifiedIntake(store, inbox)

    return build


def build_freezing(settings: BackboneSettings) -> wiring.Build:
    @contextmanager
    def build(store: ArtifactStore, bus: Bus) -> Iterator[Handler]:
        rule = FreezeRule(settings.freeze_new_pairs, settings.freeze_every_s)
        options = FreezeOptions(image_size=settings.freeze_image_size)
        freezer = Freezer(store, rule, lambda: facts_of(bus, PairsStructured), options)

        def tick() -> None:
            bus.publish([Event(fact, "freezing") for fact in freezer.tick()])

        with repeated(tick, min(60.0, settings.freeze_every_s / 4 or 60.0)):
            yield FreezingHandler(freezer)

    return build


def build_index(settings: BackboneSettings) -> wiring.Build:
    def build(store: ArtifactStore, _bus: Bus) -> Handler:
        from journalclip_inference.handler import IndexHandler  # torch and faiss: seconds that only this one needs

        return IndexHandler(store, settings.workdir / "cache")

    return build


def build_launcher(settings: BackboneSettings, stop: threading.Event) -> wiring.Build:
    """A wait of hours must end when the process is told to, so the launcher shares the loop's ``stop``."""

    def build(_store: ArtifactStore, _bus: Bus) -> Handler:
        cluster = Kubernetes(settings.kube_server, settings.kube_namespace, settings.kube_account)
        return LaunchingHandler(cluster, settings.ray_job_template, stop)

    return build


@contextmanager
def repeated(act: Callable[[], object], every_s: float) -> Iterator[None]:
    """``act`` now and every ``every_s`` seconds in a thread; what does not work is said and tried again.

    Also what would be permanent for an event: there is no event to bury here, and a bucket or a right that is missing
    while a cluster starts is there a minute later.
    """
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                act()
            except JournalclipError as error:
                _log.warning("will be tried again: %s", error)
            stop.wait(every_s)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _found(announced: Sequence[object]) -> None:
    if announced:
        _log.info("reconciled %d objects without a receipt", len(announced))


SERVICES: dict[str, Callable[[BackboneSettings], wiring.Build]] = {
    "intake": build_intake,
    "freezing": build_freezing,
    "inference-index": build_index,
}


def main(name: str) -> None:
    settings = BackboneSettings()
    if name != "training-launcher":
        wiring.main(settings, SERVICES[name](settings))
    stop = wiring.stop_on_signal()
    sys.exit(wiring.serve(settings, build_launcher(settings, stop), stop))


if __name__ == "__main__":
    main(sys.argv[1])
