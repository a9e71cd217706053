"""The models of one evaluation: the one that was asked for, and those beside it on the same pairs."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from journalclip_evaluation.embedded import Progress, embed_split
from journalclip_evaluation.embedding_map import Sketch, sketch
from journalclip_evaluation.models import Evaluation, Evaluator, Measured, files_of
from journalclip_evaluation.models import Subject as Which
from journalclip_evaluation.retrieval import Ranked, rank
from journalclip_evaluation.studies import embed_volumes
from journalclip_evaluation.unique_texts import UniqueTextRetrieval, unique_text_retrieval
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_pipelines.operations.installation import Installation
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.model import ModelManifest


@dataclass(frozen=True)
class Question:
    """What every subject is asked, and with what."""

    there: Installation
    dataset: FrozenDataset
    split: Split
    device: str
    progress: Progress


class Subject(Protocol):
    """A model that can be ranked and, where suites ask for it, loaded."""

    def ranked(self, question: Question) -> Ranked: ...

    def sketch(self, question: Question) -> Sketch: ...

    def encoder(self, question: Question) -> Encoder: ...

    def unique_texts(self, question: Question) -> UniqueTextRetrieval | None:
        """SeLIP's protocol; None for a model that is none of studies."""
        ...


@dataclass
class Registered:
    """A registered model, or the point its training started from; what is measured is kept in the store."""

    manifest: ModelManifest
    which: Which = "model"

    def ranked(self, question: Question) -> Ranked:
        return self.measured(question).ranked

    def sketch(self, question: Question) -> Sketch:
        kept = question.there.store.get(self.measured(question).evaluation.sketch)
        return Sketch.model_validate_json(kept)

    def encoder(self, question: Question) -> Encoder:
        files = files_of(self.manifest, self.which)
        return Encoder.load(fetch_folder(question.there.store, files, question.there.models), question.device)

    def unique_texts(self, question: Question) -> UniqueTextRetrieval | None:
        if self.manifest.kind != "studies":
            return None
        from journalclip_training.config import config_from_json  # seconds to import, and asked of studies alone
        from journalclip_training.studies.config import StudyTrainConfig

        files = files_of(self.manifest, self.which)
        folder = fetch_folder(question.there.store, files, question.there.models)
        frozen = FrozenStudies(question.dataset.store, question.dataset.manifest)
        normal = config_from_json(self.manifest.config, StudyTrainConfig).loss.normal_text
        encoder = StudyEncoder.load(folder, question.device)
        return unique_text_retrieval(embed_volumes(encoder, frozen, question.split, normal))

    def measured(self, question: Question) -> Measured:
        there = question.there
        evaluator = Evaluator(there.store, there.models, question.device, question.progress)
        return evaluator.measure(self.manifest, question.dataset, question.split, self.which)

    def evaluation(self, question: Question) -> Evaluation:
        return self.measured(question).evaluation


@dataclass
class Folder:
    """A CLIP folder that nobody registered: measured anew each time."""

    path: Path
    _kept: tuple[Ranked, Sketch] | None = field(default=None, init=False)

    def ranked(self, question: Question) -> Ranked:
        return self._both(question)[0]

    def sketch(self, question: Question) -> Sketch:
        return self._both(question)[1]

    def encoder(self, question: Question) -> Encoder:
        return Encoder.load(self.path, question.device)

    def unique_texts(self, question: Question) -> UniqueTextRetrieval | None:
        return None

    def _both(self, question: Question) -> tuple[Ranked, Sketch]:
        if self._kept is None:
            with tempfile.TemporaryDirectory() as spool:
                pairs = embed_split(
                    self.encoder(question), question.dataset, question.split, Path(spool), question.progress
                )
                ranked = rank(pairs)
                self._kept = ranked, sketch(pairs, ranked)
        return self._kept
