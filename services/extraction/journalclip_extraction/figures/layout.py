"""From captions and pages to figures with boxes: roles, regions, matching, then the words of the picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from journalclip_extraction.captions.gather import Caption, taken
from journalclip_extraction.figures.assignment import Claim, Side, gap, match, side_of
from journalclip_extraction.figures.regions import Region, find_regions, repeated_marks
from journalclip_extraction.figures.roles import split_roles
from journalclip_extraction.geometry import Rect, union
from journalclip_extraction.page.content import Line, Page
from journalclip_extraction.page.typography import Typography

_LABEL_REACH = 12.0  # points: axis titles and panel letters stand this close to what they label
_ALONE = 0.06  # of a page: a picture this large on a page without captions may belong to a caption overleaf


@dataclass(slots=True, eq=False)
class Placed:
    """A caption with its figure: the page it is on, the box around all of it, and its parts."""

    caption: Caption
    page: Page
    box: Rect | None
    parts: tuple[Region, ...] = ()


@dataclass(slots=True, eq=False)
class _Sheet:
    """One page while it is worked on."""

    page: Page
    claims: list[Claim]
    prose: list[Line]
    labels: list[Line]
    regions: list[Region]


def place(pages: Sequence[Page], captions: Sequence[Caption], habits: Typography) -> list[Placed]:
    """Find every figure caption's picture. Captions of tables take part, so that figures do not take what is theirs."""
    repeated = repeated_marks(pages)
    sheets = {page.number: _sheet(page, captions, habits, repeated) for page in pages}
    usual: Counter[Side] = Counter()
    for sheet in sheets.values():
        usual.update(_clear_sides(sheet))
    placed = []
    for sheet in sheets.values():
        match(sheet.claims, sheet.regions, sheet.prose, usual)
    owners: dict[int, Claim] = {}
    for sheet in sheets.values():
        for claim in sheet.claims:
            owners.update(dict.fromkeys(claim.lines, claim))
    for caption in captions:
        if caption.candidate.label.kind != "figure":
            continue
        sheet = sheets[caption.candidate.page.number]
        claim = owners[id(caption.lines[0])]
        if claim.parts:
            placed.append(Placed(caption, sheet.page, _with_labels(claim, sheet), tuple(claim.parts)))
        else:
            placed.append(_elsewhere(caption, claim, sheet, sheets))
    return placed


def _sheet(page: Page, captions: Sequence[Caption], habits: Typography, repeated: Collection[Rect]) -> _Sheet:
    here = [c for c in captions if c.candidate.page is page]
    claims = [Claim(c.box, frozenset(id(li) for li in c.lines), c.candidate.label.kind) for c in here]
    prose, labels = split_roles(page, habits, taken(captions))
    needed = bool(page.pictures or page.vectors)
    return _Sheet(page, claims, prose, labels, find_regions(page, prose, repeated) if needed else [])


def _clear_sides(sheet: _Sheet) -> list[Side]:
    """Where figures stand on pages that leave no choice: one caption, one region."""
    figures = [claim for claim in sheet.claims if claim.kind == "figure"]
    if len(figures) != 1 or len(sheet.claims) != 1 or len(sheet.regions) != 1:
        return []
    return [side_of(figures[0].box, sheet.regions[0].box)]


def _with_labels(claim: Claim, sheet: _Sheet) -> Rect:
    """The figure's box with the words around it: tick labels, axis titles, panel letters."""
    box = claim.figure
    waiting = [line for line in sheet.labels if line.text]
    grew = True
    while grew:
        grew = False
        for line in list(waiting):
            if gap(box, line.box) <= _LABEL_REACH and _may_take(union((box, line.box)), box, claim, sheet):
                box = union((box, line.box))
                waiting.remove(line)
                grew = True
    return box


def _may_take(grown: Rect, box: Rect, claim: Claim, sheet: _Sheet) -> bool:
    for line in sheet.prose:
        if grown.overlap(line.box) > box.overlap(line.box) + 0.3 * line.box.area:
            return False
    others = (c.figure for c in sheet.claims if c is not claim and c.parts)
    return all(grown.overlap(other) <= box.overlap(other) + 1 for other in others)


def _elsewhere(caption: Caption, claim: Claim, sheet: _Sheet, sheets: dict[int, _Sheet]) -> Placed:
    """A caption without a picture on its page: the next or last page's large, unclaimed one; else words alone."""
    for number in (sheet.page.number - 1, sheet.page.number + 1):
        other = sheets.get(number)
        if other is None:
            continue
        used = {id(part) for c in other.claims for part in c.parts}
        free = [r for r in other.regions if id(r) not in used and r.box.area >= _ALONE * other.page.box.area]
        lonely = not any(c.kind == "figure" and not c.parts for c in other.claims)
        if free and lonely:
            other.claims.append(Claim(union(r.box for r in free), frozenset(), "figure", free[0], "inside", free))
            return Placed(caption, other.page, union(r.box for r in free), tuple(free))
    return Placed(caption, sheet.page, _words_only(claim, sheet))


def _words_only(claim: Claim, sheet: _Sheet) -> Rect | None:
    """A figure of nothing but words (a listing, a flow chart without boxes): the labels straight above its caption."""
    near: defaultdict[bool, list[Rect]] = defaultdict(list)
    for line in sheet.labels:
        if line.box.x_overlap(claim.box) > 0 and gap(line.box, claim.box) < 250:
            near[line.box.cy < claim.box.cy].append(line.box)
    above = near[True]
    return union(above) if len(above) >= 2 else None
