"""The experiment's world: phantom studies rendered once, reports written and structured as the services do it.

Few sorts of finding on few sites, so that many studies say nearly the same (another size, another wording, another
denial): what plain contrastive training takes for negatives. Texts come from the structurer, its errors included; what
counts as right in the evaluation comes from the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from journalclip_pipelines.studies.reports import report_of
from journalclip_shared.records.report import SequenceName
from journalclip_structuring.report_rules import read_report
from journalclip_synthetic.studies import StudyTruth, draw_study, draw_truth
from journalclip_training.studies.samples import StudySamples

SEQUENCES: tuple[SequenceName, ...] = ("T1CE", "FLAIR", "DWI")
GRID = (3, 20, 20)
FIELD_MM = 168.0  # the cranium fills it, as after the brain-centred crop
HEIGHT_MM = (-10.0, 50.0)
KINDS = ("glioblastoma", "meningioma", "infarct", "abscess")
SITES = ("frontal lobe", "parietal lobe", "occipital lobe")
NORMAL = 0.2
REGIONS = ("whole", "core", "enhancing")


@dataclass(frozen=True)
class StudyWorld:
    """Samples with what is true of each study. ``labels`` uint8 [N, Z, H, W] in BraTS codes."""

    samples: StudySamples
    truths: tuple[StudyTruth, ...]
    labels: Tensor

    @property
    def facts(self) -> list[str]:
        return [truth.fact for truth in self.truths]

    @property
    def kinds(self) -> list[str]:
        return [truth.lesion.kind if truth.lesion else "normal" for truth in self.truths]


def draw_world(
    studies: int,
    seed: int,
    tick: Callable[[int, int], None] | None = None,
    grid: tuple[int, int, int] = GRID,
) -> StudyWorld:
    """Deterministic; study ``n`` does not depend on how many there are. Rows and columns of ``grid`` are equal."""
    voxels = torch.zeros(studies, len(SEQUENCES), *grid, dtype=torch.uint8)
    labels = torch.zeros(studies, *grid, dtype=torch.uint8)
    truths, owner, sequence, texts, descriptions = [], [], [], [], []
    for n in range(studies):
        truth = draw_truth(n, seed, SEQUENCES, KINDS, SITES, NORMAL)
        drawn = draw_study(truth, grid[1], grid[0], FIELD_MM, HEIGHT_MM)
        for s, scan in enumerate(drawn.scans):
            voxels[n, s] = _slices(np.clip(scan.voxels, 0, 1) * 255)
        labels[n] = _slices(drawn.labels)
        record = read_report(report_of(truth))
        for description in record.descriptions:
            owner.append(n)
            sequence.append(SEQUENCES.index(description.sequence))
            texts.append(description.rendering)
            descriptions.append(description)
        truths.append(truth)
        if tick is not None:
            tick(n + 1, studies)
    samples = StudySamples(
        voxels=voxels,
        present=torch.ones(studies, len(SEQUENCES), dtype=torch.bool),
        owner=torch.tensor(owner),
        sequence=torch.tensor(sequence),
        texts=tuple(texts),
        descriptions=tuple(descriptions),
    )
    return StudyWorld(samples, tuple(truths), labels)


def _slices(volume: np.ndarray) -> Tensor:
    """[Z, rows, columns], the patient's right on the left and the front on top, of RAS [X, Y, Z]."""
    return torch.from_numpy(np.ascontiguousarray(volume[::-1, ::-1].transpose(2, 1, 0)).astype(np.uint8))
