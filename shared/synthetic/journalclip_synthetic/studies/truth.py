"""What a synthetic study shows: the one source of its voxels, its labels and its report.

A lesion's signal on each sequence follows from its kind, as in a textbook table; where it lies, on which side and how
large it is are drawn. A study without a lesion is a normal one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from journalclip_shared.records.report import Enhancement, MassEffect, SequenceName, Signal

Side = Literal["left", "right"]
Grade = Literal["HGG", "LGG"]
Point = tuple[float, float, float]

SEQUENCES: tuple[SequenceName, ...] = ("T1WI", "T1CE", "T2WI", "FLAIR", "DWI", "ADC", "SWI")

# Centres in mm of the right side of a head of average size; the left side is its mirror image.
SITES: dict[str, Point] = {
    "frontal lobe": (30, 46, 26),
    "temporal lobe": (46, 2, -18),
    "parietal lobe": (36, -34, 38),
    "occipital lobe": (26, -58, 8),
    "thalamus": (14, -16, 2),
    "cerebellar hemisphere": (28, -48, -42),
}


@dataclass(frozen=True)
class Kind:
    """A sort of lesion: which tissues it is made of, how it signals, what it does."""

    signals: dict[SequenceName, Signal]
    body: str  # tissue of the lesion itself
    core: str | None = None  # tissue of its centre
    oedema: float = 0.0  # chance that it is surrounded by oedema
    sizes: tuple[int, int] = (16, 40)  # mm
    enhancement: Enhancement | None = None
    grade: Grade | None = None
    outward: float = 1.0  # 1.25: against the skull


KINDS: dict[str, Kind] = {
    "glioblastoma": Kind(
        {"T1WI": "hypointense", "T1CE": "hyperintense", "T2WI": "hyperintense", "FLAIR": "hyperintense"},
        body="enhancing", core="necrosis", oedema=0.9, sizes=(26, 48), enhancement="ring", grade="HGG",
    ),
    "glioma": Kind(
        {"T1WI": "hypointense", "T1CE": "hypointense", "T2WI": "hyperintense", "FLAIR": "hyperintense",
         "ADC": "hyperintense"},
        body="solid", sizes=(22, 46), enhancement="none", grade="LGG",
    ),
    "meningioma": Kind(
        {"T1WI": "isointense", "T1CE": "hyperintense", "T2WI": "isointense", "FLAIR": "isointense"},
        body="meningioma", oedema=0.3, sizes=(18, 42), enhancement="homogeneous", outward=1.22,
    ),
    "metastasis": Kind(
        {"T1WI": "hypointense", "T1CE": "hyperintense", "T2WI": "hyperintense", "FLAIR": "hyperintense"},
        body="enhancing", oedema=1.0, sizes=(12, 24), enhancement="homogeneous",
    ),
    "infarct": Kind(
        {"T1WI": "hypointense", "T2WI": "hyperintense", "FLAIR": "hyperintense", "DWI": "hyperintense",
         "ADC": "hypointense"},
        body="infarct", sizes=(18, 44),
    ),
    "hemorrhage": Kind(
        {"T1WI": "hyperintense", "T2WI": "hypointense", "FLAIR": "hyperintense", "SWI": "hypointense"},
        body="blood", oedema=0.5, sizes=(16, 40),
    ),
    "abscess": Kind(
        {"T1WI": "hypointense", "T1CE": "hyperintense", "T2WI": "hyperintense", "FLAIR": "hyperintense",
         "DWI": "hyperintense", "ADC": "hypointense"},
        body="enhancing", core="pus", oedema=1.0, sizes=(18, 34), enhancement="ring",
    ),
    "demyelinating plaque": Kind(
        {"T1WI": "hypointense", "T2WI": "hyperintense", "FLAIR": "hyperintense"},
        body="plaque", sizes=(8, 16),
    ),
    "arachnoid cyst": Kind(
        {"T1WI": "hypointense", "T2WI": "hyperintense", "FLAIR": "hypointense", "DWI": "hypointense",
         "ADC": "hyperintense"},
        body="cyst", sizes=(20, 42), outward=1.2,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class LesionTruth:
    """One lesion; ``centre`` in mm of an average head."""

    kind: str
    site: str
    side: Side
    size_mm: int
    centre: Point
    oedema: bool = False
    mass_effect: MassEffect | None = None

    @property
    def signals(self) -> dict[SequenceName, Signal]:
        return KINDS[self.kind].signals

    @property
    def enhancement(self) -> Enhancement | None:
        return KINDS[self.kind].enhancement


@dataclass(frozen=True)
class StudyTruth:
    """One examination. ``seed`` fixes pose, folds and noise; the same truth gives the same voxels."""

    seed: int
    patient: int
    sequences: tuple[SequenceName, ...]
    lesion: LesionTruth | None = None

    @property
    def grade(self) -> Grade | None:
        return KINDS[self.lesion.kind].grade if self.lesion else None

    @property
    def fact(self) -> str:
        """What two studies must share to say the same: kind, site and side."""
        return f"{self.lesion.kind}, {self.lesion.side} {self.lesion.site}" if self.lesion else "normal"


def draw_truth(
    number: int,
    seed: int = 0,
    sequences: tuple[SequenceName, ...] = SEQUENCES,
    kinds: tuple[str, ...] = tuple(KINDS),
    sites: tuple[str, ...] = tuple(SITES),
    normal: float = 0.15,
    studies_a_patient: int = 1,
) -> StudyTruth:
    """Study ``number`` of a set; it does not depend on how many there are."""
    rng = np.random.default_rng((seed, number))
    lesion = None if rng.random() < normal else _lesion(rng, kinds, sites)
    return StudyTruth(int(rng.integers(2**31)), number // studies_a_patient, sequences, lesion)


def _lesion(rng: np.random.Generator, kinds: tuple[str, ...], sites: tuple[str, ...]) -> LesionTruth:
    name = kinds[int(rng.integers(len(kinds)))]
    site = sites[int(rng.integers(len(sites)))]
    side: Side = "left" if rng.random() < 0.5 else "right"
    kind = KINDS[name]
    x, y, z = np.array(SITES[site]) * kind.outward + rng.normal(0, 3, 3)
    size = int(rng.integers(*kind.sizes))
    pushes = size > 34 and name != "infarct"
    return LesionTruth(
        name,
        site,
        side,
        size,
        (float(-x if side == "left" else x), float(y), float(z)),
        oedema=bool(rng.random() < kind.oedema),
        mass_effect="marked" if size > 42 and pushes else "mild" if pushes else None,
    )
