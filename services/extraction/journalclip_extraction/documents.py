"""Documents of articles in the store: one article, whatever deliveries it came in.

The manifest is ``extracted/<extractor>/<article>`` for one read from its pages alone; a richer delivery's ends in what
it has more. Nothing is overwritten: who asks for the article gets the richest.
"""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_extraction.article import ReadArticle
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, ManifestConflict
from journalclip_shared.ids import identify_article
from journalclip_shared.records.article import ExtractedArticle, Source

# Poorest first: XML without pictures has no pair to offer; XML beside pages or pictures has exact words.
_SUFFIXES = {
    ("xml",): ".text",
    ("pdf",): "",
    ("package", "xml"): ".package",
    ("pdf", "xml"): ".pages",
    ("package", "pdf", "xml"): ".bundle",
}


def identify(article: ReadArticle) -> str:
    """The article's id: its DOI, else its PMCID, else what its pages say."""
    return identify_article(article.facts.doi.value, article.pmcid, article.digest)


def richness(sources: Sequence[Source]) -> int:
    """Rank among the ways in which an article may come; higher is better."""
    return list(_SUFFIXES).index(tuple(sorted(sources)))


def best_of(store: ArtifactStore, extractor: str, identity: str) -> ArtifactRef | None:
    """The richest document of an article by one extractor, or None."""
    for suffix in reversed(_SUFFIXES.values()):
        found = store.find_manifest("figures", f"extracted/{extractor}/{identity}{suffix}")
        if found is not None:
            return found
    return None


def put_document(store: ArtifactStore, document: ExtractedArticle) -> ArtifactRef:
    """Store a document. Where another delivery of as many sources was first, its document stands."""
    name = f"extracted/{document.extractor}/{document.article_id}{_SUFFIXES[tuple(sorted(document.sources))]}"
    try:
        return store.put_manifest("figures", name, document.canonical())
    except ManifestConflict:
        found = store.find_manifest("figures", name)
        assert found is not None, "manifests are never deleted"
        return found
