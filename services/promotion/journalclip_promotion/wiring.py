"""One promoter from settings: the same for the service, the local run and the ``journalclip models`` commands."""

from __future__ import annotations

from journalclip_promotion.bench import ModelBench
from journalclip_promotion.gates import Gates
from journalclip_promotion.ledger import Ledger
from journalclip_promotion.lock import FileLock
from journalclip_promotion.promoter import Promoter
from journalclip_promotion.settings import PromotionSettings
from journalclip_promotion.verify import Inspector
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.signing import read_verifier


def build_promoter(settings: PromotionSettings, store: ArtifactStore, registry: ModelRegistry) -> Promoter:
    """Raises `GatesUnusable`, `KeyUnusable`."""
    return Promoter(
        ledger=Ledger(store),
        registry=registry,
        lock=FileLock(settings.workdir / "promotion.lock"),
        inspector=Inspector(store, read_verifier(settings.verify_key.get_secret_value())),
        bench=ModelBench(store, settings.workdir / "cache" / "models", settings.device),
        gates=Gates.load(settings.gates),
    )
