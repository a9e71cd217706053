"""One promoter from settings: the same for the service, the local run and the ``journalclip models`` commands."""

from __future__ import annotations

from journalclip_modeling.machine import resolved
from journalclip_promotion.documents import DocumentWriter
from journalclip_promotion.evaluator import ModelBench
from journalclip_promotion.gates import Gates
from journalclip_promotion.lease import RegistryLease
from journalclip_promotion.ledger import Ledger
from journalclip_promotion.lock import FileLock, Lock
from journalclip_promotion.promoter import Promoter
from journalclip_promotion.settings import PromotionSettings
from journalclip_promotion.studies import StudyBench
from journalclip_promotion.verify import Inspector, recount_pairs, recount_studies
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.failpoints import hit
from journalclip_shared.kinds import Kind
from journalclip_shared.names import ledger, promotion_lock
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.runs import Runs
from journalclip_shared.signing import load_verifier
from journalclip_shared.withdrawals import collection_key


def build_promoter(
    settings: PromotionSettings, store: ArtifactStore, registry: ModelRegistry, runs: Runs, kind: Kind
) -> Promoter:
    """``runs`` is where training curves are read. Raises `GatesUnusable`, `KeyUnusable`.

    Each kind has a ledger, a lock and a registered model (``registry``) of its own.
    """
    cache = settings.workdir / "cache" / "models"
    bench = {"articles": ModelBench, "studies": StudyBench}[kind]
    recounter = {"articles": recount_pairs, "studies": recount_studies}[kind]
    verifier = load_verifier(settings.verify_key_file, settings.own_keys)
    return Promoter(
        ledger=Ledger(store, ledger(kind)),
        registry=registry,
        lock=_lock(settings, kind),
        inspector=Inspector(store, recounter, verifier, frozenset(map(collection_key, settings.licensed_collections))),
        bench=bench(store, cache, resolved(settings.device), settings.suites),
        writer=DocumentWriter(store, runs),
        gates=Gates.load(settings.gates, kind),
        step=lambda name: hit(f"promotion.{name}"),
    )


def _lock(settings: PromotionSettings, kind: Kind) -> Lock:
    if settings.lock == "registry" or (settings.lock == "auto" and settings.mlflow_uri):
        return RegistryLease.connect(settings.registry_uri)
    return FileLock(settings.workdir / promotion_lock(kind))
