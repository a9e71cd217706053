"""Articles: PDFs, their figures, and pairs of figure and caption."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from journalclip_extraction.documents import richness
from journalclip_extraction.handler import announce
from journalclip_intake.articles import submitted
from journalclip_pipelines.kinds.source_kind import Document
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, Bucket
from journalclip_shared.events import (
    SUBMITTED,
    ArticleSubmitted,
    DeliverySubmitted,
    Fact,
    FiguresExtracted,
    PairsStructured,
    Submitted,
)
from journalclip_shared.kinds import Kind
from journalclip_shared.records.article import ExtractedArticle, ExtractedDelivery
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
    submitted: tuple[type[Fact], ...] = SUBMITTED
    extracted: type[Fact] = FiguresExtracted
    structured: type[Fact] = PairsStructured

    def name_of(self, submitted: Fact) -> str:
        return cast(Submitted, submitted).name

    def extracted_count(self, extracted: Fact) -> int:
        return cast(FiguresExtracted, extracted).figures

    def pairs_count(self, structured: Fact) -> int:
        return cast(PairsStructured, structured).pairs

    def submission_of(self, extracted: Fact) -> str:
        return cast(FiguresExtracted, extracted).source

    def document_of(self, fact: Fact) -> ArtifactRef:
        if isinstance(fact, ArticleSubmitted | DeliverySubmitted):
            return _files(fact)[0]
        return cast(FiguresExtracted | PairsStructured, fact).document

    def submitted_facts(self, store: ArtifactStore) -> Iterator[Fact]:
        return submitted(store)

    def extracted_facts(self, store: ArtifactStore) -> Iterator[Fact]:
        """As they were announced; of one article the poorer document first, since the last one counts."""
        found: list[tuple[int, FiguresExtracted]] = []
        for delivery in _deliveries(store):
            for each in delivery.articles:
                document = ExtractedArticle.model_validate_json(store.get(each.document))
                found.append((richness(document.sources), announce(each, delivery.delivery_id)))
        known = {fact.document.uri for _, fact in found}
        for name in store.list_manifests("figures", names.extracted()):  # of before there were deliveries
            ref = store.find_manifest("figures", name)
            if ref is not None and ref.uri not in known:
                document = ExtractedArticle.model_validate_json(store.get(ref))
                panels = sum(len(figure.panels) for figure in document.figures)
                figures = len(document.figures)
                fact = FiguresExtracted(article_id=document.article_id, document=ref, figures=figures, panels=panels)
                found.append((-1, fact))
        yield from (fact for _, fact in sorted(found, key=lambda each: each[0]))

    def structured_fact(self, store: ArtifactStore, ref: ArtifactRef) -> Fact:
        document = StructuredArticle.model_validate_json(store.get(ref))
        return PairsStructured(article_id=document.article_id, document=ref, pairs=len(document.pairs))

    def read_submitted(self, store: ArtifactStore, fact: Fact) -> Document:
        del store  # the fact itself names the bytes
        return Document(refs=_files(cast(Submitted, fact)))

    def read_extracted(self, store: ArtifactStore, ref: ArtifactRef) -> Document:
        document = ExtractedArticle.model_validate_json(store.get(ref))
        images = (
            image for figure in document.figures for image in (figure.image, *(panel.image for panel in figure.panels))
        )
        return Document(refs=tuple(image for image in images if image is not None))

    def read_structured(self, store: ArtifactStore, ref: ArtifactRef) -> Document:
        document = StructuredArticle.model_validate_json(store.get(ref))
        return Document(pairs={pair.pair_id: pair.image for pair in document.pairs})


def _files(fact: Submitted) -> tuple[ArtifactRef, ...]:
    return (fact.pdf,) if isinstance(fact, ArticleSubmitted) else tuple(each.ref for each in fact.files)


def _deliveries(store: ArtifactStore) -> Iterator[ExtractedDelivery]:
    for name in store.list_manifests("figures", "delivered/"):
        ref = store.find_manifest("figures", name)
        if ref is not None:
            yield ExtractedDelivery.model_validate_json(store.get(ref))
