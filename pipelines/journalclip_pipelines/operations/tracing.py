"""A source's whole way, from its drop to the models that saw it, with times, as the catalogue has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from journalclip_shared.catalogue import Catalogue
from journalclip_shared.catalogue.finding import CatalogueFinder
from journalclip_shared.catalogue.queries import Step
from journalclip_shared.catalogue.resolve import Resolver, Thing
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json

_MEMBERS = 5  # pairs of a source that are asked for: a dataset may have left out the first


@dataclass(frozen=True)
class Way:
    """What was said of a source, its parts and what was made of it, in order of time."""

    asked: str
    sources: tuple[str, ...]
    steps: tuple[Step, ...]
    more_datasets: int = 0

    def as_json(self) -> dict[str, Json]:
        rows: list[Json] = [
            {"at": step.at, "after_s": after, "thing": step.thing, "topic": step.topic, "by": step.by,
             "trace": step.trace}
            for after, step in self.timed()
        ]  # fmt: skip
        sources: list[Json] = [*self.sources]
        return {"id": self.asked, "sources": sources, "steps": rows, "more_datasets": self.more_datasets}

    def timed(self) -> Iterator[tuple[float, Step]]:
        """Each step with the seconds since the first."""
        begin = datetime.fromisoformat(self.steps[0].at)
        for step in self.steps:
            yield round((datetime.fromisoformat(step.at) - begin).total_seconds(), 3), step


def way_of(engine: Engine, asked: str) -> Way:
    """A bounded number of statements. Raises `PermanentError` ``unknown-id``, `TransientError`."""
    resolver, catalogue, finder = Resolver(engine), Catalogue(engine), CatalogueFinder(engine)
    sources = _sources(resolver, asked)
    submissions = [each for source in sources for each in resolver.submissions(source)]
    first, more = _first_datasets(catalogue, finder, sources)
    made = [model.model_id for model in finder.models(first)]
    things = list(dict.fromkeys([asked, *submissions, *sources, *first, *made]))
    steps = catalogue.steps(things)
    if not steps:
        raise PermanentError(
            "unknown-id", f"nothing was ever said of {asked}", "`journalclip where NAME` finds ids by a file's name."
        )
    return Way(asked, tuple(sources), tuple(steps), more)


def _sources(resolver: Resolver, asked: str) -> list[str]:
    """Articles or studies that ``asked`` is, is a part of, or brought."""
    found: tuple[Thing, ...] = resolver.present(asked)
    things = [thing.within or thing.id for thing in found if thing.scope not in ("patient", "collection")]
    return list(dict.fromkeys(things or [asked]))


def _first_datasets(catalogue: Catalogue, finder: CatalogueFinder, sources: list[str]) -> tuple[list[str], int]:
    """The first dataset that holds each source, and how many later ones there are."""
    found, more = list[str](), 0
    for source in sources:
        members = [source] if source.startswith("std_") else catalogue.pairs(source, _MEMBERS)
        for member in members:
            dataset, later = finder.first_dataset(member)
            if dataset:
                found.append(dataset)
                more += later
                break
    return list(dict.fromkeys(found)), more
