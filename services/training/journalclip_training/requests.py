"""Asking for trainings. A frozen dataset is a fact; that somebody wants a model of it is another.

A training is a dataset, a recipe and its overrides. It is done once, whoever asks. Where it failed, asking again is a
new attempt; where it is under way or done, asking again changes nothing.

The launcher's image has neither torch nor the recipes, so a recipe's name is not checked here: `recipes.configure`
does that for commands and the training service, before any work starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from journalclip_shared.bus import Bus
from journalclip_shared.events import DatasetFrozen, SourceQuarantined, TrainingRequested
from journalclip_shared.history import facts_of
from journalclip_shared.kinds import Kind

# What each kind's paper trains: answers new datasets where an installation names no recipe.
DEFAULT_RECIPE: dict[Kind, str] = {"articles": "cns_clip_vit_b32", "studies": "selip_resnet50_studies"}

OFF = "off"


@dataclass(frozen=True)
class DefaultTraining:
    """What an installation asks for when a dataset is frozen. ``recipe`` ``off``: nothing."""

    kind: Kind
    recipe: str
    overrides: tuple[str, ...] = ()
    asked_by: str = "default recipe"

    @classmethod
    def of(cls, kind: Kind, recipe: str, overrides: Iterable[str]) -> DefaultTraining:
        """An empty ``recipe`` is the kind's own."""
        return cls(kind, recipe or DEFAULT_RECIPE[kind], tuple(overrides))

    @property
    def off(self) -> bool:
        return self.recipe == OFF

    def answer(self, frozen: DatasetFrozen) -> list[TrainingRequested]:
        """The request for a new dataset of this kind."""
        if self.off or frozen.kind != self.kind:
            return []
        return [request(frozen, self.recipe, self.overrides, self.asked_by)]


def request(
    frozen: DatasetFrozen, recipe: str, overrides: Iterable[str], asked_by: str, attempt: int = 1
) -> TrainingRequested:
    return TrainingRequested(
        dataset_id=frozen.dataset_id,
        manifest=frozen.manifest,
        recipe=recipe,
        overrides=tuple(overrides),
        asked_by=asked_by,
        attempt=attempt,
        kind=frozen.kind,
    )


def ask(bus: Bus, frozen: DatasetFrozen, recipe: str, overrides: Iterable[str], asked_by: str) -> TrainingRequested:
    """The request to publish, or the one that stands already.

    The last request for this training stands until it failed; then a new one counts one attempt more.
    """
    wanted = request(frozen, recipe, overrides, asked_by)
    asked = [fact for fact in facts_of(bus, TrainingRequested) if fact.training == wanted.training]
    if not asked:
        return wanted
    last = max(asked, key=lambda fact: fact.attempt)
    failed = {fact.source_id for fact in facts_of(bus, SourceQuarantined)}
    if last.request_id in failed:
        return wanted.model_copy(update={"attempt": last.attempt + 1})
    return last
