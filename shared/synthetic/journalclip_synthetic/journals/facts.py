"""What a synthetic picture shows: facts drawn first, from which image and caption both follow.

Everything in `CaseFacts` is visible in the picture, so a caption that states the facts can be learnt from pixels; what
a plane hides (the side of a lesion, in a sagittal cut) is None and no caption mentions it. Left is the patient's left:
on axial and coronal cuts it lies on the right of the image, as radiologists display them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from journalclip_shared.records.article import Modality

Plane = Literal["axial", "coronal", "sagittal"]
Side = Literal["left", "right", "bilateral"]
Stage = Literal["preoperative", "postoperative"]
Sequence = Literal["T1", "T1C", "T2", "FLAIR", "DWI"]
T = TypeVar("T")

HEAD_LESIONS = (
    "subdural", "epidural", "haemorrhage", "glioma", "meningioma", "metastases", "abscess", "infarct",
    "hydrocephalus", "cyst", "normal",
)  # fmt: skip
VESSEL_LESIONS = ("aneurysm", "malformation", "occlusion", "normal")
SPINE_LESIONS = ("compression fracture", "spondylolisthesis", "fixation", "normal")
TISSUE_PATTERNS = ("whorls", "necrosis", "rosettes", "sheets", "fibres")
SITES = ("frontal", "parietal", "temporal", "occipital")
WITHOUT_SIDE = ("hydrocephalus", "normal", "metastases")
SURGICAL = ("subdural", "epidural", "haemorrhage", "glioma", "meningioma", "abscess")
# Acute blood is a matter of CT, diffusion of infarcts and abscesses: a picture nobody would print is not drawn.
SEQUENCES: dict[str, tuple[Sequence, ...]] = {
    "subdural": ("T1", "T2", "FLAIR"),
    "epidural": ("T1", "T2"),
    "haemorrhage": ("T1", "T2", "FLAIR"),
    "infarct": ("DWI", "FLAIR", "T2", "DWI"),
    "abscess": ("T1C", "DWI", "T2"),
    "glioma": ("T1C", "T2", "FLAIR", "T1"),
    "meningioma": ("T1C", "T2", "T1C"),
    "metastases": ("T1C", "FLAIR", "T1C"),
}


@dataclass(frozen=True)
class CaseFacts:
    """One picture's content. ``site`` is a lobe, a vessel, a vertebra or, in tissue, a stain."""

    modality: Modality
    lesion: str
    plane: Plane | None = None
    sequence: Sequence | None = None
    side: Side | None = None
    site: str | None = None
    size_mm: int | None = None
    stage: Stage | None = None
    shift: bool = False  # of the midline, away from the lesion
    oedema: bool = False
    arrow: bool = False
    magnification: int | None = None


def pick(rng: np.random.Generator, options: tuple[T, ...]) -> T:
    """One of ``options``, each as likely."""
    return options[int(rng.integers(len(options)))]


def draw_facts(rng: np.random.Generator) -> CaseFacts:
    """One picture of a random patient."""
    return another_view(draw_patient(rng), rng)


def draw_patient(rng: np.random.Generator) -> CaseFacts:
    """What a patient has, from which `another_view` takes pictures.

    In the proportions of a neurosurgical journal: mostly MRI and CT of the head.
    """
    kind = rng.choice(["head", "vessels", "spine", "tissue"], p=[0.68, 0.12, 0.08, 0.12])
    if kind == "head":
        return _head(rng)
    return _vessels(rng) if kind == "vessels" else _spine(rng) if kind == "spine" else _tissue(rng)


def another_view(facts: CaseFacts, rng: np.random.Generator) -> CaseFacts:
    """A picture of ``facts``'s patient: some plane, sequence, modality or time."""
    if facts.modality in ("CT", "MRI"):
        return _view_of_head(facts, rng)
    if facts.modality == "angiography":
        return replace(facts, plane=pick(rng, ("coronal", "sagittal")), arrow=bool(rng.random() < 0.4))
    if facts.modality == "histology":
        return replace(facts, site=pick(rng, ("H&E", "Ki-67", "GFAP")), magnification=pick(rng, (100, 400)))
    return replace(facts, lesion=pick(rng, (facts.lesion, "fixation")), arrow=bool(rng.random() < 0.3))


def _head(rng: np.random.Generator) -> CaseFacts:
    lesion = pick(rng, HEAD_LESIONS)
    large = bool(rng.random() < 0.6)
    return CaseFacts(
        modality="CT",
        lesion=lesion,
        side=None if lesion in WITHOUT_SIDE else pick(rng, ("left", "right")),
        site=None if lesion in WITHOUT_SIDE else pick(rng, SITES),
        size_mm=None if lesion in ("hydrocephalus", "normal") else _size(lesion, large, rng),
        shift=large and lesion in ("subdural", "epidural", "haemorrhage", "glioma"),
        oedema=lesion in ("haemorrhage", "glioma", "metastases", "abscess") and bool(rng.random() < 0.7),
    )


def _size(lesion: str, large: bool, rng: np.random.Generator) -> int:
    thin = lesion in ("subdural", "epidural")
    low, high = ((14, 26) if large else (7, 12)) if thin else ((38, 62) if large else (16, 32))
    return int(rng.integers(low, high))


def _view_of_head(facts: CaseFacts, rng: np.random.Generator) -> CaseFacts:
    on_ct = rng.random() < (0.6 if facts.lesion in ("subdural", "epidural", "haemorrhage", "hydrocephalus") else 0.2)
    sequences = SEQUENCES.get(facts.lesion, ("T1", "T2", "FLAIR"))
    plane: Plane = "axial" if rng.random() < 0.55 else pick(rng, ("coronal", "sagittal"))
    after = facts.lesion in SURGICAL and rng.random() < 0.25
    return replace(
        facts,
        modality="CT" if on_ct else "MRI",
        sequence=None if on_ct else pick(rng, sequences),
        plane=plane,
        side=facts.side if plane != "sagittal" else None,
        stage="postoperative" if after else "preoperative" if rng.random() < 0.3 else None,
        shift=facts.shift and plane != "sagittal" and not after,
        arrow=facts.lesion not in WITHOUT_SIDE and not after and bool(rng.random() < 0.35),
    )


def _vessels(rng: np.random.Generator) -> CaseFacts:
    lesion = pick(rng, VESSEL_LESIONS)
    sites = {"aneurysm": ("internal carotid artery", "middle cerebral artery", "anterior communicating artery")}
    return CaseFacts(
        modality="angiography",
        lesion=lesion,
        plane=pick(rng, ("coronal", "sagittal")),  # the anteroposterior and the lateral projection
        side=pick(rng, ("left", "right")),
        site=pick(rng, sites.get(lesion, ("middle cerebral artery", "anterior cerebral artery"))),
        size_mm=int(rng.integers(4, 22)) if lesion == "aneurysm" else None,
        arrow=lesion != "normal" and bool(rng.random() < 0.5),
    )


def _spine(rng: np.random.Generator) -> CaseFacts:
    level = pick(rng, ("C4", "C5", "C6", "L2", "L3", "L4"))
    return CaseFacts("X-ray", pick(rng, SPINE_LESIONS), plane="sagittal", site=level, arrow=bool(rng.random() < 0.3))


def _tissue(rng: np.random.Generator) -> CaseFacts:
    stain = pick(rng, ("H&E", "H&E", "Ki-67", "GFAP"))
    return CaseFacts("histology", pick(rng, TISSUE_PATTERNS), site=stain, magnification=pick(rng, (100, 400)))
