"""The model card: what promotion demands, in the form that Hugging Face shows.

Fields come from the manifest that training wrote and from what was measured; nothing is invented here, and a required
field that is empty stays visibly empty, since the gate ``card`` refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from journalclip_evaluation.models import Evaluation
from journalclip_evaluation.reader_queries import ReaderQueries
from journalclip_evaluation.report.shown import Check, Forgetting
from journalclip_evaluation.retrieval import Direction, Retrieval
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest

_HEADINGS = {
    "intended_use": "Intended use",
    "not_for": "Not for",
    "data": "Training data",
    "licences": "Licences of the training data",
    "base_model": "Starting point",
    "risks": "Risks and limits",
}
_EMPTY = "*(empty: promotion refuses this model)*"
_FEW = 20  # queries below this say little about a modality, and the card says so


def model_card(
    model: ModelManifest,
    evaluation: Evaluation,
    dataset: DatasetManifest,
    checks: Sequence[Check] = (),
    forgetting: Forgetting | None = None,
    name: str = "journalclip",
) -> str:
    """Markdown with a YAML head."""
    parts = [f"# {name}: {model.model_id}", "**Research use only; not for diagnosis.**"]
    parts += [f"## {heading}\n\n{model.card.get(field, '').strip() or _EMPTY}" for field, heading in _HEADINGS.items()]
    parts += [
        "## Retrieval on the test split",
        "Strict: only the pair's own counterpart is right.\n\n" + _table({"all": evaluation.strict}),
        "Duplicates of picture or wording count as right:\n\n" + _table({"all": evaluation.multi}),
        "## By modality (subgroups)\n\n" + _table(evaluation.by_modality) + _too_few(evaluation.by_modality),
    ]
    if evaluation.queries is not None:
        parts.append("## A reader's queries\n\n" + _queries(evaluation.queries))
    if forgetting is not None:
        parts.append("## What was forgotten\n\n" + _general(forgetting))
    parts.append("## Training\n\n" + (model.card.get("metrics", "").strip() or _EMPTY))
    parts.append(f"Recipe `{model.recipe}`, {model.steps} steps, dataset `{model.dataset_id}`, run `{model.run_id}`.")
    if checks:
        parts.append("## Gates\n\n" + _gates(checks))
    head = yaml.safe_dump(_metadata(model, evaluation, dataset), sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n" + "\n\n".join(parts) + "\n"


def _metadata(model: ModelManifest, evaluation: Evaluation, dataset: DatasetManifest) -> dict[str, object]:
    """The head that Hugging Face reads: https://huggingface.co/docs/hub/model-cards."""
    metrics = [
        {"type": f"recall_at_{k}", "name": f"{side} R@{k}", "value": round(getattr(direction, f"r{k}"), 4)}
        for side, direction in (
            ("image-to-text", evaluation.strict.image_to_text),
            ("text-to-image", evaluation.strict.text_to_image),
        )
        for k in (1, 5, 10)
    ]
    result = {
        "task": {"type": "image-text-retrieval", "name": "Image-text retrieval"},
        "dataset": {"type": evaluation.dataset_id, "name": evaluation.dataset_id, "split": evaluation.split},
        "metrics": metrics,
    }
    base = {} if model.base.startswith("scratch") else {"base_model": model.base}
    return {
        "library_name": "transformers",
        "pipeline_tag": "zero-shot-image-classification",
        "language": "en",
        "license": "other",
        "license_name": "see-licences-of-the-training-data",
        "tags": ["clip", "medical", "not-for-diagnosis", *sorted(f"modality:{name}" for name in dataset.modalities)],
        **base,
        "model-index": [{"name": model.model_id, "results": [result]}],
    }


def _table(groups: Mapping[str, Retrieval]) -> str:
    head = "| | queries | pool | R@1 | R@5 | R@10 (95 %) | chance R@10 | median rank | MRR |\n" + "|---" * 9 + "|\n"
    rows = [
        _row(f"{name}, {side}", direction)
        for name, found in groups.items()
        for side, direction in (("image to text", found.image_to_text), ("text to image", found.text_to_image))
    ]
    return head + "\n".join(rows)


def _row(name: str, found: Direction) -> str:
    r10 = f"{found.r10:.3f} ({found.r10_ci[0]:.3f} to {found.r10_ci[1]:.3f})"
    cells = (found.queries, found.pool, f"{found.r1:.3f}", f"{found.r5:.3f}", r10, f"{found.chance10:.3f}")
    return f"| {name} | " + " | ".join(map(str, cells)) + f" | {found.median_rank:g} | {found.mrr:.3f} |"


def _queries(found: ReaderQueries) -> str:
    """P@10 and its like, by type, with intervals over queries."""
    said = "Made from the records of the test split, which also say what is right; answered by vectors alone.\n\n"
    head = "| type | queries | P@10 (95 %) | nDCG@10 (95 %) | MRR (95 %) |\n" + "|---" * 5 + "|\n"
    rows = [
        f"| {each.type} | {each.queries} | {_with(each.precision, each.precision_ci)} | "
        f"{_with(each.ndcg, each.ndcg_ci)} | {_with(each.reciprocal_rank, each.reciprocal_rank_ci)} |"
        for each in found.types
    ]
    return said + head + "\n".join(rows)


def _with(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _too_few(groups: Mapping[str, Retrieval]) -> str:
    few = [name for name, found in groups.items() if found.image_to_text.queries < _FEW]
    return f"\n\nFewer than {_FEW} queries, so nothing is known about: {', '.join(few)}." if few else ""


def _general(found: Forgetting) -> str:
    rows = "\n".join(f"| {name} | {at[0]:.3f} | {at[1]:.3f} |" for name, at in found.points.items())
    return f"| | accuracy on {found.suite}, zero-shot | recall@10 on the domain |\n|---|---|---|\n{rows}"


def _gates(checks: Sequence[Check]) -> str:
    rows = "\n".join(
        f"| {each.gate} | {'passed' if each.passed else '**refused**'} | {each.reason.replace('|', '/')} |"
        for each in checks
    )
    return f"| gate | | what it found |\n|---|---|---|\n{rows}"
