"""The promotion service: settings -> store, registry, bus -> reconciler and handler, until SIGTERM or Ctrl-C."""

from __future__ import annotations

from journalclip_promotion.handler import PromotionHandler
from journalclip_promotion.reconcile import Watch
from journalclip_promotion.settings import PromotionSettings
from journalclip_promotion.wiring import build_promoter
from journalclip_shared import wiring
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.registry import MlflowRegistry


def build(settings: PromotionSettings, store: ArtifactStore) -> PromotionHandler:
    """The handler, with the reconciler already watching beside it."""
    promoter = build_promoter(settings, store, MlflowRegistry(settings.registry_uri))
    Watch(promoter, wiring.open_bus(settings), settings.reconcile_s).start()
    return PromotionHandler(promoter)


def main() -> None:
    settings = PromotionSettings()
    wiring.main(settings, lambda store: build(settings, store))


if __name__ == "__main__":
    main()
