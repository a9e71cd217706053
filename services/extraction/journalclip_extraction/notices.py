"""Articles about articles: retractions and corrections, known by type, title or the word above the title.

Their figures belong to another article, or are taken back: they are kept, and never become pairs. So are those of an
article that its own title or metadata call retracted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from journalclip_extraction.article import ReadArticle
from journalclip_shared.records.article import Quality
from journalclip_sources.pdf.content import Page

NO_PAIRS = frozenset({
    "retraction", "partial-retraction", "correction", "erratum", "corrected-article", "addendum",
    "expression-of-concern", "removal", "withdrawal", "republication", "retracted-article",
})  # fmt: skip
"""Article types, as JATS names them, whose figures make no pairs."""

_AUTHORS = r"(?:(?:author|publisher)(?:['’]?s)?\s+)?"
# "Correction of scoliosis" and "Retraction of the frontal lobe" are surgery: a colon, a quotation or "notice" tells.
_TITLES = (
    (re.compile(r"^\W*(?:retracted|withdrawn)(?:\s+article)?\s*[:\]]", re.IGNORECASE), "retracted-article"),
    (
        re.compile(
            r"^\W*(?:notice\s+of\s+)?(?:partial\s+)?(?:retraction|withdrawal)"
            r"(?:\s+(?:notice|note|statement)\b|\s*:|\s+to\s*[:“”\"'‘])",
            re.IGNORECASE,
        ),
        "retraction",
    ),
    (
        re.compile(
            rf"^\W*{_AUTHORS}(?:(?:corrigend(?:um|a)|errat(?:um|a)|addendum|fe\s+de\s+erratas?|berichtigung|rectificatif)\b|"
            r"corrections?(?:\s+(?:notice|note|statement)\b|\s*:|\s+to\s*[:“”\"'‘]))",
            re.IGNORECASE,
        ),
        "correction",
    ),
    (re.compile(r"^\W*(?:editorial\s+)?expression\s+of\s+concern\b", re.IGNORECASE), "expression-of-concern"),
)
_KICKERS = (
    (re.compile(r"retracted(?:\s+article)?", re.IGNORECASE), "retracted-article"),
    (re.compile(r"retraction(?:\s+(?:note|notice|statement))?", re.IGNORECASE), "retraction"),
    (
        re.compile(
            rf"{_AUTHORS}corrections?|corrigend(?:um|a)|errat(?:um|a)|addendum|fe\s+de\s+erratas?", re.IGNORECASE
        ),
        "correction",
    ),
    (re.compile(r"(?:editorial\s+)?expression\s+of\s+concern", re.IGNORECASE), "expression-of-concern"),
)
_HEAD = 0.35  # of the first page's height: where a word above the title stands


def notice_type(title: str, first: Page | None = None) -> str:
    """The article type that a title says, or a line above it by itself ("ERRATUM"); empty for all other articles."""
    for pattern, kind in _TITLES:
        if pattern.search(title):
            return kind
    head = [line.text.strip(" .:|") for line in first.lines if line.box.y1 < _HEAD * first.box.y1] if first else []
    return next((kind for pattern, kind in _KICKERS if any(map(pattern.fullmatch, head))), "")


def unpaired(articles: Sequence[ReadArticle]) -> tuple[ReadArticle, ...]:
    """The articles, with the figures of notices, corrections and retracted ones marked as no use for pairs."""
    return tuple(map(_unpaired, articles))


def _unpaired(article: ReadArticle) -> ReadArticle:
    kind = article.article_type if article.article_type in NO_PAIRS else notice_type(article.facts.title.value or "")
    kind = kind or ("retracted-article" if article.retracted else "")
    if not kind:
        return article
    quality = Quality(usefulness="discard", score=1.0, by="article-type", reason=f"the article is a {kind}")
    return replace(article, figures=tuple(replace(each, quality=quality) for each in article.figures))
