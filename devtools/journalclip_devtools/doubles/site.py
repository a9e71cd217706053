"""A server over an invented collection, called in this process: one token a role, and a bus that only remembers."""

from __future__ import annotations

import atexit
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from fastapi.testclient import TestClient

from journalclip_devtools.doubles.collection import World
from journalclip_inference.audit import AuditFile
from journalclip_inference.auth import ROLES, add_token
from journalclip_inference.operations import Operations
from journalclip_inference.service import Clients, Service, build
from journalclip_inference.settings import InferenceSettings
from journalclip_pipelines.page_drawing import SandboxedDrawer
from journalclip_shared.bus import Consumer, Delivery, Record
from journalclip_shared.events import Event
from journalclip_sources.pdf.pages import DrawOptions, drawing
from journalclip_sources.sandbox import Cell


class Announced(list[Event]):
    """A bus that remembers what was published and delivers nothing."""

    def publish(self, events: Sequence[Event]) -> None:
        self.extend(events)

    def publish_raw(self, records: Sequence[Record]) -> None:
        raise AssertionError("no raw records are published here")

    def consumer(self, topics: Sequence[str], group: str) -> Consumer:
        raise AssertionError("nobody consumes here")

    def read(self, topic: str, places: Mapping[int, int] | None = None) -> Iterator[Delivery]:
        raise AssertionError("nobody reads the log here")

    def reopen(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class Site:
    """An application over a world, with a token for every role."""

    service: Service
    world: World
    bus: Announced
    tokens: dict[str, str]
    root: Path

    def client(self, role: str = "", address: str = "127.0.0.1", host: str = "127.0.0.1") -> TestClient:
        headers = {"authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return TestClient(
            self.service.app,
            base_url=f"http://{host}",
            client=(address, 50000),
            headers=headers,
            raise_server_exceptions=False,
        )


@cache
def _pages() -> Cell[DrawOptions, bytes]:
    """One sandbox for all sites of a process; it starts when a page is first drawn."""
    cell = drawing()
    atexit.register(cell.close)
    return cell


def make_site(world: World, root: Path, operations: Operations | None = None, **changes: object) -> Site:
    tokens: dict[str, str] = {role: add_token(root / "tokens.json", f"{role}-1", role) for role in ROLES}
    tokens["reviewer2"] = add_token(root / "tokens.json", "reviewer-2", "reviewer")
    settings = InferenceSettings.model_validate(
        {"tokens": root / "tokens.json", "workdir": root, "anonymous": True, **changes}
    )
    bus = Announced()
    drawer = SandboxedDrawer(_pages())
    clients = Clients(world.store, bus, root / "cache", AuditFile(root / "audit"), page_drawer=drawer)
    clients = replace(clients, operations=operations)
    return Site(build(settings, clients, world.registry), world, bus, tokens, root)
