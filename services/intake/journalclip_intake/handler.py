"""Intake: what lies in the inbox becomes a submission, by notification, by reconciliation or by upload.

All three ways end in the same steps: the bytes are stored under their digest, the article's manifest is written, the
fact is published, and the receipt is written last. So an object that was announced twice, found again by the
reconciler, or dropped twice under two names is one article; and one whose notification was lost is found.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from journalclip_intake.articles import record, record_files
from journalclip_intake.inbox import Dropped, Inbox
from journalclip_intake.notifications import CreatedObject, ObjectsCreated, translate
from journalclip_intake.receipts import Receipts
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus, Delivery
from journalclip_shared.deliveries import MAX_ENTRIES
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, Fact, SourceQuarantined, Submitted
from journalclip_shared.failpoints import hit
from journalclip_shared.settings import Settings
from journalclip_shared.withdrawals import Withdrawals

Taken: TypeAlias = Submitted | SourceQuarantined  # what is announced of a delivery

# A list whose files are still on their way is complete at a later look; a wrong one was refused when it was announced.
_PASSED_OVER = frozenset({"inbox-object-gone", "bundle-list-invalid"})


class IntakeHandler:
    """`ObjectsCreated` in, submissions out; runs in a loop that decodes with `notifications.translate`."""

    group = "intake"
    consumes: tuple[type[Fact], ...] = (ObjectsCreated,)

    def __init__(self, store: ArtifactStore, inbox: Inbox) -> None:
        self._store, self._inbox, self._words = store, inbox, Withdrawals(store)

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `TransientError`, and `PermanentError` where the object vanishes while it is read.

        One that is gone already, or is no delivery in the inbox, is passed over.
        """
        if not isinstance(event.fact, ObjectsCreated):
            raise TypeError(f"{type(event.fact).__name__} is not for intake")
        facts = []
        for created in event.fact.objects:
            dropped = self._dropped(created)
            if dropped is not None and dropped.is_delivery:
                facts.append(take(self._store, self._words, self._inbox, dropped))
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


def take(store: ArtifactStore, words: Withdrawals, inbox: Inbox, dropped: Dropped) -> Taken:
    """Store one delivery's bytes; of a withdrawn one only a fact.

    Raises `TransientError`; `PermanentError` where it is gone or its list is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="journalclip-intake-") as folder:
        path = Path(folder) / "object"
        inbox.fetch(dropped, path)
        hit("intake.fetched")
        if dropped.is_list:
            return _take_listed(store, words, inbox, dropped, path)
        _, fact = record(store, words, path, dropped.name)
    return _receipted(fact, dropped)


def _receipted(fact: Taken, dropped: Dropped) -> Taken:
    """The fact says which object it was, so that the catalogue knows it without a look into the store."""
    return fact if isinstance(fact, SourceQuarantined) else fact.model_copy(update={"receipt": dropped.receipt})


def _take_listed(store: ArtifactStore, words: Withdrawals, inbox: Inbox, dropped: Dropped, list_path: Path) -> Taken:
    """The files that a list names, all of which must be there."""
    files: dict[str, Path] = {}
    for number, name in enumerate(_listed(list_path.read_bytes(), dropped)):
        found = inbox.find(f"{dropped.folder}/{name}")
        if found is None:
            raise _wrong_list(dropped, f"{name} is not there")
        files[name] = list_path.with_name(f"file-{number}")  # the name itself never becomes a path
        inbox.fetch(found, files[name])
    _, fact = record_files(store, words, files, dropped.folder.rpartition("/")[2])
    return _receipted(fact, dropped)


def _listed(data: bytes, dropped: Dropped) -> list[str]:
    try:
        names = json.loads(data)
    except ValueError as error:
        raise _wrong_list(dropped, "it is no JSON") from error
    if not isinstance(names, list) or not names or not all(isinstance(each, str) and each for each in names):
        raise _wrong_list(dropped, "it is no array of names")
    if len(names) > MAX_ENTRIES or any(".." in each.split("/") or each.startswith("/") for each in names):
        raise _wrong_list(dropped, f"it names more than {MAX_ENTRIES} files, or files outside its folder")
    return sorted(set(names))


def _wrong_list(dropped: Dropped, reason: str) -> PermanentError:
    return PermanentError("bundle-list-invalid", f"{dropped.key}: {reason}", "Drop all files, then the corrected list.")


class Reconciler:
    """Finds what no notification told of, on one store and inbox. For one thread."""

    def __init__(self, store: ArtifactStore, inbox: Inbox, bus: Bus, settings: Settings | None = None) -> None:
        self._store, self._inbox, self._bus = store, inbox, bus
        self._words, self._receipts = Withdrawals(store), Receipts(store, settings)

    def look(self) -> list[Taken]:
        """Take in every delivery of the inbox that has no receipt; returns what was announced (perhaps again).

        The receipt comes after the publication is acknowledged: a kill between the two announces an article twice,
        which changes nothing, and never leaves one out. Raises `TransientError`.
        """
        # What was refused as withdrawn is looked at again after the next reinstatement, and not before.
        epoch = sum(word.action == "reinstate" for word in self._words.documents())
        announced, listed = list[Taken](), [each for each in self._inbox.list() if each.is_delivery]
        new = self._without_receipt(listed, [each.receipt for each in listed])
        for dropped in self._without_receipt(new, [_refused(each, epoch) for each in new]):
            fact = self._taken(dropped)
            if fact is None:
                continue
            self._bus.publish([Event(fact, "intake")])
            hit("intake.announced")
            name = _refused(dropped, epoch) if isinstance(fact, SourceQuarantined) else dropped.receipt
            self._receipts.write(name, {"key": dropped.key, "version": dropped.version, "article_id": fact.key})
            hit("intake.receipted")
            announced.append(fact)
        return announced

    def _without_receipt(self, found: list[Dropped], names: list[str]) -> list[Dropped]:
        known = self._receipts.known(names)
        return [dropped for dropped, name in zip(found, names, strict=True) if name not in known]

    def _taken(self, dropped: Dropped) -> Taken | None:
        try:
            return take(self._store, self._words, self._inbox, dropped)
        except PermanentError as error:
            if error.code not in _PASSED_OVER:
                raise
            return None


def reconcile(store: ArtifactStore, inbox: Inbox, bus: Bus) -> list[Taken]:
    """One look by a reconciler of its own. Raises `TransientError`."""
    return Reconciler(store, inbox, bus).look()


def _refused(dropped: Dropped, epoch: int) -> str:
    return f"{dropped.receipt}-refused-{epoch}"
