"""The loss of a study batch: descriptions against sequences, and reports against studies, both under one temperature.

Both are the contrast of `journalclip_training.losses`, with the text similarities of a set prepared once: of its
descriptions, and of its studies' merged records. With ``lam`` 0 both are the plain CLIP loss.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from journalclip_modeling.studies.model import StudyFeatures, study_text
from journalclip_shared.records.caption import CaptionRecord
from journalclip_training.config import LossConfig
from journalclip_training.losses.contrast import contrastive
from journalclip_training.losses.kernel import Kernel
from journalclip_training.similarity.mixed import TextKernels
from journalclip_training.studies.samples import StudySamples, coded, merged


class StudyObjective:
    """Over one training set."""

    def __init__(
        self, config: LossConfig, study_weight: float, samples: StudySamples, cache: Path | None = None
    ) -> None:
        self.config, self.weight = config, study_weight
        self._pairs: TextKernels | None = None
        self._studies: TextKernels | None = None
        if self.lam:
            self._pairs = TextKernels(config, samples.texts, [coded(each) for each in samples.descriptions], cache)
            texts, records = study_records(samples)
            self._studies = TextKernels(config, texts, records, cache)

    @property
    def lam(self) -> float:
        return {"clip": 0.0, "soft": self.config.lam}.get(self.config.kind, 1.0)

    def __call__(
        self,
        features: StudyFeatures,
        shown: Tensor,
        texts: Tensor,
        owner: Tensor,
        scale: Tensor,
        pairs: Tensor,
        studies: Tensor,
    ) -> Tensor:
        """Scalar. ``shown`` int64 [Q]: rows of ``features.sequences`` that belong to ``texts`` [Q, dim].

        ``owner`` [Q] numbers the batch's studies; ``pairs`` [Q] and ``studies`` [B] are numbers of the whole set.
        """  # fmt: skip
        one = contrastive(features.sequences[shown], texts, scale, self._kernel(self._pairs, pairs), self.lam)
        if not self.weight:
            return one
        whole = study_text(texts, owner, len(features.studies))
        two = contrastive(features.studies, whole, scale, self._kernel(self._studies, studies), self.lam)
        return (1 - self.weight) * one + self.weight * two

    def _kernel(self, kernels: TextKernels | None, ids: Tensor) -> Kernel | None:
        return None if kernels is None else kernels.at(ids, torch.device("cpu"))


def study_records(samples: StudySamples) -> tuple[list[str], list[CaptionRecord]]:
    """One text and one record a study: its descriptions joined."""
    texts, records = [], []
    for n in range(len(samples)):
        pairs = samples.pairs_of(torch.tensor([n]))
        texts.append("\n".join(samples.texts[p] for p in pairs))
        records.append(merged([samples.descriptions[p] for p in pairs]))
    return texts, records
