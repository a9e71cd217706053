"""Articles: PDFs, their figures, and pairs of figure and caption."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from journalclip_intake.articles import submitted
from journalclip_pipelines.kinds.source_kind import Document
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, Bucket
from journalclip_shared.events import ArticleSubmitted, Fact, FiguresExtracted, PairsStructured
from journalclip_shared.kinds import Kind
from journalclip_shared.records.article import ExtractedArticle
from journalclip_shared.records.pair import StructuredArticle


class Articles:
    """`SourceKind` of articles."""

    kind: Kind = "articles"
    source = "article"
    unit = "figures"
    id_prefix = "art_"
    submissions: Bucket = "articles"
    documents: Bucket = "figures"
    stores_no_refused = False
    submitted: type[Fact] = ArticleSubmitted
    extracted: type[Fact] = FiguresExtracted
    structured: type[Fact] = PairsStructured

    def name_of(self, submitted: Fact) -> str:
        return cast(ArticleSubmitted, submitted).name

    def extracted_count(self, extracted: Fact) -> int:
        return cast(FiguresExtracted, extracted).figures

    def pairs_count(self, structured: Fact) -> int:
        return cast(PairsStructured, structured).pairs

    def document_of(self, fact: Fact) -> ArtifactRef:
        if isinstance(fact, ArticleSubmitted):
            return fact.pdf
        return cast(FiguresExtracted | PairsStructured, fact).document

    def submitted_facts(self, store: ArtifactStore) -> Iterator[Fact]:
        return submitted(store)

    def extracted_fact(self, store: ArtifactStore, ref: ArtifactRef) -> Fact:
        document = ExtractedArticle.model_validate_json(store.get(ref))
        panels = sum(len(figure.panels) for figure in document.figures)
        return FiguresExtracted(
            article_id=document.article_id, document=ref, figures=len(document.figures), panels=panels
        )

    def structured_fact(self, store: ArtifactStore, ref: ArtifactRef) -> Fact:
        document = StructuredArticle.model_validate_json(store.get(ref))
        return PairsStructured(article_id=document.article_id, document=ref, pairs=len(document.pairs))

    def read_submitted(self, store: ArtifactStore, fact: Fact) -> Document:
        del store  # the fact itself names the bytes
        return Document(refs=(cast(ArticleSubmitted, fact).pdf,))

    def read_extracted(self, store: ArtifactStore, ref: ArtifactRef) -> Document:
        document = ExtractedArticle.model_validate_json(store.get(ref))
        images = (
            image for figure in document.figures for image in (figure.image, *(panel.image for panel in figure.panels))
        )
        return Document(refs=tuple(image for image in images if image is not None))

    def read_structured(self, store: ArtifactStore, ref: ArtifactRef) -> Document:
        document = StructuredArticle.model_validate_json(store.get(ref))
        return Document(pairs={pair.pair_id: pair.image for pair in document.pairs})
