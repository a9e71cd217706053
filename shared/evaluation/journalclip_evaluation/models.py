"""Measuring a model on a dataset's split, once: figures and ranks are kept as artifacts under the model's name.

The subject is exactly the bytes that a model's manifest lists: they are fetched by digest and verified before they are
loaded. A second call for the same subject, dataset, split and evaluator reads what the first one wrote.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from journalclip_evaluation.embedded import EmbeddedPairs, Progress, embed_split, quiet
from journalclip_evaluation.embedding_map import sketch
from journalclip_evaluation.errors import NothingToEvaluate
from journalclip_evaluation.findings import FindingFigures, finding_figures
from journalclip_evaluation.rank_table import from_parquet, to_parquet
from journalclip_evaluation.reader_queries import (
    LOOKED_FOR,
    ReaderQueries,
    Said,
    asked_by_vectors,
    queries_of,
    said_of_pair,
    said_of_study,
)
from journalclip_evaluation.retrieval import Ranked, Retrieval, by_modality, rank, summarise
from journalclip_evaluation.studies import embed_studies
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder, Vectors
from journalclip_modeling.folder import fetch_folder
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, ManifestConflict
from journalclip_shared.ids import sha256_hex
from journalclip_shared.kinds import Kind
from journalclip_shared.records import Document
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.model import ModelFile, ModelManifest

EVALUATOR = "retrieval-4"  # part of every result's name: a change of any figure's meaning needs a new one
Subject = Literal["model", "start"]


class Evaluation(Document):
    """What one model scored on one split."""

    model_id: str
    subject: Subject
    dataset_id: str
    split: Split
    evaluator: str = EVALUATOR
    strict: Retrieval
    multi: Retrieval
    by_modality: dict[str, Retrieval]
    by_modality_multi: dict[str, Retrieval] = Field(default_factory=dict)
    queries: ReaderQueries | None = Field(
        None, description="A reader's queries made from the split's records; None: they give too few."
    )
    findings: FindingFigures | None = Field(
        None, description="AUROC of each finding; None: figures, or a split with too few studies."
    )
    ranks: ArtifactRef
    sketch: ArtifactRef = Field(
        description="What reports show of the vectors: see `journalclip_evaluation.embedding_map`."
    )


@dataclass(frozen=True)
class Measured:
    """An evaluation, where it is kept, and its ranks."""

    evaluation: Evaluation
    ref: ArtifactRef
    ranked: Ranked


@dataclass(frozen=True)
class Evaluator:
    """Measures models whose files are in ``store``; fetched folders and large vector files lie below ``cache``."""

    store: ArtifactStore
    cache: Path
    device: str = "cpu"
    progress: Progress = quiet

    def measure(
        self, manifest: ModelManifest, dataset: FrozenDataset, split: Split = "test", subject: Subject = "model"
    ) -> Measured:
        """Raises `NothingToEvaluate`, `EmbeddingsUnusable`, `ModelUnloadable`, `ModelTampered`, `ArtifactCorrupt`."""
        files = files_of(manifest, subject)
        name = evaluation_name(manifest.model_id, subject, files, dataset.manifest.dataset_id, split)
        if (found := self.store.find_manifest("models", name)) is not None:
            return self._read(found)
        folder = fetch_folder(self.store, files, self.cache)
        with tempfile.TemporaryDirectory(dir=self.cache) as spool:
            pairs, queries, findings = self._embedded(manifest.kind, folder, dataset, split, Path(spool))
            ranked = rank(pairs)
            drawn = self.store.put("models", sketch(pairs, ranked).canonical(), "application/json")
        evaluation = Evaluation(
            model_id=manifest.model_id,
            subject=subject,
            dataset_id=dataset.manifest.dataset_id,
            split=split,
            strict=summarise(ranked),
            multi=summarise(ranked, multi=True),
            by_modality=by_modality(ranked),
            by_modality_multi=by_modality(ranked, multi=True),
            queries=queries,
            findings=findings,
            ranks=self.store.put("models", to_parquet(ranked), "application/vnd.apache.parquet"),
            sketch=drawn,
        )
        try:
            ref = self.store.put_manifest("models", name, evaluation.canonical())
        except ManifestConflict:  # another machine was first, and rounds differently: its word stands
            return self.measure(manifest, dataset, split, subject)
        return Measured(evaluation, ref, ranked)

    def _embedded(
        self, kind: Kind, folder: Path, dataset: FrozenDataset, split: Split, spool: Path
    ) -> tuple[EmbeddedPairs, ReaderQueries | None, FindingFigures | None]:
        """What differs between kinds: a query is a figure and its caption, or a study and its report."""
        if kind == "studies":
            frozen, studies = FrozenStudies(dataset.store, dataset.manifest), StudyEncoder.load(folder, self.device)
            pairs = embed_studies(studies, frozen, split)
            said = {each.id: each for each in map(said_of_study, frozen.studies(split))}
            findings = _findings(studies, [said[name] for name in pairs.pair_ids], pairs)
            return pairs, _asked(studies.embed_texts, said.values(), pairs), findings
        encoder = Encoder.load(folder, self.device)
        pairs = embed_split(encoder, dataset, split, spool, self.progress)
        return pairs, _asked(encoder.embed_texts, map(said_of_pair, dataset.stream(split)), pairs), None

    def _read(self, ref: ArtifactRef) -> Measured:
        evaluation = Evaluation.model_validate_json(self.store.get(ref))
        return Measured(evaluation, ref, from_parquet(self.store.get(evaluation.ranks)))


def _findings(encoder: StudyEncoder, said: Sequence[Said], pairs: EmbeddedPairs) -> FindingFigures | None:
    def embed(names: Sequence[str]) -> Vectors:
        return encoder.embed_reports(
            [[f"{each}: {name}." for each in encoder.model.config.sequences] for name in names]
        )

    shown = [frozenset(place.term for place in each.findings) for each in said]
    return finding_figures(pairs.images[: len(said)], pairs.articles, shown, embed)


def _asked(
    embed_texts: Callable[[Sequence[str]], Vectors], said: Iterable[Said], pairs: EmbeddedPairs
) -> ReaderQueries | None:
    """A reader's queries of a split, answered by its pictures' (or studies') vectors."""
    there = set(pairs.pair_ids)
    queries = [each for each in queries_of(item for item in said if item.id in there) if each.type in LOOKED_FOR]
    if not queries:
        return None
    return asked_by_vectors(queries, embed_texts([each.text for each in queries]), pairs.images, pairs.pair_ids)


@dataclass(frozen=True)
class BeforeAfter:
    """A model and the point that its training started from, on the same pairs."""

    before: Measured
    after: Measured


def evaluate_model(
    store: ArtifactStore, manifest: ModelManifest, dataset: FrozenDataset, cache: Path, split: Split = "test"
) -> BeforeAfter:
    """Both subjects of one manifest. Raises as `Evaluator.measure`."""
    evaluator = Evaluator(store, cache)
    return BeforeAfter(
        evaluator.measure(manifest, dataset, split, "start"), evaluator.measure(manifest, dataset, split, "model")
    )


def files_of(manifest: ModelManifest, subject: Subject) -> tuple[ModelFile, ...]:
    """Raises `NothingToEvaluate` where the manifest does not hold the subject."""
    files = manifest.files if subject == "model" else manifest.start_files
    if not files:
        raise NothingToEvaluate(f"{manifest.model_id} lists no files of its {subject}")
    return files


def evaluation_name(model_id: str, subject: Subject, files: Sequence[ModelFile], dataset_id: str, split: Split) -> str:
    """Name of the evaluation's manifest in the bucket ``models``; other bytes of the same model have another name."""
    listed = sha256_hex("\n".join(f"{file.path} {file.ref.sha256}" for file in files).encode())
    return f"evaluated/{model_id}/{subject}-{listed[:16]}-{dataset_id}-{split}-{EVALUATOR}"
