"""Documents of articles in the store. One article may arrive in several deliveries, each with its own document.

An article that was read from a PDF alone has the manifest ``extracted/<extractor>/<article>``. Other deliveries add a
suffix for their sources (`_SUFFIXES`). No document is overwritten; `best_of` returns the richest one.
"""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_extraction.article import ReadArticle
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, ManifestConflict
from journalclip_shared.ids import identify_article
from journalclip_shared.records.article import ExtractedArticle, Source

# Poorest first. XML without pictures gives no pair. XML beside pages or pictures gives exact text.
_SUFFIXES = {
    ("xml",): ".text",
    ("pdf",): "",
    ("package", "xml"): ".package",
    ("pdf", "xml"): ".pages",
    ("package", "pdf", "xml"): ".bundle",
}


def identify(article: ReadArticle) -> str:
    """The article's id: from its DOI, else from its PMCID, else from the digest of the delivery."""
    return identify_article(article.facts.doi.value, article.pmcid, article.digest)


def richness(sources: Sequence[Source]) -> int:
    """Rank of a delivery by its sources, from 0; a higher rank is richer."""
    return list(_SUFFIXES).index(tuple(sorted(sources)))


def best_of(store: ArtifactStore, extractor: str, identity: str) -> ArtifactRef | None:
    """The richest document of an article by one extractor, or None."""
    for suffix in reversed(_SUFFIXES.values()):
        found = store.find_manifest("figures", f"extracted/{extractor}/{identity}{suffix}")
        if found is not None:
            return found
    return None


def put_document(store: ArtifactStore, document: ExtractedArticle) -> ArtifactRef:
    """Store a document. If a delivery with the same sources was stored before, its document is kept and returned."""
    name = f"extracted/{document.extractor}/{document.article_id}{_SUFFIXES[tuple(sorted(document.sources))]}"
    try:
        return store.put_manifest("figures", name, document.canonical())
    except ManifestConflict:
        found = store.find_manifest("figures", name)
        assert found is not None, "manifests are never deleted"
        return found
