"""What people ask about models: which there are, what was decided about one, and what happened when."""

from __future__ import annotations

from pydantic import Field

from journalclip_promotion.decision import Decision
from journalclip_promotion.errors import NoDocuments, UnknownVersion
from journalclip_promotion.promoter import Promoter
from journalclip_promotion.withdrawn import withdrawn_in
from journalclip_shared.artifacts import ArtifactMissing
from journalclip_shared.ids import Json
from journalclip_shared.records import Document
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import Alias, ModelVersion

_ALIASES: tuple[Alias, ...] = ("champion", "previous", "candidate")


def listing(promoter: Promoter) -> list[dict[str, Json]]:
    """Every version, oldest first, with its aliases and the last word about it."""
    said = {entry.candidate.version: entry for entry in promoter.ledger.all()}
    held = {alias: promoter.registry.by_alias(alias) for alias in _ALIASES}
    return [
        {
            "version": version.version,
            "model": version.model_id,
            "aliases": [alias for alias, holder in held.items() if holder and holder.version == version.version],
            "decision": said[version.version].summary() if version.version in said else "none yet",
            "when": said[version.version].when if version.version in said else None,
            "who": said[version.version].who if version.version in said else None,
        }
        for version in promoter.registry.versions()
    ]


def history(promoter: Promoter, version: str | None = None) -> list[Decision]:
    """The ledger, or what it says of one version."""
    return [entry for entry in promoter.ledger.all() if version in (None, entry.candidate.version)]


def documents(promoter: Promoter, version: str) -> dict[str, bytes]:
    """Report and card of the newest decision that has them, by file name. Raises `NoDocuments`."""
    for entry in promoter.ledger.backwards():
        if entry.candidate.version == version and entry.report is not None and entry.card is not None:
            return {
                f"report-{version}.html": promoter.ledger.store.get(entry.report),
                f"model-card-{version}.md": promoter.ledger.store.get(entry.card),
            }
    raise NoDocuments(version)


class Explained(Document):
    """All that is on record about one version."""

    version: str
    model: str
    run: str
    aliases: tuple[str, ...]
    made_from: dict[str, str]
    decisions: tuple[Decision, ...]
    withdrawn: dict[str, int] = Field(
        default_factory=dict, description="Pairs of its dataset that were withdrawn, by the withdrawal."
    )


def explanation(promoter: Promoter, version: str) -> Explained:
    """Raises `UnknownVersion`."""
    found = promoter.find(version)
    if found is None:
        raise UnknownVersion(version)
    holders = {alias: promoter.registry.by_alias(alias) for alias in _ALIASES}
    return Explained(
        version=version,
        model=found.model_id,
        run=found.run_id,
        aliases=tuple(alias for alias, holder in holders.items() if holder and holder.version == version),
        made_from=_made_from(promoter, found),
        decisions=tuple(history(promoter, version)),
        withdrawn=_withdrawn(promoter, found),
    )


def _withdrawn(promoter: Promoter, version: ModelVersion) -> dict[str, int]:
    store = promoter.ledger.store
    try:
        model = ModelManifest.model_validate_json(store.get(version.manifest))
        return withdrawn_in(store, DatasetManifest.model_validate_json(store.get(model.dataset)))
    except ArtifactMissing:
        return {}  # `_made_from` says what is missing


def _made_from(promoter: Promoter, version: ModelVersion) -> dict[str, str]:
    try:
        model = ModelManifest.model_validate_json(promoter.ledger.store.get(version.manifest))
    except ArtifactMissing as error:
        return {"missing": error.reason}
    return {"dataset": model.dataset_id, "recipe": model.recipe, "base": model.base, "steps": str(model.steps)}
