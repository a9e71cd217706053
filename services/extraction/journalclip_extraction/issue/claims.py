"""What a file says about its own parts: pages that its outline or its contents page names as beginnings of articles.

A name counts only where the page prints it: outlines also list sections, and contents pages of other issues are bound
in. Printed page numbers are not looked at, since they seldom are the file's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from journalclip_extraction.issue.evidence import Claims
from journalclip_extraction.issue.views import PageView, is_section, letters

_TITLE_LETTERS = 12
_MOST_LETTERS = 400
_FEW = 2  # entries at least: an outline with one names the document
_MATCHED = 30  # letters of a contents line that a page must print


def read_claims(views: Sequence[PageView], outline: Sequence[tuple[int, str, int]]) -> Claims:
    """``outline``: level, title and 1-based page of each entry, as the file lists them."""
    printed = {view.number: _top_letters(view) for view in views}
    return Claims(frozenset(_outlined(printed, outline)), frozenset(_listed(views, printed)))


def _top_letters(view: PageView) -> str:
    """What the page prints larger than its text, or all of its upper half where nothing is larger."""
    large = [line.text for line in view.page.lines if line.size >= 1.1 * view.body_size]
    return letters("".join(large))[:_MOST_LETTERS]


def _outlined(printed: dict[int, str], outline: Sequence[tuple[int, str, int]]) -> Iterator[int]:
    for level in sorted({level for level, _, _ in outline}):
        entries = [(letters(title), page) for each, title, page in outline if each == level]
        if sum(1 for each, title, _ in outline if each == level and is_section(title)) >= _FEW:
            return  # one article's own sections, here and below
        found = {page for title, page in entries if _is_printed(title, printed.get(page, ""))}
        if len(found) >= _FEW:
            yield from found
            return


def _is_printed(title: str, top: str) -> bool:
    return len(title) >= _TITLE_LETTERS and (title in top or (len(title) > 60 and title[:60] in top))


def _listed(views: Sequence[PageView], printed: dict[int, str]) -> Iterator[int]:
    for view in views:
        if not view.contents:
            continue
        for line in view.page.lines:
            title = letters(re.sub(r"[\s.…·]*\d+\W*$", "", line.text))
            if len(title) >= _TITLE_LETTERS:
                yield from _pages_of(title, view, printed)


def _pages_of(title: str, contents: PageView, printed: dict[int, str]) -> Iterator[int]:
    pages = [
        number for number, top in printed.items() if number > contents.number and title[:_MATCHED] in top
    ]  # fmt: skip
    if len(pages) == 1:
        yield pages[0]
