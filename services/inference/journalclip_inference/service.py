"""One server in one process: settings and clients in, an application that keeps itself at the champion out."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from journalclip_inference.aliases import Aliases
from journalclip_inference.api.app import create_app
from journalclip_inference.api.callers import Pace
from journalclip_inference.api.serving import Serving
from journalclip_inference.audit import Audit, AuditFile
from journalclip_inference.auth import Authenticator, Tokens, Verifier
from journalclip_inference.backend import Backend, LocalBackend
from journalclip_inference.batching import BatchLimits
from journalclip_inference.documents import Documents
from journalclip_inference.images import ImageLimits, PixelBudget
from journalclip_inference.oidc import Issuer, OidcConfig, OidcTokens, SignIn
from journalclip_inference.operations import Operations
from journalclip_inference.pictures import PageDrawer, Pictures
from journalclip_inference.reload import CurrentSnapshot, Reloader, listen, watch
from journalclip_inference.review.assignments import Assignments
from journalclip_inference.review.remarks import Remarks
from journalclip_inference.review.service import ReviewService
from journalclip_inference.sessions import FILE as SESSIONS_FILE
from journalclip_inference.sessions import SavedSearches, Sessions, open_database
from journalclip_inference.settings import InferenceSettings
from journalclip_inference.studies.shelf import DroppedStudyReader, StudyShelf
from journalclip_inference.withheld import Withholding
from journalclip_modeling.encoder import Encoder
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.catalogue.engine import sqlite_url
from journalclip_shared.errors import ConfigurationError
from journalclip_shared.events import Event, Fact
from journalclip_shared.kinds import Kind
from journalclip_shared.registry import MlflowRegistry, ModelRegistry


@dataclass(frozen=True)
class Clients:
    """What a server reaches the world through."""

    store: ArtifactStore
    bus: Bus
    cache: Path
    audit: Audit
    study_registry: ModelRegistry | None = None
    page_drawer: PageDrawer | None = None  # given by who wires all services: no PDF is opened here
    operations: Operations | None = None  # given by who wires all services: what the pages for those who run it do
    study_reader: DroppedStudyReader | None = None  # given by who wires all services; reading is extraction's craft


def connect(settings: InferenceSettings) -> Clients:
    """The clients that the settings name, as every process of a cluster makes them."""
    return Clients(
        wiring.open_artifacts(settings),
        wiring.open_bus(settings),
        settings.cache,
        AuditFile(settings.workdir / "audit"),
    )


def open_registry(settings: InferenceSettings, kind: Kind) -> ModelRegistry:
    return MlflowRegistry(settings.registry_uri, settings.registered_model(kind))


@dataclass
class Service:
    """A server's moving parts; `start` before the application serves, `stop` after."""

    app: FastAPI
    reloader: Reloader
    backend: LocalBackend
    threads: list[threading.Thread]
    stopping: threading.Event

    def start(self) -> None:
        """Load the champion where there is one, and go on looking."""
        self.reloader.check()
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            if thread.is_alive():
                thread.join()


def build(settings: InferenceSettings, clients: Clients, registry: ModelRegistry) -> Service:
    """Wire one server; nothing is loaded yet. Raises `PermanentError` ``tokens-invalid``."""
    holder, stopping = CurrentSnapshot(), threading.Event()
    load = partial(Encoder.load, device=settings.device)
    reloader = Reloader(clients.store, registry, clients.cache, holder, load)
    limits = BatchLimits(settings.max_batch, settings.batch_wait_ms / 1000, settings.max_waiting)
    withholding = Withholding(clients.store)
    backend = LocalBackend(holder, limits, lambda: reloader.problem, withholding.apply)
    parts = serving_of(settings, clients, backend, withholding)
    group = f"inference-serve-{socket.gethostname()}-{os.getpid()}"  # one a process: each must hear of every promotion
    hears = (reloader.check, clients.bus, group, stopping)
    threads = [
        threading.Thread(target=watch, args=(reloader, stopping, settings.poll_s), name="poll", daemon=True),
        threading.Thread(target=listen, args=hears, name="listen", daemon=True),
    ]

    async def close() -> None:
        stopping.set()
        await backend.batcher.close()

    return Service(create_app(parts, settings.max_body_bytes, close), reloader, backend, threads, stopping)


def serving_of(
    settings: InferenceSettings, clients: Clients, backend: Backend, withholding: Withholding | None = None
) -> Serving:
    withholding = withholding or Withholding(clients.store)

    def announce(fact: Fact) -> None:
        clients.bus.publish([Event(fact, "inference-review")])

    issuer = Issuer(_oidc(settings)) if settings.oidc_issuer else None
    tokens = Tokens(settings.tokens)
    verifiers: list[Verifier] = [tokens, *([OidcTokens(issuer)] if issuer else [])]
    sign_in = SignIn(issuer, settings.public_url) if issuer and settings.oidc_client_id else None
    database = open_database(settings.sessions_url or sqlite_url(settings.workdir / SESSIONS_FILE))
    sessions = Sessions(database, tokens, sign_in, settings.public_url.startswith("https:"))
    return Serving(
        backend=backend,
        store=clients.store,
        documents=Documents(clients.store),
        pictures=Pictures(clients.store, clients.cache / "pictures", clients.page_drawer),
        desk=ReviewService(clients.store, announce),
        remarks=Remarks(clients.store, announce),
        assignments=Assignments(clients.store, announce),
        sessions=sessions,
        searches=SavedSearches(database),
        door=Authenticator(tuple(verifiers), settings.anonymous, sessions.revoked),
        audit=clients.audit,
        images=ImageLimits(settings.max_image_bytes, settings.max_pixels),
        withholding=withholding,
        aliases=Aliases(settings),
        sign_in=sign_in,
        studies=_shelf(clients, withholding),
        max_study_bytes=settings.max_study_bytes,
        pace=Pace(settings.requests_a_minute),
        guesses=Pace(settings.unknown_tokens_a_minute),
        decoding=PixelBudget(settings.decoded_pixels),
        cors_origins=settings.cors_origins,
        operations=clients.operations,
        tokens=settings.tokens,
        public_url=settings.public_url.rstrip("/"),
    )


def _oidc(settings: InferenceSettings) -> OidcConfig:
    """Raises `ConfigurationError` ``secret-missing``, `PermanentError` ``issuer-invalid``."""
    secret = settings.oidc_client_secret_file
    if secret is not None and not secret.is_file():
        raise ConfigurationError("secret-missing", f"no file {secret}", "Set JOURNALCLIP_OIDC_CLIENT_SECRET_FILE.")
    return OidcConfig(
        settings.oidc_issuer,
        settings.oidc_audience,
        settings.oidc_client_id,
        secret.read_text().strip() if secret else "",
        settings.oidc_role_claim,
        settings.oidc_name_claim,
    )


def _shelf(clients: Clients, withholding: Withholding) -> StudyShelf | None:
    if clients.study_registry is None:
        return None
    reader, taken = clients.study_reader, lambda: withholding.current().taken
    return StudyShelf(clients.store, clients.study_registry, clients.cache, reader, taken)
