"""A study model as functions: volumes to vectors (with what was looked at), texts to vectors. Float32, unit length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from journalclip_modeling.encoder import tokenize
from journalclip_modeling.studies.data import Volumes
from journalclip_modeling.studies.folder import StudyFolder, load_study_folder
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.report import SequenceName

Vectors = NDArray[np.float32]


class GridMismatch(PermanentError):
    """Volumes of another grid than the model reads."""

    def __init__(self, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        super().__init__(
            "study-grid-mismatch",
            f"a volume of {found} where the model reads {wanted}",
            "Extract the studies on its grid.",
        )


@dataclass(frozen=True)
class StudyVectors:
    """One study: its own vector, one a sequence, and the weights of attention (each sums to one)."""

    study: Vectors  # [dim]
    sequences: dict[SequenceName, Vectors]
    slices: dict[SequenceName, Vectors]
    weights: dict[SequenceName, float]
    hidden: Vectors


class StudyEncoder:
    """One model on one device."""

    def __init__(self, folder: StudyFolder, device: str = "cpu") -> None:
        self.model, self.tokenizer = folder.model.eval().to(device), folder.tokenizer
        self._device = torch.device(device)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> StudyEncoder:
        """Raises `ModelUnloadable`."""
        return cls(load_study_folder(folder), device)

    @property
    def dim(self) -> int:
        return self.model.config.dim

    @property
    def grid(self) -> tuple[int, int, int]:
        return self.model.config.grid

    def embed_studies(self, studies: Sequence[Volumes], batch: int = 16) -> list[StudyVectors]:
        """Each study with whichever of the model's sequences it has, at least one. Raises `GridMismatch`."""
        found: list[StudyVectors] = []
        for start in range(0, len(studies), batch):
            found += self._batch(studies[start : start + batch])
        return found

    def embed_texts(self, texts: Sequence[str], batch: int = 128) -> Vectors:
        """[N, dim]."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        rows = []
        with torch.inference_mode():
            for start in range(0, len(texts), batch):
                tokens = tokenize(self.tokenizer, texts[start : start + batch], self.model.config.text.context)
                rows.append(self.model.texts(tokens["input_ids"].to(self._device)).cpu().numpy())
        return cast(Vectors, np.concatenate(rows))

    def embed_reports(self, reports: Sequence[Sequence[str]]) -> Vectors:
        """[N, dim]: unit mean of each report's descriptions; a report of none is the zero vector."""
        flat = [text for report in reports for text in report]
        vectors, out, at = self.embed_texts(flat), np.zeros((len(reports), self.dim), np.float32), 0
        for n, report in enumerate(reports):
            total = vectors[at : at + len(report)].sum(0)
            at += len(report)
            out[n] = total / max(1e-9, float(np.linalg.norm(total)))
        return out

    def _batch(self, studies: Sequence[Volumes]) -> list[StudyVectors]:
        names = self.model.config.sequences
        voxels = torch.zeros(len(studies), len(names), *self.grid, dtype=torch.uint8)
        present = torch.zeros(len(studies), len(names), dtype=torch.bool)
        for n, study in enumerate(studies):
            for name, volume in study.items():
                if tuple(volume.shape) != self.grid:
                    raise GridMismatch(volume.shape, self.grid)
                if name in names:
                    voxels[n, names.index(name)] = torch.from_numpy(volume.copy())
                    present[n, names.index(name)] = True
        with torch.inference_mode():
            found = self.model(voxels.to(self._device), present.to(self._device))
        where = present.nonzero().tolist()
        rows: list[dict[SequenceName, int]] = [{} for _ in studies]
        for row, (n, s) in enumerate(where):
            rows[n][names[s]] = row
        return [
            StudyVectors(
                study=found.studies[n].cpu().numpy(),
                sequences={name: found.sequences[row].cpu().numpy() for name, row in of.items()},
                slices={name: found.slice_weights[row].cpu().numpy() for name, row in of.items()},
                weights={name: float(found.sequence_weights[n, names.index(name)]) for name in of},
                hidden=found.hidden[n].cpu().numpy(),
            )
            for n, of in enumerate(rows)
        ]
