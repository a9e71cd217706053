"""``files/facts.json``: what the templates must know of the code, such as the version of Ray that its image holds."""

from __future__ import annotations

import importlib.metadata

from pydantic import JsonValue

from journalclip_inference.settings import InferenceSettings
from journalclip_training.recipes import article_config, recipes_of, study_config


def facts() -> dict[str, JsonValue]:
    """Ray's version as locked, each recipe's checkpoint to start from, and the largest uploads in bytes.

    A recipe of studies starts its text side from an encoder, or like one of articles from nothing (``scratch``).
    """
    articles = {name: article_config(name).model.base for name in recipes_of("articles")}
    studies = {name: study_config(name).model.text.encoder or "scratch" for name in recipes_of("studies")}
    uploads = InferenceSettings.model_fields
    return {
        "ray": importlib.metadata.version("ray"),
        "recipes": {**articles, **studies},
        "uploads": {"body": uploads["max_body_bytes"].default, "study": uploads["max_study_bytes"].default},
    }
