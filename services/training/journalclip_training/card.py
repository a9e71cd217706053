"""The model card's fields as training knows them; promotion refuses a model whose required fields are empty."""

from __future__ import annotations

from collections.abc import Mapping

from journalclip_shared.records.dataset import DatasetManifest
from journalclip_training.config import TrainConfig

REQUIRED = ("intended_use", "not_for", "data", "licences", "metrics", "risks", "base_model")


def card(config: TrainConfig, base: str, dataset: DatasetManifest, metrics: Mapping[str, float]) -> dict[str, str]:
    """Plain sentences, all required fields filled from the run's own facts."""
    sizes = ", ".join(f"{part.pairs} {name} pairs of {part.articles} articles" for name, part in dataset.splits.items())
    scratch = config.model.base == "scratch"
    return {
        "intended_use": "Search and research over medical figures and their captions.",
        "not_for": "Diagnosis, triage or any other clinical decision; identifying persons.",
        "data": f"Dataset {dataset.dataset_id}: {sizes}; {dataset.leaks.total} leaks between splits.",
        "licences": ", ".join(f"{name}: {count}" for name, count in sorted(dataset.licences.items()))
        or "none recorded",
        "metrics": ", ".join(f"{name} {value:.4g}" for name, value in sorted(metrics.items())),
        "risks": "Figures of published articles over-represent rare and striking findings; captions may be wrong"
        " or about another panel; laterality and negation are learnt imperfectly."
        + (
            " Small towers from random weights: the quality is a demonstration's, not the product's." if scratch else ""
        ),
        "base_model": base,
    }


def study_card(base: str, dataset: DatasetManifest, metrics: dict[str, float]) -> dict[str, str]:
    """The model card's fields, from the run's own facts."""
    sizes = ", ".join(f"{part.pairs} {name} pairs of {part.articles} patients" for name, part in dataset.splits.items())
    return {
        "intended_use": "Research: search over head-MRI studies and their reports within one institution.",
        "not_for": "Diagnosis, triage or any other clinical decision; identifying persons.",
        "data": f"Dataset {dataset.dataset_id}: {sizes}; {dataset.leaks.total} leaks between splits.",
        "licences": "De-identified local studies; no licence to pass them on is implied.",
        "metrics": ", ".join(f"{name} {value:.4g}" for name, value in sorted(metrics.items())),
        "risks": "Reports are structured by machine; side, negation and rare findings are learnt imperfectly; scanners"
        " and protocols that the training set lacks may be misread."
        " Small towers from random weights show the path only.",
        "base_model": base,
    }
