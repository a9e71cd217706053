"""``files/facts.json``: what the templates must know of the code, such as the version of Ray that its image holds."""

from __future__ import annotations

import importlib.metadata

from pydantic import JsonValue

from journalclip_training.recipes import article_config, recipes_of


def facts() -> dict[str, JsonValue]:
    """Ray's version as locked, and for each recipe the checkpoint that it starts from (``scratch``: none)."""
    return {
        "ray": importlib.metadata.version("ray"),
        "recipes": {name: article_config(name).model.base for name in recipes_of("articles")},
    }
