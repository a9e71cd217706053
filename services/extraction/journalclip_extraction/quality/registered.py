"""The quality model in the registry, under a name of its own and with the aliases of any other model.

A version's manifest is the model's JSON itself, written once under its digest; whoever takes it compares digests. The
``champion`` is what a deployment with ``JOURNALCLIP_QUALITY_MODEL=champion`` judges with.
"""

from __future__ import annotations

from collections.abc import Mapping

from journalclip_extraction.quality.model import parse, version
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import make_id
from journalclip_shared.registry import Alias, ModelRegistry, ModelVersion

REGISTERED = "journalclip-quality"
TASKS = ("usefulness", "modality")


def register(store: ArtifactStore, registry: ModelRegistry, text: str, tags: Mapping[str, str]) -> ModelVersion:
    """Store and register a model as the candidate; the same model keeps its version."""
    ref = store.put_manifest("models", f"quality/{version(text)}", text.encode())
    registered = registry.register(make_id("mdl", ref.sha256), ref, "", tags)
    registry.set_alias("candidate", registered.version)
    return registered


def promote(registry: ModelRegistry, number: str, anyway: bool = False) -> str:
    """Make a version the champion if it beats the rules at both tasks; returns why it did not, or nothing.

    Raises `PermanentError` ``quality-model-missing`` where there is no such version.
    """
    found = next((each for each in registry.versions() if each.version == number), None)
    if found is None:
        raise _missing(f"version {number}")
    refused = [task for task in TASKS if _share(found, "accuracy", task) < _share(found, "rules", task)]
    if refused and not anyway:
        return f"the rules are better at {' and '.join(refused)}"
    champion = registry.by_alias("champion")
    if champion is not None and champion.version != number:
        registry.set_alias("previous", champion.version)
    registry.set_alias("champion", number)
    return ""


def load(store: ArtifactStore, registry: ModelRegistry, alias: Alias) -> str:
    """The model's JSON. Raises `PermanentError` ``quality-model-missing`` or ``quality-model-invalid``."""
    found = registry.by_alias(alias)
    if found is None:
        raise _missing(f"alias {alias}")
    text = store.get(found.manifest).decode()
    parse(text)
    return text


def _share(found: ModelVersion, what: str, task: str) -> float:
    return float(found.tags.get(f"{what}.{task}", "0"))


def _missing(what: str) -> PermanentError:
    return PermanentError(
        "quality-model-missing",
        f"the registry has no {REGISTERED} of {what}",
        "Train one: journalclip quality train ... --workdir; then journalclip quality promote VERSION.",
    )
