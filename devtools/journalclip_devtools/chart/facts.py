"""``files/facts.json``: values of the code that the templates need, such as the version of Ray in the image."""

from __future__ import annotations

import importlib.metadata

from pydantic import JsonValue

from journalclip_inference.settings import InferenceSettings
from journalclip_training.recipes import article_config, recipes_of, study_config


def facts() -> dict[str, JsonValue]:
    """The installed version of Ray, the base checkpoint of each recipe, and the largest uploads in bytes.

    A recipe of studies starts its text side from a pretrained encoder. ``scratch`` means random weights.
    """
    articles = {name: article_config(name).model.base for name in recipes_of("articles")}
    studies = {name: study_config(name).model.text.encoder or "scratch" for name in recipes_of("studies")}
    uploads = InferenceSettings.model_fields
    return {
        "ray": importlib.metadata.version("ray"),
        "recipes": {**articles, **studies},
        "uploads": {"body": uploads["max_body_bytes"].default, "study": uploads["max_study_bytes"].default},
    }
