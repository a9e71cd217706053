"""``make recipes``: what one step of every GPU recipe needs, counted at full depth and written to one table.

Counting takes minutes, so a test does not repeat it: it asks that the table holds the recipe as it is now, by digest,
and that what was counted fits the GPU that the recipe names.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import cast

from journalclip_shared.kinds import Kind
from journalclip_training.config import OptimConfig, with_overrides
from journalclip_training.footprint import footprint
from journalclip_training.gpus import Gpu
from journalclip_training.recipes import RECIPES, Recipe

TABLE = Path("docs/benchmarks/recipes.json")
PUBLISHED: dict[Kind, int] = {"articles": 24_021, "studies": 10_825}  # CNS-CLIP's pairs, SeLIP's examinations
# Texts' similarities are made on the host, whoever encodes them: hashed words stand in for a sentence encoder.
_QUICK = ("loss.semantic=hashing",)


def gpu_recipes() -> list[tuple[Recipe, Gpu]]:
    """Recipes that name a GPU."""
    return [(recipe, recipe.gpu) for recipe in RECIPES.values() if recipe.gpu is not None]


def row(recipe: Recipe, gpu: Gpu) -> dict[str, object]:
    """One line of the table."""
    config = recipe.make()
    found = footprint(with_overrides(config, _QUICK))
    return {
        "digest": config.digest, "gpu": gpu.name, "batch": found.batch, "micro_batch": found.micro,
        "parameters": found.parameters, "trainable": found.trainable, "peak_bytes": found.peak_bytes,
        "operations": found.operations, "seconds_a_step_estimated": round(found.seconds(gpu), 3),
        "fits": found.fits(gpu),
    }  # fmt: skip


def expected(recipe: Recipe, seconds_a_step: float) -> dict[str, object]:
    """Steps and hours of a whole training at the published number of pairs or examinations, estimated."""
    optim = cast(OptimConfig, recipe.make().optim)  # type: ignore[attr-defined]  # every kind's
    steps = optim.steps or round(optim.epochs * (PUBLISHED[recipe.kind] // optim.batch))
    return {"steps_published": steps, "hours_estimated": round(steps * seconds_a_step / 3600, 2)}


def main(names: list[str]) -> int:
    """Count ``names`` (none: every recipe whose line is not of its present digest); 1 where one does not fit."""
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    for recipe, gpu in gpu_recipes():
        known = table.get(recipe.name, {}).get("digest") == recipe.make().digest
        if recipe.name in names or (not names and not known):
            table[recipe.name] = row(recipe, gpu)
        if recipe.name in table:
            table[recipe.name] |= expected(recipe, table[recipe.name]["seconds_a_step_estimated"])
            TABLE.write_text(json.dumps(table, indent=1) + "\n")
            print(recipe.name, table[recipe.name], flush=True)
    return int(not all(each["fits"] for each in table.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
