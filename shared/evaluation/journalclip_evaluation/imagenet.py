"""ImageNet's classes by WordNet id: the words that CLIP models are prompted with, and the templates.

The ids in their order are timm's. open_clip, where it is installed, brings the curated names and templates of the CLIP
papers; elsewhere WordNet's own first lemma stands in, which some models score lower with. `Wording.source` says which.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from importlib import resources

_TEMPLATES = ("a photo of a {}.", "a bad photo of a {}.", "a photo of the large {}.", "a photo of the small {}.")


@dataclass(frozen=True)
class Wording:
    """``names`` by WordNet id (``n01440764``); ``templates`` each with one place ``{}``."""

    names: dict[str, str]
    templates: tuple[str, ...]
    source: str


@cache
def imagenet() -> Wording:
    """Of the 1,000 classes of the 2012 challenge."""
    info = resources.files("timm") / "data" / "_info"
    ids = (info / "imagenet_synsets.txt").read_text().split()
    if importlib.util.find_spec("open_clip") is None:
        lines = [line.split("\t") for line in (info / "imagenet_synset_to_lemma.txt").read_text().splitlines() if line]
        lemmas = {key: words.split(",")[0].strip() for key, words in lines}
        return Wording({each: lemmas[each] for each in ids}, _TEMPLATES, "WordNet's first lemmas")
    from open_clip import zero_shot_metadata as known  # imports torch and more, and only this needs it

    templates = tuple(str(each("{}")) for each in known.SIMPLE_IMAGENET_TEMPLATES)
    return Wording(dict(zip(ids, known.IMAGENET_CLASSNAMES, strict=True)), templates, "open_clip's names and templates")
