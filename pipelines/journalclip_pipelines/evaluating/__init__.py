"""What ``journalclip evaluate`` and ``journalclip models compare`` do: find models, measure them, say what came out.

A model is named by version, alias, id, or the path of a CLIP folder; a registered one is measured as promotion measures
it, and its start and the champion stand beside it on the same pairs.
"""

from journalclip_pipelines.evaluating.answers import as_json, compare_models
from journalclip_pipelines.evaluating.find import UnknownDataset, UnknownModel, find_installation, find_version
from journalclip_pipelines.evaluating.work import Evaluating, Options

__all__ = [
    "Evaluating",
    "Options",
    "UnknownDataset",
    "UnknownModel",
    "as_json",
    "compare_models",
    "find_installation",
    "find_version",
]
