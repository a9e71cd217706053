"""What a report is handed beside rankings: the gates' words, suites, and what was forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from journalclip_evaluation.classification import Classification, ClassificationChange
from journalclip_evaluation.embedding_map import Place
from journalclip_evaluation.retrieval import Retrieval


@dataclass(frozen=True)
class Check:
    """One gate's word."""

    gate: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class SuiteResults:
    """One suite: what each model scored under each protocol, and this model's paired differences from the others."""

    name: str
    title: str
    models: Mapping[str, Sequence[Classification]] = field(default_factory=dict)
    changes: Mapping[str, Sequence[ClassificationChange]] = field(default_factory=dict)
    retrieval: Mapping[str, Retrieval] = field(default_factory=dict)

    def zero_shot(self, model: str) -> Classification | None:
        return next((each for each in self.models.get(model, ()) if each.protocol == "zero-shot"), None)


@dataclass(frozen=True)
class Forgetting:
    """General accuracy and domain recall@10 by model, and training's sweep between its start and its end."""

    suite: str
    points: Mapping[str, Place]
    sweep: Sequence[tuple[str, Place]] = ()
