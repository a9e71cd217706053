"""The promotion service: settings -> store, registry, bus -> handler -> consume loop, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import sys
import threading

from journalclip_promotion.handler import PromotionHandler
from journalclip_promotion.reconcile import Watch
from journalclip_promotion.settings import PromotionSettings
from journalclip_promotion.wiring import build_promoter
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.runs import MlflowRuns


def serve(settings: PromotionSettings, stop: threading.Event | None = None) -> int:
    """Handle events until ``stop`` is set, with the reconciler watching beside it; returns the exit code."""

    def build(store: ArtifactStore, bus: Bus) -> Handler:
        runs = MlflowRuns(settings.registry_uri)
        promoter = build_promoter(settings, store, MlflowRegistry(settings.registry_uri), runs)
        Watch(promoter, bus, settings.reconcile_s, runs).start()
        return PromotionHandler(promoter)

    return wiring.serve(settings, build, stop)


def main() -> None:
    sys.exit(serve(PromotionSettings()))


if __name__ == "__main__":
    main()
