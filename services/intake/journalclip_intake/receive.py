"""Studies that a PACS sends: a C-STORE provider that holds each study in memory until it is whole.

Nothing that was received touches a disk. A study is whole when nothing of it arrived for a while and the association
that brought its last object was released. An association that breaks off leaves its studies waiting for the sender's
retry; without one they are discarded and reported. Which study an object belongs to is read in the sandbox.
"""

from __future__ import annotations

import itertools
import logging
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from weakref import WeakKeyDictionary

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import

from journalclip_sources.studies.files import SourceFile, pack
from journalclip_sources.studies.heads import HEAD_BYTES, SurveyOptions
from journalclip_sources.studies.survey import Archive, HeadReader, survey_container

_STORED, _FULL, _FAILED = 0x0000, 0xA700, 0xC000  # of PS3.4, B.2.3
_RETRY = 5  # times the quiet time that a broken study waits for its sender


@dataclass(frozen=True)
class ReceiveOptions:
    """Who may send, and how long a study is held. ``callers`` are AE titles; nobody else is let in."""

    callers: tuple[str, ...]
    title: str = "JOURNALCLIP"
    host: str = "127.0.0.1"
    port: int = 11112
    quiet_s: float = 60.0
    max_bytes: int = 4 << 30  # held at once; beyond it the sender is told to try later
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None  # of senders' certificates; with it every sender must have one


@dataclass
class _Object:
    """One received object; ``study`` is None until the sandbox has said it."""

    association: int
    instance: str
    data: bytes = field(repr=False)
    at: float = 0.0
    study: str | None = None


@dataclass(frozen=True)
class MemoryFiles:
    """`Container` of received objects."""

    files: dict[str, bytes] = field(repr=False)

    def walk(self) -> Iterator[tuple[str, bytes]]:
        for name, data in self.files.items():
            yield name, data[:HEAD_BYTES]

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for name in names:
            yield name, self.files[name]


@dataclass(frozen=True)
class Whole:
    """A study that is complete, as an archive of its own."""

    archive: Archive


@dataclass(frozen=True)
class Broken:
    """A study whose transfer broke off and was not repeated; its objects are gone. ``study`` is its UID."""

    study: str = field(repr=False)
    objects: int = 0


class HoldingArea:
    """Received objects by study. Safe over threads: each association has its own."""

    def __init__(self, reader: HeadReader, quiet_s: float, max_bytes: int) -> None:
        self._reader, self._quiet_s, self._max_bytes = reader, quiet_s, max_bytes
        self._objects: list[_Object] = []
        self._open: set[int] = set()
        self._broken: set[int] = set()
        self._bytes = 0
        self._guard = threading.Lock()

    def opened(self, association: int) -> None:
        with self._guard:
            self._open.add(association)

    def closed(self, association: int, released: bool) -> None:
        """The first call for an association counts."""
        with self._guard:
            if association in self._open:
                self._open.discard(association)
                if not released:
                    self._broken.add(association)

    def add(self, association: int, instance: str, data: bytes, now: float) -> bool:
        """False where there is no room."""
        with self._guard:
            if self._bytes + len(data) > self._max_bytes:
                return False
            self._objects.append(_Object(association, instance, data, now))
            self._bytes += len(data)
            return True

    def empty(self) -> bool:
        with self._guard:
            return not self._objects and not self._open

    def ready(self, now: float) -> Iterator[Whole | Broken]:
        """Studies that need no more waiting; they are held no longer. Raises as the reader does."""
        self._ask()
        with self._guard:
            studies = {each.study for each in self._objects if each.study is not None}
        for study in sorted(studies):
            taken = self._take(study, now)
            if isinstance(taken, Broken):
                yield taken
            elif taken:
                files = {f"{n:06d}.dcm": each.data for n, each in enumerate(taken)}
                yield Whole(survey_container(MemoryFiles(files), "", self._reader, SurveyOptions()))

    def _ask(self) -> None:
        """Which study the new objects belong to."""
        with self._guard:
            new = [each for each in self._objects if each.study is None]
        if new:
            heads = pack(SourceFile(f"{n:06d}.dcm", each.data[:HEAD_BYTES]) for n, each in enumerate(new))
            facts = list(self._reader.read(heads, SurveyOptions()))
            for n, each in enumerate(new):
                if facts[n].kind == "more":
                    (facts[n],) = self._reader.read(pack([SourceFile("whole.dcm", each.data)]), SurveyOptions())
                each.study = facts[n].study or f"association {each.association}"

    def _take(self, study: str, now: float) -> list[_Object] | Broken:
        with self._guard:
            objects = [each for each in self._objects if each.study == study]
            waited = now - max(each.at for each in objects)
            if waited < self._quiet_s or any(each.association in self._open for each in objects):
                return []
            whole = self._is_whole(objects)
            if not whole and waited < self._quiet_s * _RETRY:
                return []
            self._objects = [each for each in self._objects if each.study != study]
            self._bytes -= sum(len(each.data) for each in objects)
            return objects if whole else Broken(study, len(objects))

    def _is_whole(self, objects: list[_Object]) -> bool:
        """The last association was released, or others that were brought all that the broken ones did."""
        if objects[-1].association not in self._broken:
            return True
        sound = {each.instance for each in objects if each.association not in self._broken}
        return all(each.instance in sound for each in objects)


class Receiver:
    """The listening side, as a context manager. Raises OSError where the port cannot be had."""

    def __init__(self, options: ReceiveOptions, held: HoldingArea, clock: Callable[[], float]) -> None:
        self._options, self._held, self._clock = options, held, clock
        self._numbers: WeakKeyDictionary[Association, int] = WeakKeyDictionary()
        self._next = itertools.count(1)

    def __enter__(self) -> Receiver:
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # its lines may quote what was sent
        entity = AE(ae_title=self._options.title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(self._options.callers)
        entity.supported_contexts = [
            *(
                build_context(str(each.abstract_syntax), list(ALL_TRANSFER_SYNTAXES))
                for each in AllStoragePresentationContexts
            ),
            build_context(Verification),
        ]
        handlers = [
            (evt.EVT_ACCEPTED, self._opened),
            (evt.EVT_RELEASED, self._released),
            (evt.EVT_ABORTED, self._broken),
            (evt.EVT_CONN_CLOSE, self._broken),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_ECHO, lambda _: _STORED),
        ]
        address = (self._options.host, self._options.port)
        self._server = entity.start_server(address, block=False, evt_handlers=handlers, ssl_context=self._tls())  # type: ignore[arg-type]
        self._entity = entity
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._entity.shutdown()

    @property
    def port(self) -> int:
        """That it listens on, also where the options say 0."""
        assert self._server is not None
        assert self._server.socket is not None
        return int(self._server.socket.getsockname()[1])

    def _tls(self) -> ssl.SSLContext | None:
        options = self._options
        if options.tls_cert is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls_cert, options.tls_key)
        if options.tls_ca is not None:
            context.load_verify_locations(options.tls_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _opened(self, event: Event) -> None:
        self._numbers[event.assoc] = number = next(self._next)
        self._held.opened(number)

    def _released(self, event: Event) -> None:
        self._held.closed(self._numbers[event.assoc], released=True)

    def _broken(self, event: Event) -> None:
        if event.assoc in self._numbers:  # one that was let in
            self._held.closed(self._numbers[event.assoc], released=False)

    def _store(self, event: Event) -> int:
        instance = str(event.request.AffectedSOPInstanceUID or "")  # type: ignore[union-attr]
        if not instance:
            return _FAILED
        room = self._held.add(self._numbers[event.assoc], instance, event.encoded_dataset(), self._clock())
        return _STORED if room else _FULL
