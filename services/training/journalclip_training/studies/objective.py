"""The loss of a study batch: descriptions against sequences, and reports against studies, both under one temperature.

Both are the contrast of `journalclip_training.losses`, with the text similarities of a set prepared once: of its
descriptions, and of its studies' merged records. With ``lam`` 0 both are the plain CLIP loss.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from journalclip_modeling.studies.model import study_text
from journalclip_shared.records.caption import CaptionRecord
from journalclip_training.batches import Indices
from journalclip_training.config import LossConfig
from journalclip_training.losses.kernel import Kernel
from journalclip_training.losses.process_group import ProcessGroup, Single
from journalclip_training.losses.published import mean_entropy
from journalclip_training.objective import lam_of, soft_contrast
from journalclip_training.similarity.mixed import TextKernels
from journalclip_training.studies.samples import StudySamples, coded, merged


class StudyObjective:
    """Over one training set."""

    def __init__(
        self,
        config: LossConfig,
        study_weight: float,
        samples: StudySamples,
        cache: Path | None = None,
        world: ProcessGroup | None = None,
    ) -> None:
        self.config, self.weight, self.world = config, study_weight, world or Single()
        self._pairs: TextKernels | None = None
        self._studies: TextKernels | None = None
        if lam_of(config):
            self._pairs = TextKernels(config, samples.texts, [coded(each) for each in samples.descriptions], cache)
            if study_weight:
                texts, records = study_records(samples)
                self._studies = TextKernels(config, texts, records, cache)

    def __call__(
        self,
        sequences: Tensor,
        studies: Tensor,
        texts: Tensor,
        owner: Tensor,
        scale: Tensor,
        pairs: Indices,
        numbers: Indices,
    ) -> Tensor:
        """Scalar. Rows of ``sequences`` and ``texts`` [Q, dim] are pairs; ``studies`` [B, dim] are this rank's.

        ``owner`` [Q] numbers this rank's studies; ``pairs`` and ``numbers`` name the pairs and studies of the whole
        batch, all ranks', in the training set.
        """  # fmt: skip
        one = self._contrast(sequences, texts, scale, self._pairs, pairs)
        if not self.weight:
            return one
        whole = study_text(texts, owner, len(studies))
        two = self._contrast(studies, whole, scale, self._studies, numbers)
        return (1 - self.weight) * one + self.weight * two

    def entropy(self, pairs: Indices, numbers: Indices) -> dict[str, float]:
        """As `journalclip_training.objective.Objective.entropy`, of descriptions and of whole reports."""
        kernels = {"target_entropy": (self._pairs, pairs), "report_target_entropy": (self._studies, numbers)}
        cpu = torch.device("cpu")
        return {
            name: mean_entropy(each.at(ids, cpu), len(ids)) for name, (each, ids) in kernels.items() if each is not None
        }

    def _contrast(self, v: Tensor, t: Tensor, scale: Tensor, kernels: TextKernels | None, ids: Indices) -> Tensor:
        kernel: Kernel | None = None if kernels is None else kernels.at(ids, v.device)
        return soft_contrast(self.config, v, t, scale, kernel, self.world)


def study_records(samples: StudySamples) -> tuple[list[str], list[CaptionRecord]]:
    """One text and one record a study: its descriptions joined."""
    texts, records = [], []
    for n in range(len(samples)):
        pairs = samples.pairs_of(torch.tensor([n]))
        texts.append("\n".join(samples.texts[p] for p in pairs))
        records.append(merged([samples.descriptions[p] for p in pairs]))
    return texts, records
