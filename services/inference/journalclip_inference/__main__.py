"""Serve the champion: settings -> clients -> application -> uvicorn. ``python -m journalclip_inference``."""

from __future__ import annotations

import uvicorn

from journalclip_inference.audit import AuditFile
from journalclip_inference.service import Clients, build
from journalclip_inference.settings import InferenceSettings
from journalclip_shared.registry import MlflowRegistry


def main() -> None:
    """Run until told to stop; requests in hand are finished first."""
    from journalclip_shared.wiring import open_artifacts, open_bus

    settings = InferenceSettings()
    clients = Clients(
        store=open_artifacts(settings),
        registry=MlflowRegistry(settings.mlflow_uri or f"sqlite:///{settings.workdir.resolve() / 'mlflow.db'}"),
        bus=open_bus(settings),
        cache=settings.workdir / "cache",
        audit=AuditFile(settings.workdir / "audit"),
    )
    serve(settings, clients)


def serve(settings: InferenceSettings, clients: Clients) -> None:
    service = build(settings, clients)
    service.start()
    try:
        uvicorn.run(service.app, host=settings.host, port=settings.port, log_level="warning", server_header=False)
    finally:
        service.stop()


if __name__ == "__main__":
    main()
