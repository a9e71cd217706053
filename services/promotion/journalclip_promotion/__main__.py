"""The promotion service: settings -> store, registry, bus -> handler -> consume loop, until SIGTERM or Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from journalclip_promotion.handler import PromotionHandler
from journalclip_promotion.reconcile import watching
from journalclip_promotion.settings import PromotionSettings
from journalclip_promotion.wiring import build_promoter
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler
from journalclip_shared.kinds import Kind
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.runs import MlflowRuns


def build(settings: PromotionSettings, kind: Kind) -> wiring.Build:
    """The handler, with the reconciler watching beside it."""

    @contextmanager
    def open_handler(store: ArtifactStore, bus: Bus) -> Iterator[Handler]:
        runs = MlflowRuns(settings.registry_uri)
        registry = MlflowRegistry(settings.registry_uri, settings.registered_model(kind))
        promoter = build_promoter(settings, store, registry, runs, kind)
        with watching(promoter, bus, settings.reconcile_s, runs):
            yield PromotionHandler(promoter, kind)

    return open_handler


def main() -> None:
    settings = PromotionSettings()
    wiring.main_of_kind(settings, lambda kind: build(settings, kind))


if __name__ == "__main__":
    main()
