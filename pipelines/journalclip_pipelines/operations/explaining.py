"""What `explain` adds to the walk over manifests: ids of other versions, and words of withdrawal."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from journalclip_shared.catalogue.resolve import Resolver
from journalclip_shared.ids import Json
from journalclip_shared.lineage import Lineage, Steps, UnknownId, subjects_of
from journalclip_shared.withdrawals import Withdrawn


def explained(lineage: Lineage, wanted: str, engine: Callable[[], Engine]) -> Steps:
    """As `Lineage.explain`; an id that no manifest has is looked up in the catalogue. Raises `UnknownId`."""
    try:
        return lineage.explain(wanted)
    except UnknownId:
        found = Resolver(engine()).present(wanted)
        if not found:
            raise
        return {**lineage.explain(found[0].id), "id": wanted, "present_id": found[0].id}


def words_on(taken: Withdrawn, steps: Steps) -> list[Json]:
    """The withdrawals of everything that a walk leads over."""
    found = [word for scope, subject in subjects_of(steps) if (word := taken.by(scope, subject)) is not None]
    return [
        {"scope": word.scope, "subject": word.subject, "reason": word.reason, "who": word.who, "time": word.time}
        for word in dict.fromkeys(found)
    ]
