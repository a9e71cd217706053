"""Intake: what lies in the inbox becomes `ArticleSubmitted`, by notification, by reconciliation or by upload.

All three ways end in the same steps: the bytes are stored under their digest, the article's manifest is written, the
fact is published, and the receipt is written last. So an object that was announced twice, found again by the
reconciler, or dropped twice under two names is one article; and one whose notification was lost is found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from journalclip_intake.articles import record
from journalclip_intake.inbox import Dropped, Inbox
from journalclip_intake.notifications import CreatedObject, ObjectsCreated, translate
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus, Delivery
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import ArticleSubmitted, Event, Fact
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import canonical_json


class IntakeHandler:
    """`ObjectsCreated` in, `ArticleSubmitted` out; runs in a loop that decodes with `notifications.translate`."""

    group = "intake"
    consumes: tuple[type[Fact], ...] = (ObjectsCreated,)

    def __init__(self, store: ArtifactStore, inbox: Inbox) -> None:
        self._store, self._inbox = store, inbox

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `TransientError`, and `PermanentError` where the object vanishes while it is read.

        One that is gone already, or is no PDF of the inbox, is passed over.
        """
        if not isinstance(event.fact, ObjectsCreated):
            raise TypeError(f"{type(event.fact).__name__} is not for intake")
        facts = []
        for created in event.fact.objects:
            dropped = self._dropped(created)
            if dropped is not None and dropped.is_pdf:
                facts.append(take(self._store, self._inbox, dropped))
        return facts

    def _dropped(self, created: CreatedObject) -> Dropped | None:
        if created.bucket != self._inbox.bucket:
            return None
        found = (self._inbox.find(key) for key in created.keys)
        return next((each for each in found if each is not None), None)


class NotifiedIntake(IntakeHandler):
    """Intake whose loop reads bucket notifications."""

    def decode(self, delivery: Delivery) -> Event:
        """Raises `BadNotification`."""
        return translate(delivery)


def take(store: ArtifactStore, inbox: Inbox, dropped: Dropped) -> ArticleSubmitted:
    """Store one object's bytes as an article. Raises `TransientError`, `PermanentError` where it is gone."""
    with tempfile.TemporaryDirectory(prefix="journalclip-intake-") as folder:
        path = Path(folder) / "object"
        inbox.fetch(dropped, path)
        hit("intake.fetched")
        _, fact = record(store, path, dropped.name)
    return fact


def reconcile(store: ArtifactStore, inbox: Inbox, bus: Bus) -> list[ArticleSubmitted]:
    """Take in every PDF of the inbox that has no receipt; returns what was announced (perhaps again).

    The receipt comes after the publication is acknowledged: a kill between the two announces an article twice, which
    changes nothing, and never leaves one out. Raises `TransientError`.
    """
    announced = []
    done = set(store.list_manifests("articles", "received/"))
    for dropped in inbox.list():
        if not dropped.is_pdf or dropped.receipt in done:
            continue
        try:
            fact = take(store, inbox, dropped)
        except PermanentError as error:
            if error.code != "inbox-object-gone":
                raise
            continue
        bus.publish([Event(fact, "intake")])
        hit("intake.announced")
        receipt = canonical_json({"key": dropped.key, "version": dropped.version, "article_id": fact.article_id})
        store.put_manifest("articles", dropped.receipt, receipt)
        hit("intake.receipted")
        announced.append(fact)
    return announced
