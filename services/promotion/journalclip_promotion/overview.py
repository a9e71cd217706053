"""What people ask about models: which there are, what was decided about one, and what happened when."""

from __future__ import annotations

from journalclip_promotion.decision import Decision
from journalclip_promotion.errors import UnknownVersion
from journalclip_promotion.promoter import Promoter
from journalclip_shared.artifacts import ArtifactMissing
from journalclip_shared.ids import Json
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
        }
        for version in promoter.registry.versions()
    ]


def history(promoter: Promoter, version: str | None = None) -> list[Decision]:
    """The ledger, or what it says of one version."""
    return [entry for entry in promoter.ledger.all() if version in (None, entry.candidate.version)]


def explanation(promoter: Promoter, version: str) -> dict[str, Json]:
    """All that is on record about one version. Raises `UnknownVersion`."""
    found = promoter.find(version)
    if found is None:
        raise UnknownVersion(version)
    return {
        "version": version,
        "model": found.model_id,
        "run": found.run_id,
        "aliases": next(each["aliases"] for each in listing(promoter) if each["version"] == version),
        "made_from": _made_from(promoter, found),
        "decisions": [_told(entry) for entry in history(promoter, version)],
    }


def _made_from(promoter: Promoter, version: ModelVersion) -> dict[str, Json]:
    try:
        model = ModelManifest.model_validate_json(promoter.ledger.store.get(version.manifest))
    except ArtifactMissing as error:
        return {"missing": error.reason}
    return {"dataset": model.dataset_id, "recipe": model.recipe, "base": model.base, "steps": model.steps}


def _told(entry: Decision) -> dict[str, Json]:
    return {
        "sequence": entry.sequence,
        "outcome": entry.outcome,
        "who": entry.who,
        "when": entry.when,
        "why": entry.why,
        "compared_with": entry.compared_with,
        "gates": {each.gate: f"{'passed' if each.passed else 'REFUSED'}: {each.reason}" for each in entry.verdicts},
        "evaluation": entry.evaluation.uri if entry.evaluation else None,
        "baseline": entry.baseline.uri if entry.baseline else None,
    }
