"""Studies of one's own archive as labelled cases: the label is whether the report says that the study shows a finding.

They come from a frozen dataset's validation and test splits, which its models did not train on. A study whose record
asserts the finding is in the class of its name, every other one in the class ``no FINDING``: a report that is silent
counts as one that denies, as in the figures of findings that gates ask for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from journalclip_evaluation.reader_queries import said_of_study
from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_pipelines.downstream.cases import LaidCases
from journalclip_pipelines.downstream.errors import CasesUnusable
from journalclip_shared.ids import canonical_json, sha256_hex
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.report import SequenceName
from journalclip_shared.records.study import StructuredStudy
from journalclip_training.config import RunOptions
from journalclip_training.studies.load import known_studies, load_samples

SPLITS: tuple[Split, ...] = ("val", "test")
_MOST_NAMED = 12


@dataclass(frozen=True)
class ReportedCases:
    """Studies of `SPLITS` in their order, each once, told apart by one finding."""

    dataset: FrozenStudies
    config: StudyModelConfig
    sequences: tuple[SequenceName, ...]  # the others are hidden
    finding: str

    @property
    def classes(self) -> tuple[str, ...]:
        return (f"no {self.finding}", self.finding)

    @cached_property
    def rows(self) -> tuple[tuple[Split, int, StructuredStudy], ...]:
        """Split, number within the split as samples count it, and study. Raises `GridMismatch`."""
        seen, found = set[str](), []
        for split in SPLITS:
            for number, study in enumerate(known_studies(self.dataset, split, self.config)):
                if study.study_id not in seen and any(each.sequence in self.sequences for each in study.volumes):
                    seen.add(study.study_id)
                    found.append((split, number, study))
        return tuple(found)

    @cached_property
    def truth(self) -> NDArray[np.int64]:
        """Raises `CasesUnusable` ``finding-unknown`` with the findings there are."""
        terms = [asserted(study) for _, _, study in self.rows]
        if not any(self.finding in each for each in terms):
            counts = Counter(term for each in terms for term in each).most_common(_MOST_NAMED)
            there = ", ".join(f"{term} ({count})" for term, count in counts) or "none"
            raise CasesUnusable("finding-unknown", f"no report says {self.finding!r}; said: {there}")
        return np.array([self.finding in each for each in terms], np.int64)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """Equal for studies of one patient."""
        number: dict[str, int] = {}
        return np.array([number.setdefault(study.patient, len(number)) for _, _, study in self.rows], np.int64)

    @cached_property
    def digest(self) -> str:
        of = [self.dataset.manifest.dataset_id, self.finding, list(self.sequences)]
        studies = [[study.study_id, study.structurer] for _, _, study in self.rows]
        return sha256_hex(canonical_json([of, studies]))

    def lay(self, folder: Path, options: RunOptions) -> LaidCases:
        """Voxels as they were frozen, already on the grid; shards lie below ``folder``."""
        voxels, present = [], []
        for split in SPLITS:
            numbers = torch.tensor([number for each, number, _ in self.rows if each == split], dtype=torch.int64)
            if len(numbers):
                samples = load_samples(self.dataset, split, self.config, folder / split, options)
                voxels.append(samples.voxels[numbers])
                present.append(samples.present[numbers])
        seen = torch.tensor([name in self.sequences for name in self.config.sequences])
        return LaidCases(torch.cat(voxels), torch.cat(present) & seen, None)


def asserted(study: StructuredStudy) -> frozenset[str]:
    """Findings that the study's record says it shows."""
    return frozenset(place.term for place in said_of_study(study).findings)


def check_options(folder: Path | None, dataset: str, finding: str, tasks: Sequence[str]) -> None:
    """Either a folder of cases or a dataset with a finding. Raises `CasesUnusable` ``cases-source``."""
    if (folder is None) == (not dataset) or bool(dataset) != bool(finding):
        raise CasesUnusable("cases-source", "give either a folder of cases, or --dataset with --finding")
    if dataset and "segment" in tasks:
        raise CasesUnusable("labels-missing", "reports draw no label maps")
