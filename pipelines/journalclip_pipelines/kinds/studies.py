"""Studies: head-MRI series, their volumes, and pairs of sequence and description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from journalclip_intake.studies import describe
from journalclip_pipelines.kinds.source_kind import Document
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, Bucket
from journalclip_shared.events import Fact, StudyStructured, StudySubmitted, VolumesExtracted
from journalclip_shared.kinds import Kind
from journalclip_shared.records.study import ExtractedStudy, StructuredStudy, SubmittedStudy


class Studies:
    """`SourceKind` of studies."""

    kind: Kind = "studies"
    source = "study"
    unit = "volumes"
    id_prefix = "std_"
    submissions: Bucket = "studies"
    documents: Bucket = "studies"
    stores_no_refused = True
    submitted: type[Fact] = StudySubmitted
    extracted: type[Fact] = VolumesExtracted
    structured: type[Fact] = StudyStructured

    def name_of(self, submitted: Fact) -> str:
        return cast(StudySubmitted, submitted).name

    def extracted_count(self, extracted: Fact) -> int:
        return cast(VolumesExtracted, extracted).volumes

    def pairs_count(self, structured: Fact) -> int:
        return cast(StudyStructured, structured).pairs

    def document_of(self, fact: Fact) -> ArtifactRef:
        if isinstance(fact, StudySubmitted):
            return fact.study
        return cast(VolumesExtracted | StudyStructured, fact).document

    def submitted_facts(self, store: ArtifactStore) -> Iterator[Fact]:
        for name in store.list_manifests(self.submissions, names.submitted()):
            ref = store.find_manifest(self.submissions, name)
            if ref is not None:
                study = SubmittedStudy.model_validate_json(store.get(ref))
                yield StudySubmitted(study_id=study.study_id, study=ref, name=describe(study))

    def extracted_fact(self, store: ArtifactStore, ref: ArtifactRef) -> Fact:
        document = ExtractedStudy.model_validate_json(store.get(ref))
        return VolumesExtracted(study_id=document.study_id, document=ref, volumes=len(document.volumes))

    def structured_fact(self, store: ArtifactStore, ref: ArtifactRef) -> Fact:
        document = StructuredStudy.model_validate_json(store.get(ref))
        return StudyStructured(study_id=document.study_id, document=ref, pairs=len(document.pairs))

    def read_submitted(self, store: ArtifactStore, fact: Fact) -> Document:
        study = SubmittedStudy.model_validate_json(store.get(self.document_of(fact)))
        return Document(refs=tuple(series.volume for series in study.series))

    def read_extracted(self, store: ArtifactStore, ref: ArtifactRef) -> Document:
        document = ExtractedStudy.model_validate_json(store.get(ref))
        return Document(refs=tuple(volume.volume for volume in document.volumes))

    def read_structured(self, store: ArtifactStore, ref: ArtifactRef) -> Document:
        document = StructuredStudy.model_validate_json(store.get(ref))
        return Document(
            refs=tuple(volume.volume for volume in document.volumes),
            pairs={pair.pair_id: pair.volume for pair in document.pairs},
        )
