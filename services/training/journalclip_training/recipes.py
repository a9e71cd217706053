"""The one registry of recipes. A recipe belongs to one kind, and its name is unique among all kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from journalclip_shared.kinds import Kind
from journalclip_training.articles.recipes import ARTICLE_RECIPES, ARTICLE_RECIPES_GPU
from journalclip_training.config import RunConfig, TrainConfig, with_overrides
from journalclip_training.errors import RecipeUnknown
from journalclip_training.gpus import A100, Gpu
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.recipes import STUDY_RECIPES, STUDY_RECIPES_GPU


@dataclass(frozen=True)
class Recipe:
    """A function that returns a whole configuration for datasets of one kind.

    ``gpu`` is the one that a step of it fits, as a test counts; None: it is meant for a CPU.
    """

    name: str
    kind: Kind
    make: Callable[[], RunConfig]
    gpu: Gpu | None = None


def registry(recipes: Iterable[Recipe]) -> dict[str, Recipe]:
    """Recipes by name. Raises `ValueError` where two have one name."""
    found: dict[str, Recipe] = {}
    for each in recipes:
        if each.name in found:
            raise ValueError(f"two recipes are called {each.name}")
        found[each.name] = each
    return found


def _of(kind: Kind, functions: Sequence[Callable[[], RunConfig]], gpu: Gpu | None = None) -> list[Recipe]:
    return [Recipe(function.__name__, kind, function, gpu) for function in functions]


RECIPES = registry(
    [
        *_of("articles", ARTICLE_RECIPES),
        *_of("articles", ARTICLE_RECIPES_GPU, A100),
        *_of("studies", STUDY_RECIPES),
        *_of("studies", STUDY_RECIPES_GPU, A100),
    ]
)


def recipes_of(kind: Kind, recipes: Mapping[str, Recipe] = RECIPES) -> list[str]:
    """Names of one kind's recipes."""
    return [each.name for each in recipes.values() if each.kind == kind]


def configure(name: str, overrides: Iterable[str], kind: Kind, recipes: Mapping[str, Recipe] = RECIPES) -> RunConfig:
    """The configuration of a recipe with ``key=value`` overrides. Raises `RecipeUnknown`, `SettingInvalid`."""
    found = recipes.get(name)
    if found is None or found.kind != kind:
        raise RecipeUnknown(name, kind, found.kind if found else None, tuple(recipes_of(kind, recipes)))
    return with_overrides(found.make(), overrides)


def article_config(name: str, overrides: Iterable[str] = ()) -> TrainConfig:
    """As `configure` for articles."""
    config = configure(name, overrides, "articles")
    assert isinstance(config, TrainConfig), "recipes of articles make these"
    return config


def study_config(name: str, overrides: Iterable[str] = ()) -> StudyTrainConfig:
    """As `configure` for studies."""
    config = configure(name, overrides, "studies")
    assert isinstance(config, StudyTrainConfig), "recipes of studies make these"
    return config
