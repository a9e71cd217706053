"""Rules in place of a model, for the texts that it could not do: never silently, and never under the model's name.

The pair of them is a structurer of its own, with a name of its own; each record says who wrote it (``by``) and carries
the flag ``fallback``. What the world caused (a key, an outage) is not stood in for: nothing is written then.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter

from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.structurer import (
    Failure,
    SplitRequest,
    Splitter,
    Structurer,
    StructureRequest,
    StructureResult,
)


class WithRules:
    """`Structurer`: another one, and the rules where it fails for good."""

    def __init__(self, first: Structurer) -> None:
        self._first, self._rules = first, RuleStructurer()
        self.name = f"{first.name}+{self._rules.name}"
        self.stand_ins = Counter(
            "journalclip_structuring_fallbacks", "Texts that the rules did for a model.", ["code"], registry=None
        )
        self.metrics = (self.stand_ins,)

    @property
    def version(self) -> str:
        return f"{self._first.version}+{self._rules.version}"

    def structure(self, texts: Sequence[StructureRequest]) -> list[StructureResult]:
        results = self._first.structure(texts)
        return [self._kept(request, result) for request, result in zip(texts, results, strict=True)]

    def split(self, captions: Sequence[SplitRequest]) -> list[dict[str, str] | Failure]:
        """As the first one does; the rules divide no caption."""
        if isinstance(self._first, Splitter):
            return self._first.split(captions)
        return [Failure("panel-without-text", "this structurer divides no caption") for _ in captions]

    def _kept(self, request: StructureRequest, result: StructureResult) -> StructureResult:
        failure = result.failure
        if failure is None or failure.retryable:
            return result
        stand_in = self._rules.structure([request])[0]
        if stand_in.record is None:
            return stand_in
        self.stand_ins.labels(failure.code).inc()
        flags = (*stand_in.record.flags, "fallback")
        return StructureResult(request.request_id, stand_in.record.model_copy(update={"flags": flags}))
