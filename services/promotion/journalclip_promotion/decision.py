"""A decision about a candidate, or about the champion: who, when, why, by which gates, and what stands afterwards.

Every entry carries the champion and the one before it as they are *after* the decision, so the newest entry alone says
what readers must get.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.events import ModelPromoted
from journalclip_shared.kinds import OfKind
from journalclip_shared.records import Document

Outcome = Literal["promoted", "refused", "awaiting-approval", "rolled-back"]


class Verdict(Document):
    """One gate's answer. ``measured`` and ``limit`` are in the gate's own unit; ``reason`` is for a person."""

    gate: str
    passed: bool
    reason: str
    measured: float | None = None
    limit: float | None = None
    numbers: dict[str, float] = Field(
        default_factory=dict, description="Every number that the gate compared, by name.", exclude_if=lambda n: not n
    )


class Candidate(OfKind, Document):
    """A registered version, with what an event needs to say about it."""

    version: str
    model_id: str
    dataset_id: str
    manifest: ArtifactRef
    signature: str = Field(
        "", description="As the registry carried it when this was decided.", exclude_if=lambda signature: not signature
    )


class Decision(Document):
    """One entry of the ledger."""

    sequence: int = Field(ge=1)
    outcome: Outcome
    trigger: Literal["event", "person"]
    candidate: Candidate
    verdicts: tuple[Verdict, ...] = ()
    gates: str = Field(
        "", description="Digest of the gates; empty in entries of older versions.", exclude_if=lambda digest: not digest
    )
    compared_with: str = Field("", description="`champion <version>` or `its starting point`.")
    evaluation: ArtifactRef | None = None
    baseline: ArtifactRef | None = None
    report: ArtifactRef | None = Field(None, description="HTML for people, where the candidate was measured.")
    card: ArtifactRef | None = Field(None, description="The model card, Markdown.")
    who: str
    when: str = Field(description="ISO 8601, UTC.")
    why: str = ""
    champion: Candidate | None = None
    previous: Candidate | None = None

    @property
    def changed(self) -> bool:
        return self.outcome in ("promoted", "rolled-back")

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the gates that said no."""
        return tuple(verdict.gate for verdict in self.verdicts if not verdict.passed)

    def summary(self) -> str:
        """One line for people, e.g. ``refused: leaks: 3 captions stand in more than one split``."""
        reasons = [f"{verdict.gate}: {verdict.reason}" for verdict in self.verdicts if not verdict.passed]
        return ": ".join([self.outcome, "; ".join(reasons) or self.why]).removesuffix(": ")

    def fact(self) -> ModelPromoted:
        """What the world is told of a change; the same entry always gives the same fact."""
        return ModelPromoted(
            model_id=self.candidate.model_id,
            dataset_id=self.candidate.dataset_id,
            manifest=self.candidate.manifest,
            version=self.candidate.version,
            previous_version=self.previous.version if self.previous else None,
            change="rollback" if self.outcome == "rolled-back" else "promotion",
            sequence=self.sequence,
            kind=self.candidate.kind,
        )
