"""What evaluation refuses, each with a stable code.

PermanentError
├── EmbeddingsUnusable    embeddings-unusable    vectors of other shapes, or not finite
├── NothingToEvaluate     nothing-to-evaluate    an empty split, or labels of one class only
└── SuiteUnusable         suite-unusable         a suite's YAML or its data is missing or malformed
"""

from __future__ import annotations

from journalclip_shared.errors import PermanentError


class EmbeddingsUnusable(PermanentError):
    """Vectors that no ranking can be made of."""

    def __init__(self, reason: str) -> None:
        super().__init__("embeddings-unusable", reason, "Check the model: training may have diverged.")


class NothingToEvaluate(PermanentError):
    """There is no query, or no contrast, to measure."""

    def __init__(self, reason: str) -> None:
        super().__init__("nothing-to-evaluate", reason, "Freeze a dataset with more articles, or choose another split.")


class SuiteUnusable(PermanentError):
    """The suite's definition or its data is missing or malformed."""

    def __init__(self, suite: str, reason: str) -> None:
        super().__init__(
            "suite-unusable", f"{suite}: {reason}", "`journalclip suites` lists suites, layouts and where data goes."
        )
