"""`explain` by the catalogue: which documents to read, ids of other versions, and words of withdrawal."""

from __future__ import annotations

from sqlalchemy import Engine

from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.catalogue.finding import CatalogueFinder
from journalclip_shared.catalogue.resolve import Resolver
from journalclip_shared.ids import Json
from journalclip_shared.lineage import Lineage, Steps, UnknownId, subjects_of


def explained(store: ArtifactStore, engine: Engine, wanted: str) -> Steps:
    """The walk, also from an id of another version, with the withdrawals of all that it leads over.

    A bounded number of statements and reads: at most ten of each for a pair. Raises `UnknownId`, `TransientError`,
    `ConfigurationError`.
    """
    lineage = Lineage(store, CatalogueFinder(engine))
    try:
        steps = lineage.explain(wanted)
    except UnknownId:
        found = Resolver(engine).present(wanted)
        if not found:
            raise
        steps = {**lineage.explain(found[0].id), "id": wanted, "present_id": found[0].id}
    words: list[Json] = [*Catalogue(engine).words(subjects_of(steps))]
    return {**steps, "withdrawn": words} if words else steps
