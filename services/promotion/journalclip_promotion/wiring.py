"""One promoter from settings: the same for the service, the local run and the ``journalclip models`` commands."""

from __future__ import annotations

from journalclip_promotion.bench import ModelBench
from journalclip_promotion.gates import Gates
from journalclip_promotion.lease import RegistryLease
from journalclip_promotion.ledger import Ledger
from journalclip_promotion.lock import FileLock, Lock
from journalclip_promotion.promoter import Promoter
from journalclip_promotion.settings import PromotionSettings
from journalclip_promotion.studies import StudyBench
from journalclip_promotion.verify import Inspector
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.events import Kind
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.signing import Verifier, read_verifier


def build_promoter(
    settings: PromotionSettings, store: ArtifactStore, registry: ModelRegistry, kind: Kind = "figures"
) -> Promoter:
    """Models of studies have a ledger, a lock and a registered model (``registry``) of their own.

    Raises `GatesUnusable`, `KeyUnusable`.
    """
    cache = settings.workdir / "cache" / "models"
    figures = kind == "figures"
    return Promoter(
        ledger=Ledger(store, "" if figures else f"{kind}/"),
        registry=registry,
        lock=_lock(settings, "" if figures else f"-{kind}"),
        inspector=Inspector(store, _verifier(settings)),
        bench=ModelBench(store, cache, settings.device, settings.suites) if figures else StudyBench(store, cache),
        gates=Gates.load(settings.gates),
    )


def _lock(settings: PromotionSettings, of: str) -> Lock:
    if settings.lock == "registry":
        return RegistryLease.connect(settings.registry_uri)
    return FileLock(settings.workdir / f"promotion{of}.lock")


def _verifier(settings: PromotionSettings) -> Verifier | None:
    if settings.verify_key_file is None:
        return None
    return read_verifier(settings.verify_key_file.read_text().strip())
