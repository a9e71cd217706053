"""One promoter from settings: the same for the service, the local run and the ``journalclip models`` commands."""

from __future__ import annotations

from journalclip_promotion.documents import DocumentWriter
from journalclip_promotion.evaluator import ModelBench
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
from journalclip_shared.failpoints import hit
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.runs import NoRuns, Runs
from journalclip_shared.signing import load_verifier


def build_promoter(
    settings: PromotionSettings,
    store: ArtifactStore,
    registry: ModelRegistry,
    runs: Runs = NoRuns(),  # noqa: B008 - it has no state
    kind: Kind = "figures",
) -> Promoter:
    """``runs`` is where training curves are read. Raises `GatesUnusable`, `KeyUnusable`.

    Models of studies have a ledger, a lock and a registered model (``registry``) of their own.
    """
    cache = settings.workdir / "cache" / "models"
    figures = kind == "figures"
    return Promoter(
        ledger=Ledger(store, "" if figures else f"{kind}/"),
        registry=registry,
        lock=_lock(settings, "" if figures else f"-{kind}"),
        inspector=Inspector(store, load_verifier(settings.verify_key_file, settings.own_keys)),
        bench=ModelBench(store, cache, settings.device, settings.suites) if figures else StudyBench(store, cache),
        writer=DocumentWriter(store, runs),
        gates=Gates.load(settings.gates),
        step=lambda name: hit(f"promotion.{name}"),
    )


def _lock(settings: PromotionSettings, of: str) -> Lock:
    if settings.lock == "registry" or (settings.lock == "auto" and settings.mlflow_uri):
        return RegistryLease.connect(settings.registry_uri)
    return FileLock(settings.workdir / f"promotion{of}.lock")
