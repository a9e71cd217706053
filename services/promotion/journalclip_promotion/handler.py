"""`models.trained` in, `models.promoted` out, or a recorded refusal.

A refusal is a decision and not a failure: nothing goes to the dead letters, the ledger names the gate. The same event
again gives the same answer without measuring anything. Its own `models.promoted` coming back is how the service
learns that the event really stands on the bus; what was never seen there is announced again by the reconciler.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from journalclip_promotion.decision import Candidate
from journalclip_promotion.filing import file_documents
from journalclip_promotion.promoter import Promoter, Request
from journalclip_shared import names
from journalclip_shared.events import Event, Fact, ModelPromoted, ModelTrained
from journalclip_shared.kinds import Kind
from journalclip_shared.runs import NullRuns, Runs


@dataclass
class PromotionHandler:
    """Asks the promoter; knows nothing of gates. With ``runs``, documents are attached at once, as a local run wants
    it; without, that is left to the reconciler, since a tracker that is away can take minutes to say so."""

    promoter: Promoter
    kind: Kind
    runs: Runs = NullRuns()  # noqa: RUF009 - it has no state
    consumes: tuple[type[Fact], ...] = (ModelTrained, ModelPromoted)

    def __post_init__(self) -> None:
        self.group = names.group("promotion", self.kind)

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `TransientError` where the registry, the store or the lock cannot be had."""
        fact = event.fact
        if isinstance(fact, ModelTrained | ModelPromoted) and fact.kind != self.kind:
            return []
        if isinstance(fact, ModelTrained):
            return self._decide(fact)
        if isinstance(fact, ModelPromoted):
            self._note(fact)
        return []

    def _decide(self, fact: ModelTrained) -> Iterator[Fact]:
        candidate = Candidate(
            version=fact.version,
            model_id=fact.model_id,
            dataset_id=fact.dataset_id,
            manifest=fact.manifest,
            kind=fact.kind,
        )
        decision = self.promoter.decide(Request(candidate, who=self.group, why="the candidate's event"))
        file_documents(self.promoter, self.runs)
        if decision.changed:
            yield decision.fact()

    def _note(self, fact: ModelPromoted) -> None:
        entry = self.promoter.ledger.get(fact.sequence)
        if entry is not None and entry.changed and entry.fact() == fact:
            self.promoter.ledger.set_announced(fact.sequence)
