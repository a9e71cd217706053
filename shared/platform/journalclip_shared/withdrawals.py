"""Withdrawals in the store: writing one, reading them all, and what they come to for an article, a pair or a study.

`Withdrawals.current` reads each document once and lists names again when its knowledge is older than a moment, so any
step may ask for every source. There are as many documents as people's decisions, not as sources.
"""

from __future__ import annotations

import logging
import threading
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, ManifestConflict, is_there
from journalclip_shared.duplicates import FEATURELESS, NEAR, hamming
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import SourcesReinstated, SourcesWithdrawn
from journalclip_shared.records.pair import Pair
from journalclip_shared.records.withdrawal import Picture, Scope, Tombstone, Withdrawal

_log = logging.getLogger(__name__)
CODE = "source-withdrawn"
_FRESH_S = 1.0  # "within seconds": knowledge of this age is used without looking again
_ATTEMPTS = 5  # writers that race for a subject's next number


class SourceWithdrawn(PermanentError):
    """Somebody withdrew this; it is taken in again after `journalclip reinstate`."""

    def __init__(self, found: Withdrawal, what: str = "") -> None:
        super().__init__(
            CODE,
            f"{what or found.subject} was withdrawn ({found.reason}) by {found.who} on {found.time[:10]}",
            f"`journalclip reinstate {found.subject} --who NAME --reason TEXT` allows it again.",
        )


def collection_key(name: str) -> str:
    """A journal's name folded to letters and digits, so that case, accents' form and punctuation do not matter."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def same_picture(held: Picture, sha256: str, phash: str | None) -> bool:
    """The same bytes, or alike within the distance of near-duplicates."""
    if held.sha256 == sha256:
        return True
    if not held.phash or not phash or FEATURELESS in (held.phash, phash):
        return False
    return hamming(held.phash, phash) <= NEAR


@dataclass(frozen=True)
class Withdrawn:
    """What is withdrawn now, by scope and subject. Every answer is the withdrawal that applies, or None."""

    standing: Mapping[tuple[Scope, str], Withdrawal] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.standing)

    @property
    def all(self) -> tuple[Withdrawal, ...]:
        return tuple(self.standing.values())

    def by(self, scope: Scope, subject: str) -> Withdrawal | None:
        return self.standing.get((scope, subject))

    def of_article(self, article_id: str, journal: str | None = None) -> Withdrawal | None:
        """By its own id or by its journal's name."""
        found = self.by("article", article_id)
        return found or (self.by("collection", collection_key(journal)) if journal else None)

    def of_study(self, study_id: str, patient: str) -> Withdrawal | None:
        return self.by("study", study_id) or self.by("patient", patient)

    def of_submission(self, source_id: str) -> Withdrawal | None:
        """Of bytes as they arrive: known as a submission that holds nothing that may be used."""
        return self._deliveries.get(source_id)

    def of_pair(self, pair: Pair, journal: str | None = None) -> Withdrawal | None:
        """By its article or journal, its figure, itself, or its picture."""
        found = (
            self.of_article(pair.article_id, journal)
            or self.by("figure", pair.figure_id)
            or self.by("pair", pair.pair_id)
            or self._parts.get(pair.panel_id or pair.figure_id)
        )
        return found or self._by_picture(pair)

    def _by_picture(self, pair: Pair) -> Withdrawal | None:
        anywhere = self._persons.get(pair.image.sha256)
        if anywhere is not None:
            return anywhere
        for held in self._of_article.get(pair.article_id, ()):
            if any(same_picture(each, pair.image.sha256, pair.phash) for each in held.pictures):
                return held
        return None

    @cached_property
    def pictured(self) -> frozenset[str]:
        """Articles of which a part is withdrawn: their pairs are compared by picture."""
        return frozenset(self._of_article)

    @property
    def persons(self) -> Mapping[str, Withdrawal]:
        """By SHA-256: pictures that show an identifiable person, withdrawn wherever they stand."""
        return self._persons

    @cached_property
    def _persons(self) -> dict[str, Withdrawal]:
        shown = (each for each in self.all if each.reason == "identifiable-person")
        return {picture.sha256: each for each in shown for picture in each.pictures}

    @cached_property
    def _of_article(self) -> dict[str, list[Withdrawal]]:
        found: dict[str, list[Withdrawal]] = defaultdict(list)
        for each in self.all:
            if each.scope in ("figure", "pair"):
                for article_id in each.articles:
                    found[article_id].append(each)
        return dict(found)

    @cached_property
    def _parts(self) -> dict[str, Withdrawal]:
        return {part: each for each in self.all if each.scope == "pair" for part in each.parts}

    @cached_property
    def _deliveries(self) -> dict[str, Withdrawal]:
        return {delivery: each for each in self.all for delivery in each.deliveries}


def standing(found: Iterable[Withdrawal]) -> Withdrawn:
    """Of each subject the word of the highest sequence; what was reinstated is left out."""
    latest: dict[tuple[Scope, str], Withdrawal] = {}
    for each in sorted(found, key=lambda each: (each.scope, each.subject, each.sequence)):
        latest[each.scope, each.subject] = each
    return Withdrawn({key: each for key, each in latest.items() if each.action == "withdraw"})


class Withdrawals:
    """Reads the documents of one store. Any number of threads may ask."""

    def __init__(
        self, store: ArtifactStore, fresh_s: float = _FRESH_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._fresh_s, self._clock = store, fresh_s, clock
        self._lock = threading.Lock()
        self._read: dict[str, Withdrawal] = {}
        self._state = Withdrawn()
        self._looked: float | None = None

    def current(self) -> Withdrawn:
        """Raises `TransientError` where the store was never reached; later what is known goes on holding."""
        with self._lock:
            if self._looked is None or self._clock() - self._looked >= self._fresh_s:
                self._look()
            return self._state

    def fresh(self) -> Withdrawn:
        """As `current`, from the store as it is now."""
        with self._lock:
            self._looked = None
            self._look()
            return self._state

    def documents(self) -> list[Withdrawal]:
        """Every word ever said, by subject and sequence."""
        self.fresh()
        return [self._read[name] for name in sorted(self._read)]

    def _look(self) -> None:
        try:
            found = list(self._store.list_manifests("quarantine", names.withdrawn()))
            new = {name: self._document(name) for name in found if name not in self._read}
        except TransientError as error:
            if self._looked is None:
                raise
            _log.warning("withdrawals cannot be read; what is known goes on holding: %s", error)
            return
        if new:
            self._read |= new
            self._state = standing(self._read.values())
        self._looked = self._clock()

    def _document(self, name: str) -> Withdrawal:
        ref = self._store.find_manifest("quarantine", name)
        if ref is None:
            raise TransientError(f"{name} is listed, but not there yet", "store")
        return Withdrawal.model_validate_json(self._store.get(ref))


def write_withdrawal(store: ArtifactStore, wanted: Withdrawal) -> tuple[Withdrawal, ArtifactRef]:
    """Store it under its subject's next number. Raises `TransientError` where others take every number first."""
    for _ in range(_ATTEMPTS):
        prefix = names.withdrawn(wanted.scope, wanted.subject)
        number = 1 + sum(1 for _ in store.list_manifests("quarantine", prefix))
        document = wanted.model_copy(update={"sequence": number})
        try:
            return document, store.put_manifest("quarantine", f"{prefix}{number:08d}", document.canonical())
        except ManifestConflict:
            continue
    raise TransientError(f"others write about {wanted.subject} at once", "store")


def fact_of(word: Withdrawal, document: ArtifactRef) -> SourcesWithdrawn | SourcesReinstated:
    """What is announced of a stored word."""
    about = {"scope": word.scope, "subject": word.subject, "sequence": word.sequence, "document": document}
    if word.reason is None:
        return SourcesReinstated.model_validate(about)
    return SourcesWithdrawn.model_validate({**about, "reason": word.reason})


def tombstone_of(store: ArtifactStore, ref: ArtifactRef) -> Tombstone | None:
    """What is left of an object that was erased; None where it was not."""
    found = store.find_manifest("quarantine", names.tombstone(ref.uri))
    return None if found is None else Tombstone.model_validate_json(store.get(found))


def left_of(store: ArtifactStore, ref: ArtifactRef) -> ArtifactRef:
    """A dataset's part as it is now: the object itself, or the last one that an erasure put in its place."""
    return next((left.successor for left in reversed(_replaced(store, ref)) if left.successor), ref)


def removed_from(store: ArtifactStore, ref: ArtifactRef) -> dict[str, int]:
    """Pairs that erasures took out of a dataset's records, by the word that they fell under."""
    found: Counter[str] = Counter()
    for left in _replaced(store, ref):
        found.update(left.removed)
    return dict(found)


def _replaced(store: ArtifactStore, ref: ArtifactRef) -> list[Tombstone]:
    """The tombstones from an object to what is left of it. One that was brought in again since is itself."""
    found: list[Tombstone] = []
    while (left := tombstone_of(store, ref)) is not None and left.successor is not None and not is_there(store, ref):
        found.append(left)
        ref = left.successor
    return found


def label_of(word: Withdrawal) -> str:
    """A word as lineage and tombstones name it."""
    return f"{word.scope} {word.subject} ({word.reason})"
