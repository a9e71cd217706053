"""The promotion service: settings -> store, registry, bus -> handler -> consume loop, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import signal
import threading

from journalclip_promotion.handler import PromotionHandler
from journalclip_promotion.reconcile import reconcile
from journalclip_promotion.settings import PromotionSettings
from journalclip_promotion.wiring import build_promoter
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.consume import Loop
from journalclip_shared.registry import MlflowRegistry


def serve(settings: PromotionSettings, stop: threading.Event) -> int:
    """Handle events until ``stop`` is set; returns how many deliveries that was."""
    bus = SqliteBus(settings.workdir / "events.db")
    store = LocalArtifacts(settings.workdir / "artifacts")
    uri = settings.mlflow_uri or f"sqlite:///{settings.workdir / 'mlflow.db'}"
    promoter = build_promoter(settings, store, MlflowRegistry(uri))
    reconcile(promoter, bus)
    return Loop(bus, PromotionHandler(promoter)).run(stop)


def main() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(PromotionSettings(), stop)


if __name__ == "__main__":
    main()
