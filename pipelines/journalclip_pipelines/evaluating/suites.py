"""Suites over all models of an evaluation, with this model's paired differences from the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from journalclip_evaluation.classification import ClassificationChange, Classified, compare_classified
from journalclip_evaluation.report.shown import SuiteResults
from journalclip_evaluation.retrieval import summarise
from journalclip_evaluation.run_suite import classify, retrieve
from journalclip_evaluation.suites import Protocol, Suite
from journalclip_modeling.encoder import Encoder

Load = Callable[[str], Encoder]


def run_suite(suite: Suite, root: Path, models: list[str], load: Load, say: Callable[[str], None]) -> SuiteResults:
    """``models`` end with the one that is asked about. Raises `SuiteUnusable`, `NothingToEvaluate`."""
    if suite.kind == "retrieval":
        found = {}
        for name in models:
            say(f"{suite.name}: {name}")
            found[name] = summarise(retrieve(load(name), suite, root))
        return SuiteResults(suite.name, suite.title, retrieval=found)
    classified = {name: classify(load(name), suite, root, say=_saying(say, name)) for name in models}
    return SuiteResults(
        suite.name,
        suite.title,
        models={name: [each.figures for each in found.values()] for name, found in classified.items()},
        changes=_changes(classified),
    )


def _changes(classified: Mapping[str, Mapping[Protocol, Classified]]) -> dict[str, list[ClassificationChange]]:
    *others, this = classified
    return {
        name: [compare_classified(before, classified[this][protocol]) for protocol, before in classified[name].items()]
        for name in others
    }


def _saying(say: Callable[[str], None], name: str) -> Callable[[str], None]:
    return lambda what: say(f"{what}: {name}")
