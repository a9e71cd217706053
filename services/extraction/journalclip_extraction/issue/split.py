"""Where the articles of a file begin and end.

`split` returns the ranges of pages, in order. A file in which nothing speaks for a second article is one range. Pages
that belong to no article (cover, contents, advertisements) are in no range. A file that surely holds several articles
and cannot be cut between them is refused: read as one, it would give one article the figures of another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from journalclip_extraction.issue.claims import read_claims
from journalclip_extraction.issue.evidence import Evidence, weigh
from journalclip_extraction.issue.restarts import find_restarts
from journalclip_extraction.issue.views import PageView, letters, view_pages
from journalclip_shared.errors import PermanentError
from journalclip_sources.pdf.content import Page

SURE = 4.0  # of `Evidence.score`: measured on bound and on single articles, docs/benchmarks/extraction.md
_DOUBTFUL = 3.0
_CERTAIN = 10.0  # the score at which confidence is 1
_FIRST = 2.9  # of the first article's first page, which has no page before it to differ from
_TITLE_LETTERS, _TITLE_MATCHED = 20, 50
_COVER_REACH = 2  # pages that a cover sheet may stand before its article's first page
_SOME_CHARS, _TEXT_CHARS = 40, 600  # of an advertisement
_FOREIGN = 0.2  # share of a page's characters in typefaces of the article before it
_OWN = frozenset({"front", "doi", "outline", "contents", "page-of", "restart", "title-style"})  # of an article itself
_SEVERAL = frozenset({"restart", "doi", "outline", "contents", "page-of"})


class SeveralArticles(PermanentError):
    """The file holds several articles, and where one ends is not clear."""

    def __init__(self, first: int, last: int, why: str) -> None:
        super().__init__(
            "several-articles",
            f"pages {first} to {last} hold several articles that cannot be told apart: {why}",
            "Submit each article as a file of its own, or the issue with an outline.",
        )


@dataclass(frozen=True, slots=True)
class Range:
    """First and last page of an article (1-based), and how sure its beginning is (0 to 1)."""

    first: int
    last: int
    confidence: float


def split(pages: Sequence[Page], outline: Sequence[tuple[int, str, int]]) -> list[Range]:
    """The articles of a file. Raises `SeveralArticles`."""
    if not pages:
        return []
    views = view_pages(pages)
    claims = read_claims(views, outline)
    plain = {views[at].number for at in _starts(views, weigh(views, claims))}
    open_restarts = [each for each in find_restarts(pages) if plain.isdisjoint(range(each.after + 1, each.page + 1))]
    evidence = weigh(views, claims, open_restarts)
    starts = _starts(views, evidence)
    _refuse_doubt(views, evidence, starts)
    if len(starts) < 2:
        return [Range(pages[0].number, pages[-1].number, 1.0)]
    ends = [*(start - 1 for start in starts[1:]), len(views) - 1]
    return [
        Range(
            views[start].number, views[_trimmed(views, start, end)].number, min(evidence[start].score / _CERTAIN, 1.0)
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def _refuse_doubt(views: Sequence[PageView], evidence: Sequence[Evidence], starts: Sequence[int]) -> None:
    """Raises `SeveralArticles` where a page may well begin an article, by a sign that one article seldom has."""
    for at in range(1, len(views)):
        each = evidence[at]
        if (
            at in starts
            or not _DOUBTFUL <= each.score < SURE
            or any(start < at <= start + _COVER_REACH for start in starts)
        ):
            continue
        if signs := sorted(_SEVERAL.intersection(name for name, weight in each.signs.items() if weight >= 2.0)):
            first = max((start for start in starts if start < at), default=0)
            last = min((start - 1 for start in starts if start > at), default=len(views) - 1)
            why = f"page {views[at].number} may begin one ({', '.join(signs)})"
            raise SeveralArticles(views[first].number, views[last].number, why)


def _trimmed(views: Sequence[PageView], start: int, end: int) -> int:
    """The article's last page: without what stands behind it and shares neither type nor running lines with it."""
    while end > start and _is_foreign(views[end], views[start:end]):
        end -= 1
    return end


def _is_foreign(view: PageView, article: Sequence[PageView]) -> bool:
    """An advertisement or announcement: few words, none of the article's typefaces, running lines or labels."""
    if not _SOME_CHARS <= view.chars < _TEXT_CHARS or view.references or view.labelled:
        return False
    if any(view.running & each.running for each in article):
        return False
    fonts: Counter[str] = Counter()
    for each in article:
        fonts.update(each.fonts)
    return (view.fonts & fonts).total() < _FOREIGN * view.fonts.total()


def _starts(views: Sequence[PageView], evidence: Sequence[Evidence]) -> list[int]:
    """Indices of first pages."""
    found: list[int] = []
    for at in range(len(views)):
        if evidence[at].score < SURE or _OWN.isdisjoint(evidence[at].signs):
            continue
        cover = _cover(views, evidence, at, found[-1] if found else -1)
        if cover is None:
            found.append(at)
        elif not found or cover > found[-1]:
            found.append(cover)
    if found and found[0] > 0 and (first := _first(views, evidence, found[0])) is not None:
        found.insert(0, first)
    return found


def _cover(views: Sequence[PageView], evidence: Sequence[Evidence], at: int, last: int) -> int | None:
    """The sheet before the page ``at`` that names the same article, or None."""
    for before in range(max(last, at - _COVER_REACH, 0), at):
        if evidence[before].score >= _FIRST and _is_one(views[before], views[at]):
            return before
    return None


def _first(views: Sequence[PageView], evidence: Sequence[Evidence], end: int) -> int | None:
    """The page before ``end`` that begins the file's first article; nothing before it can differ from it."""
    return next((at for at in range(end) if evidence[at].score >= _FIRST and not views[at].contents), None)


def _is_one(cover: PageView, view: PageView) -> bool:
    """Two first pages of one article: its cover sheet and its own."""
    if set(cover.dois) & set(view.dois):
        return True
    if cover.contents or view.heading is None:
        return False
    title = letters(view.heading.text)
    return len(title) >= _TITLE_LETTERS and title[:_TITLE_MATCHED] in letters(
        "".join(line.text for line in cover.page.lines)
    )
