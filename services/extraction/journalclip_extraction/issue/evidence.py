"""How much speaks for an article to begin on a page: a sum of independent signs, each a name and a weight.

No sign decides alone. A heading in large type is also a chapter's, "Received" is also in a table, and a running line
changes where an author's proof was pasted in; an article's first page has several of them at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from journalclip_extraction.issue.restarts import Restart
from journalclip_extraction.issue.views import PageView

_WINDOW = 2  # pages before and after, whose running lines are compared: left and right pages have their own
_FRONT_WEIGHT, _FRONT_MOST = 0.8, 4
_LIKELY, _LIKELY_FRONT, _LIKELY_PAGES = 3.5, 3, 2
_FONTS_APART = 0.2  # share of characters in common fonts: below it the two pages were not typeset together


@dataclass(slots=True)
class Evidence:
    """The signs for one page; ``score`` is their sum."""

    signs: dict[str, float] = field(default_factory=dict)

    @property
    def score(self) -> float:
        return sum(self.signs.values())

    def add(self, name: str, weight: float) -> None:
        if weight:
            self.signs[name] = weight


@dataclass(frozen=True, slots=True)
class Claims:
    """What the file itself says: pages that its outline and its contents page name as beginnings."""

    outline: frozenset[int] = frozenset()
    contents: frozenset[int] = frozenset()


def weigh(views: Sequence[PageView], claims: Claims, restarts: Sequence[Restart] = ()) -> list[Evidence]:
    """One `Evidence` a page."""
    found = []
    for at, view in enumerate(views):
        evidence = Evidence()
        _of_page(evidence, view)
        _of_claims(evidence, view, claims)
        _of_neighbours(evidence, views, at)
        if view.heading is not None and any(each.after < view.number <= each.page for each in restarts):
            evidence.add("restart", 2.0)
        found.append(evidence)
    _of_style(found, views)
    return found


def _of_style(found: Sequence[Evidence], views: Sequence[PageView]) -> None:
    """A journal sets all its titles alike: the style that heads several likely first pages speaks for each of them."""
    styles = Counter(
        (view.heading.font, round(view.heading.size))
        for at, (view, evidence) in enumerate(zip(views, found, strict=True))
        if view.heading is not None
        and (at == 0 or len(view.front) >= _LIKELY_FRONT or evidence.score >= _LIKELY or "restart" in evidence.signs)
    )
    for view, evidence in zip(views, found, strict=True):
        if view.heading is not None and styles[view.heading.font, round(view.heading.size)] >= _LIKELY_PAGES:
            evidence.add("title-style", 1.5)


def _of_page(evidence: Evidence, view: PageView) -> None:
    if view.heading is not None:
        evidence.add("heading", min(2.0, 1.0 + (view.heading.size / view.body_size - 1.15)))
    evidence.add("front", _FRONT_WEIGHT * min(len(view.front), _FRONT_MOST))
    if view.page_of is not None:
        evidence.add("page-of", 3.0 if view.page_of[0] == 1 else -3.0)
    if view.references > 0.3:
        evidence.add("references", -2.0)


def _of_claims(evidence: Evidence, view: PageView, claims: Claims) -> None:
    if view.number in claims.outline:
        evidence.add("outline", 3.0)
    if view.number in claims.contents:
        evidence.add("contents", 3.0)


def _of_neighbours(evidence: Evidence, views: Sequence[PageView], at: int) -> None:
    if at == 0:
        return
    view, before = views[at], views[max(0, at - _WINDOW) : at]
    evidence.add("doi", _doi(view, before))
    evidence.add("running", _running(views, at))
    evidence.add("folio", _folio(views, at))
    evidence.add("fonts", _fonts(view, before[-1]))
    if before[-1].ends_in_references:
        evidence.add("after-references", 1.0)
    if (
        abs(view.page.box.width - before[-1].page.box.width) + abs(view.page.box.height - before[-1].page.box.height)
        > 12
    ):
        evidence.add("format", 1.0)


def _doi(view: PageView, before: Sequence[PageView]) -> float:
    """A DOI of its own where the pages before printed another."""
    earlier = {doi for each in before for doi in each.dois}
    if not view.dois:
        return 0.0
    if earlier.intersection(view.dois):
        return -2.0
    return 2.5 if earlier else 1.0


def _running(views: Sequence[PageView], at: int) -> float:
    """Running lines that end here, and others that begin."""
    before = [views[i].running for i in range(max(0, at - _WINDOW), at)]
    after = [views[i].running for i in range(at, min(len(views), at + _WINDOW + 1))]
    kept_before = {line for lines in before for line in lines}
    kept_after = {line for lines in after for line in lines}
    if not kept_before or not kept_after:
        return 0.0
    common = kept_before & kept_after
    if not common:
        return 1.5
    return -1.0 if len(common) >= 0.6 * min(len(kept_before), len(kept_after)) else 0.0


def _folio(views: Sequence[PageView], at: int) -> float:
    """Printed page numbers that do not go on."""
    here, last = views[at].folios, views[at - 1].folios
    if not here or not last:
        return 0.0
    goes_on = any(number + 1 in here for number in last)
    if goes_on:
        return -0.5
    return 1.0


def _fonts(view: PageView, before: PageView) -> float:
    """Other typefaces than on the page before."""
    total = min(view.fonts.total(), before.fonts.total())
    if total < 400:
        return 0.0
    share = (view.fonts & before.fonts).total() / total
    return 1.5 if share < _FONTS_APART else 0.0
