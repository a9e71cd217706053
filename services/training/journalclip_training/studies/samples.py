"""Studies ready to train on: voxels by sequence, and the descriptions that are there, one row a pair.

``voxels[n, s]`` is sequence ``s`` of study ``n`` (all zero where absent); pair ``p`` is sequence ``sequence[p]`` of
study ``owner[p]`` with ``texts[p]``. Pairs are sorted by study, then sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from journalclip_shared.records.caption import CaptionRecord, Coded, Finding
from journalclip_shared.records.report import ReportFinding, SequenceDescription
from journalclip_training.studies.voxels import Voxels, some_of, units_of


@dataclass(frozen=True)
class StudySamples:
    """N studies with P described sequences."""

    voxels: Voxels  # uint8 [N, S, Z, H, W]
    present: Tensor  # bool [N, S]
    owner: Tensor  # int64 [P]
    sequence: Tensor  # int64 [P]
    texts: tuple[str, ...]
    descriptions: tuple[SequenceDescription, ...]

    def __len__(self) -> int:
        return len(self.voxels)

    @property
    def held(self) -> Tensor:
        """All voxels in memory."""
        return self.voxels[:]

    def pairs_of(self, studies: Tensor) -> Tensor:
        """Pair numbers int64 [Q] of the given studies, in their order."""
        starts = torch.searchsorted(self.owner, studies)
        ends = torch.searchsorted(self.owner, studies, right=True)
        spans = [torch.arange(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]
        return torch.cat(spans) if spans else torch.zeros(0, dtype=torch.int64)

    def subset(self, studies: Sequence[int]) -> StudySamples:
        """Some studies, renumbered in the order given."""
        chosen = torch.tensor(list(studies), dtype=torch.int64)
        pairs = self.pairs_of(chosen)
        new = {int(old): n for n, old in enumerate(chosen)}
        return StudySamples(
            voxels=some_of(self.voxels, chosen),
            present=self.present[chosen],
            owner=torch.tensor([new[int(self.owner[p])] for p in pairs], dtype=torch.int64),
            sequence=self.sequence[pairs],
            texts=tuple(self.texts[p] for p in pairs),
            descriptions=tuple(self.descriptions[p] for p in pairs),
        )


def as_units(samples: StudySamples, unit: str, normal_text: str) -> StudySamples:
    """Samples whose rows are what a batch is made of: studies, or volumes with one text each.

    As SeLIP has it, every volume of a normal study then has the one ``normal_text``; empty: texts stay as they are. A
    study is normal where its report says so of every sequence.
    """
    texts = samples.texts
    if normal_text:
        found = torch.tensor([not each.normal for each in samples.descriptions])
        abnormal = torch.zeros(len(samples), dtype=torch.bool)
        abnormal[samples.owner[found]] = True
        texts = tuple(
            text if abnormal[owner] else normal_text for text, owner in zip(texts, samples.owner, strict=True)
        )
    if unit == "study":
        return replace(samples, texts=texts)
    count = len(texts)
    return StudySamples(
        voxels=units_of(samples.voxels, samples.owner, samples.sequence),
        present=torch.ones(count, 1, dtype=torch.bool),
        owner=torch.arange(count),
        sequence=torch.zeros(count, dtype=torch.int64),
        texts=texts,
        descriptions=samples.descriptions,
    )


def coded(description: SequenceDescription) -> CaptionRecord:
    """A description as the coded record that the text similarities compare.

    A finding's signal stands beside it as a term of its own, so that a bright and a dark lesion agree in part only. A
    description that the report calls normal says "no abnormality": two of them share that, whatever they deny. One that
    merely denies something does not.
    """
    found = description.findings
    asserted = [each for each in found if not each.negated]
    findings = [Finding(term=each.term, negated=each.negated, certainty=each.certainty) for each in found]
    findings += [Finding(term=f"{each.signal} {each.term}") for each in asserted if each.signal]
    return CaptionRecord(
        findings=(Finding(term="no abnormality"), *findings) if description.normal else tuple(findings),
        sequence=(Coded(term=description.sequence),),
        anatomy=tuple(Coded(term=each.site) for each in asserted if each.site),
        laterality=tuple(Coded(term=each.laterality) for each in asserted if each.laterality),
    )


def merged(descriptions: Sequence[SequenceDescription]) -> CaptionRecord:
    """A study's record: what any of its descriptions says."""
    every: list[ReportFinding] = [finding for each in descriptions for finding in each.findings]
    unique = {(finding.term, finding.negated, finding.site, finding.laterality): finding for finding in every}
    normal = all(each.normal for each in descriptions)
    whole = coded(SequenceDescription(sequence="T1WI", findings=tuple(unique.values()), normal=normal))
    return whole.model_copy(update={"sequence": ()})


def stack_voxels(volumes: Sequence[Sequence[np.ndarray | None]], grid: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """uint8 [N, S, Z, H, W] and bool [N, S] of volumes [Z, H, W], None where absent."""
    count = len(volumes[0]) if volumes else 0
    voxels = torch.zeros(len(volumes), count, *grid, dtype=torch.uint8)
    present = torch.zeros(len(volumes), count, dtype=torch.bool)
    for n, study in enumerate(volumes):
        for s, volume in enumerate(study):
            if volume is not None:
                voxels[n, s] = torch.from_numpy(np.ascontiguousarray(volume))
                present[n, s] = True
    return voxels, present
