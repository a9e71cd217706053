"""Where every delivery stands, as the catalogue has it: one final state each, the same for every kind.

States: ``submitted`` and ``extracted`` are on the way; ``structured`` and ``quarantined`` are final.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from journalclip_pipelines.kinds import every_kind, source_kind
from journalclip_shared.catalogue import Catalogue, SourceRow
from journalclip_shared.kinds import Kind


@dataclass(frozen=True)
class SourceStatus:
    """One source's state; code, reason and remedy where it is quarantined. ``kind`` None: a dataset or a training."""

    source_id: str
    name: str
    state: str
    kind: Kind | None
    items: int = 0  # articles of a delivery, or the study
    extracted: int = 0  # figures, or volumes
    pairs: int = 0
    stage: str = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, str | int | None]:
        unit = source_kind(self.kind).unit if self.kind else "figures"
        return {
            "source_id": self.source_id, "name": self.name, "state": self.state, "kind": self.kind,
            "articles": self.items, unit: self.extracted, "pairs": self.pairs, "stage": self.stage, "code": self.code,
            "reason": self.reason, "remedy": self.remedy,
        }  # fmt: skip


def source_states(catalogue: Catalogue, kind: Kind, state: str = "") -> list[SourceStatus]:
    """All submissions of one kind in order of arrival; those that were refused before they were stored come last."""
    held = catalogue.held()
    known = [_status(row, held) for row in catalogue.all_sources(kind, state)]
    return [*known, *(each for each in _refused(catalogue) if each.kind == kind)]


def quarantined(catalogue: Catalogue) -> list[SourceStatus]:
    """Everything in quarantine: sources first, then datasets, trainings and models."""
    sources = [each for of in every_kind() for each in source_states(catalogue, of.kind, "quarantined")]
    return [*sources, *(each for each in _refused(catalogue) if each.kind is None)]


def counts(states: Iterable[SourceStatus]) -> dict[str, int]:
    return dict(Counter(state.state for state in states))


def _refused(catalogue: Catalogue) -> list[SourceStatus]:
    """What is in quarantine and is no submission, nor came in one."""
    return [_status(row, {}) for row in catalogue.refused()]


def _status(row: SourceRow, held: Mapping[str, int]) -> SourceStatus:
    kind = row.kind or next((of.kind for of in every_kind() if row.source_id.startswith(of.id_prefix)), None)
    return SourceStatus(
        source_id=row.source_id,
        name=row.name,
        state=row.state,
        kind=cast(Kind | None, kind),
        items=held.get(row.source_id, 0),
        extracted=row.items,
        pairs=row.pairs,
        stage=row.stage,
        code=row.code,
        reason=row.reason,
        remedy=row.remedy,
    )
