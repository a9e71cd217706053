"""What a picture shows: kind, modality, usefulness and marks, by regressions over a real image network's features.

The features are the 1,280 numbers of `network` and the 26 of `features`; the regressions are plain numbers in
``pictures.json`` beside this file, learned by ``journalclip figures learn``. Votes of the caption's words are added to
the logits of kind, modality and marks: `caption_votes`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict

from journalclip_extraction.quality.caption_votes import kind_votes, marks_votes, modality_votes
from journalclip_extraction.quality.features import Vector, measure
from journalclip_extraction.quality.model import Head
from journalclip_extraction.quality.network import network
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.article import PictureContent

_MEASURED_WEIGHT = 2.0  # 26 numbers beside 1,280 would count for little
_FILE = "pictures.json"
_DRAWN = ("chart", "diagram")


class PictureModel(BaseModel):
    """The learned numbers. ``mean`` and ``scale`` standardise the inputs of all four heads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    kind: Head
    modality: Head
    useful: Head
    marks: Head
    labels: int
    source: str

    @functools.cached_property
    def _standard(self) -> tuple[Vector, Vector]:
        return np.array(self.mean), np.array(self.scale)

    def read(self, inputs: Vector, caption: str, by: str, *, lettered: bool = False) -> PictureContent:
        """What a picture of these `Seen.inputs` under ``caption`` shows; ``lettered``: names of panels in it."""
        mean, scale = self._standard
        at = (inputs - mean) / scale
        kind, surety = self.kind.decide(at, kind_votes(caption, self.kind.classes))
        modality = self.modality.decide(at, modality_votes(caption, self.modality.classes))[0]
        useful, trust = self.useful.decide(at)
        marks = self.marks.decide(at, marks_votes(caption, self.marks.classes, lettered=lettered))[0]
        return PictureContent.model_validate(
            {
                "kind": kind,
                "kind_score": round(surety, 3),
                "modalities": (modality,) if kind == "radiology" else (),
                "useful": useful == "yes",
                "useful_score": round(trust, 3),
                "marks": None if kind in _DRAWN else marks == "yes",
                "by": by,
            }
        )


@dataclass(frozen=True)
class Seen:
    """What is measured of a picture once: (1280,) of the network and (26,) of `features.measure`."""

    network: Vector
    measured: Vector

    @property
    def inputs(self) -> Vector:
        """(1306,) numbers of the classifiers."""
        return np.concatenate([self.network, _MEASURED_WEIGHT * self.measured])


def see(image: Image.Image, size: tuple[int, int]) -> Seen:
    """``size`` is the picture's own, of which ``image`` may be a reduced copy."""
    return Seen(network().features(image).astype(np.float64), measure(image, size))


def look(seen: Seen, caption: str, *, lettered: bool = False) -> PictureContent:
    """What a picture shows, by the classifier that is shipped."""
    model, by = shipped()
    return model.read(seen.inputs, caption, by, lettered=lettered)


@functools.cache
def shipped() -> tuple[PictureModel, str]:
    """The model of this release, and how records name it."""
    text = resources.files("journalclip_extraction.quality").joinpath(_FILE).read_text("utf-8")
    return PictureModel.model_validate_json(text), f"pictures-{sha256_hex(text.encode())[:12]}"


def prepare() -> None:
    """Load everything that `look` reads from files: a sandboxed child can open none."""
    network()
    shipped()
